use axum::Json;
use axum::extract::State;

use super::view::KeyspaceView;
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::params::Params;
use crate::http::problem::Failure;
use crate::http::reply::ListView;

/// List keyspaces, newest first.
#[utoipa::path(
    get,
    path = "/v1/keyspaces",
    tag = "keyspaces",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
    ),
    responses((status = 200, description = "Part of the list.", body = ListView<KeyspaceView>))
)]
pub(in crate::http) async fn list_keyspaces(
    caller: Caller,
    State(app): State<App>,
    mut params: Params,
) -> Result<Json<ListView<KeyspaceView>>, Failure> {
    let page = params.page();
    params.finish()?;
    let page = app.store.keyspaces(caller.workspace(), page).await?;
    Ok(Json(ListView::of(page, |keyspace| keyspace.id.0, KeyspaceView::from)))
}
