//! A key found by its token. The token stands in the body: addresses end up in logs.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

use super::update::patch;
use super::view::{KeyPatchInput, KeyView, changed_key};
use crate::app::App;
use crate::domain::error::ObjectKind;
use crate::domain::{ChosenToken, FieldErrors, Key};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::precondition::{IfMatch, tagged};
use crate::http::problem::Failure;

/// Which token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct TokenInput {
    /// The whole token.
    #[schema(example = "demo_test_…")]
    token: String,
}

/// Which token, and what to change of its key.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct UpdateByTokenInput {
    /// The whole token.
    #[schema(example = "demo_test_…")]
    token: String,
    changes: KeyPatchInput,
}

/// Find the key that a token stands for.
///
/// Found is also what is disabled, expired or revoked; nothing is found once it was purged.
#[utoipa::path(
    post,
    path = "/v1/keys:lookup",
    tag = "keys",
    request_body = TokenInput,
    responses(
        (status = 200, description = "The key.", body = KeyView),
        (status = 404, description = "No key has or had this token: `NOT_FOUND`."),
    )
)]
pub(in crate::http) async fn look_up_key(
    caller: Caller,
    State(app): State<App>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let token = token(&mut body);
    let token = checked(token, body.finish())?;
    let key = find(&app, &caller, &token).await?;
    Ok(tagged(key.change_seq, Json(KeyView::of(key, app.now()))))
}

/// Change the key that a token stands for (JSON merge patch, RFC 7396).
#[utoipa::path(
    post,
    path = "/v1/keys:update",
    tag = "keys",
    params(("If-Match" = Option<String>, Header, description = "the key's ETag")),
    request_body = UpdateByTokenInput,
    responses(
        (status = 200, description = "The key after the change.", body = KeyView),
        (status = 404, description = "No key has or had this token: `NOT_FOUND`."),
        (status = 409, description = "`NAME_TAKEN`, `KEY_QUOTA_REACHED` or `KEY_REVOKED`."),
    )
)]
pub(in crate::http) async fn update_key_of_token(
    caller: Caller,
    State(app): State<App>,
    IfMatch(expected): IfMatch,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let token = token(&mut body);
    let changes = body.nested("changes", patch).flatten();
    let mut errors = body.finish();
    let changes = errors.required("/changes", changes);
    let token = checked(token, errors)?;
    let key = find(&app, &caller, &token).await?;
    let (now, patch) = (app.now(), changes.unwrap_or_default());
    let changed = app.store.update_key(&caller.actor(), key.id, expected, patch, now).await?;
    Ok(changed_key(changed, now))
}

/// The field `token`.
pub(super) fn token(body: &mut Fields) -> Option<ChosenToken> {
    body.text("token").flatten().map(ChosenToken::new)
}

/// The token, if it was there and nothing else is wrong.
pub(super) fn checked(
    token: Option<ChosenToken>,
    mut errors: FieldErrors,
) -> Result<ChosenToken, FieldErrors> {
    match errors.required("/token", token) {
        Some(token) if errors.is_empty() => Ok(token),
        _ => Err(errors),
    }
}

pub(super) async fn find(app: &App, caller: &Caller, token: &ChosenToken) -> Result<Key, Failure> {
    let key = app.store.key_of_token(caller.workspace(), token.digest()).await?;
    caller.require_reach(key.keyspace_id, ObjectKind::Key)?;
    Ok(key)
}
