use axum::Json;
use axum::extract::State;

use super::view::KeyView;
use crate::app::App;
use crate::domain::{KeyStatus, KeyspaceId};
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId};
use crate::http::problem::Failure;
use crate::http::reply::ListView;
use crate::storage::KeyFilter;

/// List the keys of a keyspace, newest first.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/keys",
    tag = "keys",
    params(
        ("keyspace_id" = String, Path),
        ("status" = Option<String>, Query, description = "active, disabled, expired or revoked; absent: all but revoked"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
    ),
    responses((status = 200, description = "Part of the list.", body = ListView<KeyView>))
)]
pub(in crate::http) async fn list_keys(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
    mut params: Params,
) -> Result<Json<ListView<KeyView>>, Failure> {
    let page = params.page();
    let filter = KeyFilter { status: params.take("status", KeyStatus::parse) };
    params.finish()?;
    let now = app.now();
    let page = app.store.keys(caller.workspace(), keyspace, filter, page, now).await?;
    Ok(Json(ListView::of(page, |key| key.id.0, |key| KeyView::of(key, now))))
}
