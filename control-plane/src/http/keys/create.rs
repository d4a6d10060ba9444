use axum::extract::State;
use axum::response::Response;
use latchkey_token::{SecretToken, generate};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{KeyInput, KeyView};
use crate::app::App;
use crate::domain::{KeyDraft, KeyId, KeyspaceId, NewKey, Secret};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::reply;

/// A new key with its token.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct CreatedKeyView<'a> {
    #[serde(flatten)]
    key: KeyView,
    /// The token. It is kept nowhere and shown this once.
    secret: &'a str,
}

/// Make a key.
///
/// The answer is the only place where its token is ever shown.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/keys",
    tag = "keys",
    params(("keyspace_id" = String, Path)),
    request_body = KeyInput,
    responses((status = 201, description = "Made. Its address is in the Location header.", body = CreatedKeyView<'_>))
)]
pub(in crate::http) async fn create_key(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace_id): PathId<KeyspaceId>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let draft = KeyDraft {
        name: body.text("name").flatten(),
        description: body.text("description").flatten(),
        environment: body.text("environment").flatten(),
        owner: body.text("owner").flatten(),
        tags: body.texts("tags").flatten(),
        metadata: body.object("metadata").flatten(),
        enabled: body.flag("enabled").flatten(),
        expires_at: body.text("expires_at"),
        permissions: body.texts("permissions").flatten(),
        roles: body.texts("roles").flatten(),
    };
    let at = app.now();
    let keyspace = app.store.keyspace(caller.workspace(), keyspace_id).await?;
    let (name, settings) = draft.check(body.finish(), at, keyspace.rules.default_expiry_days)?;
    // Straight from the system, which gives randomness or nothing works at all.
    let token: SecretToken = generate(&keyspace.prefix, settings.environment, &mut UnwrapErr(SysRng));
    let id: KeyId = app.next_id();
    let secret = Secret {
        id: app.next_id(),
        digest: token.digest(),
        start: token.start().to_owned(),
        created_at: at,
        expires_at: None,
    };
    let new = NewKey { id, keyspace_id, name, settings, secret, at };
    let made = app.store.create_key(&caller.actor(), new).await?;
    let view = CreatedKeyView { key: KeyView::of(made.value, at), secret: token.expose() };
    Ok(reply::created(&format!("/v1/keys/{id}"), made.change_seq, view))
}
