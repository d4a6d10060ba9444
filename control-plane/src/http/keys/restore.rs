use axum::extract::State;
use axum::response::Response;

use super::view::{KeyView, changed_key};
use crate::app::App;
use crate::domain::KeyId;
use crate::http::body::OptionalJsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathIdBeforeVerb;
use crate::http::precondition::IfMatch;
use crate::http::problem::Failure;

/// Take a revocation back.
///
/// Possible for `retention_days` of the keyspace, and never for a key that leaked.
#[utoipa::path(
    post,
    path = "/v1/keys/{key_id}:restore",
    tag = "keys",
    params(("key_id" = String, Path), ("If-Match" = Option<String>, Header, description = "the key's ETag")),
    responses(
        (status = 200, description = "The key, working again.", body = KeyView),
        (status = 409, description = "`NOT_REVOKED`, `LEAKED_KEY`, `RETENTION_PASSED`, `NAME_TAKEN` or `KEY_QUOTA_REACHED`."),
    )
)]
pub(in crate::http) async fn restore_key(
    caller: Caller,
    State(app): State<App>,
    PathIdBeforeVerb(id): PathIdBeforeVerb<KeyId>,
    IfMatch(expected): IfMatch,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Failure> {
    body.finish().into_result()?;
    let now = app.now();
    let restored = app.store.restore_key(&caller.actor(), id, expected, now).await?;
    Ok(changed_key(restored, now))
}
