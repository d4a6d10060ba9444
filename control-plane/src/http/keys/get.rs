use axum::Json;
use axum::extract::State;

use super::view::KeyView;
use crate::app::App;
use crate::domain::KeyId;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;

/// Show a key.
#[utoipa::path(
    get,
    path = "/v1/keys/{key_id}",
    tag = "keys",
    params(("key_id" = String, Path)),
    responses((status = 200, description = "The key.", body = KeyView))
)]
pub(in crate::http) async fn get_key(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyId>,
) -> Result<Json<KeyView>, Failure> {
    let key = app.store.key(caller.workspace(), id).await?;
    Ok(Json(KeyView::of(key, app.now())))
}
