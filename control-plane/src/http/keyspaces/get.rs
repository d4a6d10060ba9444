use axum::Json;
use axum::extract::State;

use super::view::KeyspaceView;
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;

/// Show a keyspace.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    responses((status = 200, description = "The keyspace.", body = KeyspaceView))
)]
pub(in crate::http) async fn get_keyspace(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
) -> Result<Json<KeyspaceView>, Failure> {
    Ok(Json(app.store.keyspace(caller.workspace(), id).await?.into()))
}
