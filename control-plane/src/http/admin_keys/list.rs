use axum::Json;
use axum::extract::State;

use super::view::AdminKeyView;
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::params::Params;
use crate::http::problem::Failure;
use crate::http::reply::ListView;

/// List admin keys that are not revoked, newest first.
///
/// An admin key that is limited to keyspaces sees those that are limited to the same ones.
#[utoipa::path(
    get,
    path = "/v1/admin-keys",
    tag = "admin keys",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
    ),
    responses((status = 200, description = "Part of the list.", body = ListView<AdminKeyView>))
)]
pub(in crate::http) async fn list_admin_keys(
    caller: Caller,
    State(app): State<App>,
    mut params: Params,
) -> Result<Json<ListView<AdminKeyView>>, Failure> {
    let page = params.page();
    params.finish()?;
    let page = app.store.admin_keys(caller.admin_key(), page).await?;
    Ok(Json(ListView::of(page, |admin_key| admin_key.id.0, AdminKeyView::from)))
}
