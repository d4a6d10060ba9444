use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

use super::view::KeyView;
use crate::app::App;
use crate::domain::{FieldErrors, KeyId, text};
use crate::http::body::OptionalJsonBody;
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId};
use crate::http::problem::Failure;
use crate::http::reply;

/// Why a key is revoked.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct RevokeInput {
    /// Kept with the key: at most 1,000 characters.
    #[schema(example = "found in a public repository")]
    reason: Option<String>,
}

/// Revoke a key for good.
///
/// Revoking it again changes nothing. The reason may stand in the body or in the query.
#[utoipa::path(
    delete,
    path = "/v1/keys/{key_id}",
    tag = "keys",
    params(("key_id" = String, Path), ("reason" = Option<String>, Query, description = "as in the body")),
    request_body(content = Option<RevokeInput>),
    responses((status = 200, description = "The key, revoked.", body = KeyView))
)]
pub(in crate::http) async fn revoke_key(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyId>,
    mut params: Params,
    OptionalJsonBody(mut body): OptionalJsonBody,
) -> Result<Response, Failure> {
    let in_query = params.take("reason", |reason| text::description(reason.to_owned()));
    params.finish()?;
    let in_body = body.text("reason").flatten();
    let reason = checked_reason(in_body, body.finish())?.or(in_query);
    let now = app.now();
    let revoked = app.store.revoke_key(&caller.actor(), id, reason, now).await?;
    Ok(reply::changed(revoked.change_seq, KeyView::of(revoked.value, now)))
}

fn checked_reason(reason: Option<String>, mut errors: FieldErrors) -> Result<Option<String>, FieldErrors> {
    let reason = reason.and_then(|reason| errors.check("/reason", text::description(reason)));
    errors.into_result().map(|()| reason)
}
