use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

use super::rotate::check_end;
use super::view::{KeyView, changed_key};
use crate::app::App;
use crate::domain::KeyId;
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathIdBeforeVerb;
use crate::http::precondition::IfMatch;
use crate::http::problem::Failure;

/// When the tokens that were replaced stop: one of the two.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct RescheduleInput {
    /// For how long they still work from now on, 0 to 2,592,000; 0 stops them at once.
    #[schema(example = 3600, maximum = 2592000)]
    grace_seconds: Option<u64>,
    /// When they stop.
    #[schema(example = json!(null), format = DateTime)]
    old_expires_at: Option<String>,
}

/// Move the end of a rotation.
///
/// Sooner, once everybody uses the new token (`secrets[].last_used_at` tells), or later, while somebody does not. It concerns the tokens
/// that a rotation has replaced and that still work, and sets the same end for all of them; what has stopped stays so.
#[utoipa::path(
    post,
    path = "/v1/keys/{key_id}:reschedule",
    tag = "keys",
    params(("key_id" = String, Path), ("If-Match" = Option<String>, Header, description = "the key's ETag")),
    request_body = RescheduleInput,
    responses(
        (status = 200, description = "The key after the change.", body = KeyView),
        (status = 409, description = "`KEY_REVOKED` or `NOT_ROTATING`."),
    )
)]
pub(in crate::http) async fn reschedule_key(
    caller: Caller,
    State(app): State<App>,
    PathIdBeforeVerb(id): PathIdBeforeVerb<KeyId>,
    IfMatch(expected): IfMatch,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let now = app.now();
    let (grace, end) = (body.number("grace_seconds").flatten(), body.text("old_expires_at").flatten());
    let mut errors = body.finish();
    if grace.is_none() && end.is_none() && errors.is_empty() {
        errors.add("/old_expires_at", "is missing, or else grace_seconds");
    }
    let end = check_end(grace, end, now, &mut errors);
    errors.into_result()?;
    let moved = app.store.reschedule_key(&caller.actor(), id, expected, end, now).await?;
    Ok(changed_key(moved, now))
}
