use axum::extract::State;
use axum::response::Response;

use super::restrictions::restrictions;
use super::token::TokenSource;
use super::view::{KeyInput, KeyView, KeyWithSecretView};
use crate::app::App;
use crate::domain::{ChosenToken, FieldErrors, KeyDraft, KeyId, KeyspaceId, NewKey, Secret};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::precondition::tagged;
use crate::http::problem::Failure;
use crate::http::reply;

/// Make a key.
///
/// The answer is the only place where its token is ever shown. A token of your own making is not repeated.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/keys",
    tag = "keys",
    params(("keyspace_id" = String, Path)),
    request_body = KeyInput,
    responses(
        (status = 201, description = "Made. Its address is in the Location header.", body = KeyWithSecretView<'_>),
        (status = 409, description = "`NAME_TAKEN`, `KEY_QUOTA_REACHED`, `TOKEN_ALREADY_USED`, `EXTERNAL_ID_TAKEN`, `LIVE_NOT_ENABLED` or `IDEMPOTENCY_IN_FLIGHT`."),
    )
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
        external_id: body.text("external_id").flatten(),
        restrictions: restrictions(&mut body),
    };
    let chosen = body.text("token").flatten().map(ChosenToken::new);
    let at = app.now();
    let keyspace = app.store.keyspace(caller.workspace(), keyspace_id).await?;
    let (name, settings) = draft.check(body.finish(), at, keyspace.rules.default_expiry_days)?;
    let mut errors = FieldErrors::default();
    let source = TokenSource { keyspace: &keyspace, environment: settings.environment };
    let token = source.token(chosen, &mut errors);
    errors.into_result()?;
    let token = token.ok_or(Failure::Internal)?;
    let id: KeyId = app.next_id();
    let secret = Secret {
        id: app.next_id(),
        digest: token.digest(),
        start: token.start().to_owned(),
        created_at: at,
        expires_at: None,
        last_used_at: None,
    };
    let new = NewKey { id, keyspace_id, name, settings, secret, at };
    let made = app.store.create_key(&caller.actor(), new).await?;
    let view = KeyWithSecretView { key: KeyView::of(made.value, at), secret: token.shown() };
    Ok(tagged(made.change_seq, reply::created(&format!("/v1/keys/{id}"), made.change_seq, view)))
}
