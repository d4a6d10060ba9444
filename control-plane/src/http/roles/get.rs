use axum::Json;
use axum::extract::State;

use super::view::RoleView;
use crate::app::App;
use crate::domain::{KeyspaceId, RoleId};
use crate::http::caller::Caller;
use crate::http::params::PathIds;
use crate::http::problem::Failure;

/// Show a role.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/roles/{role_id}",
    tag = "roles",
    params(("keyspace_id" = String, Path), ("role_id" = String, Path)),
    responses((status = 200, description = "The role.", body = RoleView))
)]
pub(in crate::http) async fn get_role(
    caller: Caller,
    State(app): State<App>,
    PathIds(keyspace, role): PathIds<KeyspaceId, RoleId>,
) -> Result<Json<RoleView>, Failure> {
    Ok(Json(app.store.role(caller.workspace(), keyspace, role).await?.into()))
}
