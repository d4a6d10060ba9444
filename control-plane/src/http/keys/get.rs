use axum::Json;
use axum::extract::State;
use axum::response::Response;

use super::view::KeyView;
use crate::app::App;
use crate::domain::KeyId;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::precondition::{IfMatch, tagged};
use crate::http::problem::Failure;

/// Show a key.
#[utoipa::path(
    get,
    path = "/v1/keys/{key_id}",
    tag = "keys",
    params(("key_id" = String, Path), ("If-Match" = Option<String>, Header, description = "the key's ETag")),
    responses((status = 200, description = "The key.", body = KeyView))
)]
pub(in crate::http) async fn get_key(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyId>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Failure> {
    let key = app.store.key(caller.workspace(), id).await?;
    expected.check(&key).map_err(Failure::Refused)?;
    Ok(tagged(key.change_seq, Json(KeyView::of(key, app.now()))))
}
