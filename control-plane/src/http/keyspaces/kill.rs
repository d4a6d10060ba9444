use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

use super::view::KeyspaceView;
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::params::PathIdBeforeVerb;
use crate::http::problem::Failure;
use crate::http::{reply, shapes};

/// Why something drastic is done.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct ReasonInput {
    /// Kept in the audit log: 1 to 1,000 characters.
    #[schema(value_type = shapes::Description)]
    reason: String,
}

/// Shut every key of a keyspace out.
///
/// Gates refuse all of them within moments, with `REVOKED`, until the keyspace is revived. The keys themselves stay as they are, and can be
/// revoked, rotated and made meanwhile: that is the time to find out which are still good. Killing it again changes nothing.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}:kill",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    request_body = ReasonInput,
    responses((status = 200, description = "The keyspace, killed.", body = KeyspaceView))
)]
pub(in crate::http) async fn kill_keyspace(
    caller: Caller,
    State(app): State<App>,
    PathIdBeforeVerb(id): PathIdBeforeVerb<KeyspaceId>,
    JsonBody(body): JsonBody,
) -> Result<Response, Failure> {
    let reason = reason(body)?;
    let killed = app.store.kill_keyspace(&caller.actor(), id, reason, app.now()).await?;
    Ok(reply::changed(killed.change_seq, KeyspaceView::from(killed.value)))
}

/// Let the keys of a killed keyspace in again.
///
/// Those that are good by now; what was revoked meanwhile stays revoked. Of a keyspace that is not killed it changes nothing.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}:revive",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    request_body = ReasonInput,
    responses((status = 200, description = "The keyspace, revived.", body = KeyspaceView))
)]
pub(in crate::http) async fn revive_keyspace(
    caller: Caller,
    State(app): State<App>,
    PathIdBeforeVerb(id): PathIdBeforeVerb<KeyspaceId>,
    JsonBody(body): JsonBody,
) -> Result<Response, Failure> {
    let reason = reason(body)?;
    let revived = app.store.revive_keyspace(&caller.actor(), id, reason, app.now()).await?;
    Ok(reply::changed(revived.change_seq, KeyspaceView::from(revived.value)))
}

/// Takes the body of an operation that asks for a reason and nothing else.
pub(super) fn reason(mut body: Fields) -> Result<String, Failure> {
    let reason = body.reason();
    body.finish().into_result()?;
    Ok(reason)
}
