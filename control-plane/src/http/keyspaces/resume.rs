use axum::extract::State;
use axum::response::Response;

use super::kill::{ReasonInput, reason};
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::reply;

/// Publish everything again.
///
/// If no gate takes what was published and they say that it is bad, publishing is paused: gates go on by the last that they took, and get
/// revocations and nothing else. `paused` of the propagation says what they say. Mend that, by another policy or newer gates, and resume: a new
/// base is built and published. If gates refuse that too, publishing is paused again.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/snapshot:resume",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    request_body = ReasonInput,
    responses(
        (status = 204, description = "Everything is published."),
        (status = 409, description = "Publishing is not paused: `NOT_PAUSED`."),
    )
)]
pub(in crate::http) async fn resume_publishing(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
    JsonBody(body): JsonBody,
) -> Result<Response, Failure> {
    let reason = reason(body)?;
    let resumed = app.store.resume_publishing(&caller.actor(), id, reason, app.now()).await?;
    Ok(reply::gone(resumed.change_seq))
}
