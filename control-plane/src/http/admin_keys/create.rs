use axum::extract::State;
use axum::response::Response;
use latchkey_token::{Environment, Prefix, SecretToken, generate};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{AdminKeyInput, AdminKeyView};
use crate::app::App;
use crate::domain::admin_key::TOKEN_PREFIX;
use crate::domain::{AdminKey, AdminKeyDraft};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::problem::Failure;
use crate::http::reply;

/// A new admin key with its token.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct CreatedAdminKeyView<'a> {
    #[serde(flatten)]
    admin_key: AdminKeyView,
    /// The token. It is kept nowhere and shown this once.
    secret: &'a str,
}

/// Make an admin key.
///
/// The answer is the only place where its token is ever shown.
#[utoipa::path(
    post,
    path = "/v1/admin-keys",
    tag = "admin keys",
    request_body = AdminKeyInput,
    responses((status = 201, description = "Made. Its address is in the Location header.", body = CreatedAdminKeyView<'_>))
)]
pub(in crate::http) async fn create_admin_key(
    caller: Caller,
    State(app): State<App>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let draft = AdminKeyDraft {
        name: body.text("name").flatten(),
        scopes: body.texts("scopes").flatten(),
        keyspaces: body.texts("keyspaces").flatten(),
        expires_at: body.text("expires_at").flatten(),
    };
    let now = app.now();
    let settings = draft.check(body.finish(), caller.admin_key(), now)?;
    let prefix = Prefix::new(TOKEN_PREFIX).map_err(|_| Failure::Internal)?;
    let token: SecretToken = generate(&prefix, Environment::Live, &mut UnwrapErr(SysRng));
    let admin_key = AdminKey {
        id: app.next_id(),
        workspace_id: caller.workspace(),
        name: settings.name,
        start: token.start().to_owned(),
        scopes: settings.scopes,
        keyspaces: settings.keyspaces,
        expires_at: settings.expires_at,
        created_at: now,
        revoked_at: None,
    };
    let made = app.store.create_admin_key(&caller.actor(), admin_key, token.digest().0).await?.value;
    let location = format!("/v1/admin-keys/{}", made.id);
    Ok(reply::created_elsewhere(
        &location,
        CreatedAdminKeyView { admin_key: made.into(), secret: token.expose() },
    ))
}
