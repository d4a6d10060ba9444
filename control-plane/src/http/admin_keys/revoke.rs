use axum::Json;
use axum::extract::State;

use super::get::find;
use super::view::AdminKeyView;
use crate::app::App;
use crate::domain::AdminKeyId;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;

/// Revoke an admin key for good.
///
/// It stops with the next request. Revoking it again changes nothing. The last one that may do everything stays.
#[utoipa::path(
    delete,
    path = "/v1/admin-keys/{admin_key_id}",
    tag = "admin keys",
    params(("admin_key_id" = String, Path)),
    responses(
        (status = 200, description = "The admin key, revoked.", body = AdminKeyView),
        (status = 409, description = "Nobody could manage the workspace any more: `LAST_ADMIN_KEY`."),
    )
)]
pub(in crate::http) async fn revoke_admin_key(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<AdminKeyId>,
) -> Result<Json<AdminKeyView>, Failure> {
    find(&app, &caller, id).await?;
    let revoked = app.store.revoke_admin_key(&caller.actor(), id, app.now()).await?;
    Ok(Json(revoked.value.into()))
}
