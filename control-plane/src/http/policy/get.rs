use axum::Json;
use axum::extract::State;

use super::view::PolicyView;
use crate::app::App;
use crate::domain::{KeyspaceId, Policy};
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;

/// Show the policy.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/policy",
    tag = "policy",
    params(("keyspace_id" = String, Path)),
    responses((status = 200, description = "The policy.", body = PolicyView))
)]
pub(in crate::http) async fn get_policy(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
) -> Result<Json<Policy>, Failure> {
    Ok(Json(app.store.policy(caller.workspace(), id).await?.policy))
}
