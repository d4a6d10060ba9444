use axum::Json;
use axum::extract::State;

use super::view::RoleView;
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId};
use crate::http::problem::Failure;
use crate::http::reply::ListView;

/// List the roles of a keyspace, newest first.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/roles",
    tag = "roles",
    params(
        ("keyspace_id" = String, Path),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
    ),
    responses((status = 200, description = "Part of the list.", body = ListView<RoleView>))
)]
pub(in crate::http) async fn list_roles(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
    mut params: Params,
) -> Result<Json<ListView<RoleView>>, Failure> {
    let page = params.page();
    params.finish()?;
    let page = app.store.roles(caller.workspace(), keyspace, page).await?;
    Ok(Json(ListView::of(page, |role| role.id.0, RoleView::from)))
}
