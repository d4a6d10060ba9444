use axum::Json;
use axum::extract::State;

use super::HeadKeysView;
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;

/// List the keys that sign a keyspace's heads.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/signing-keys",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    responses((status = 200, description = "Every key, and what gates are to trust.", body = HeadKeysView))
)]
pub(in crate::http) async fn list_head_keys(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
) -> Result<Json<HeadKeysView>, Failure> {
    let keys = app.store.head_keys(caller.workspace(), keyspace).await?;
    Ok(Json(HeadKeysView::of(&keys, app.now())))
}
