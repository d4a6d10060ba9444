use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::domain::{KeyspaceId, UpstreamCredentialId};
use crate::http::caller::Caller;
use crate::http::params::PathIds;
use crate::http::problem::Failure;
use crate::http::reply;

/// Delete an upstream credential.
///
/// Requests of routes that name it are refused from then on.
#[utoipa::path(
    delete,
    path = "/v1/keyspaces/{keyspace_id}/upstream-credentials/{upstream_credential_id}",
    tag = "upstream credentials",
    params(("keyspace_id" = String, Path), ("upstream_credential_id" = String, Path)),
    responses((status = 204, description = "Deleted."))
)]
pub(in crate::http) async fn delete_upstream_credential(
    caller: Caller,
    State(app): State<App>,
    PathIds(keyspace, id): PathIds<KeyspaceId, UpstreamCredentialId>,
) -> Result<Response, Failure> {
    let deleted = app.store.delete_upstream_credential(&caller.actor(), keyspace, id, app.now()).await?;
    Ok(reply::gone(deleted.change_seq))
}
