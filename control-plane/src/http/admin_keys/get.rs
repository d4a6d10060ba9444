use axum::Json;
use axum::extract::State;

use super::view::AdminKeyView;
use crate::app::App;
use crate::domain::error::ObjectKind;
use crate::domain::{AdminKey, AdminKeyId, DomainError};
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;

/// Show an admin key.
#[utoipa::path(
    get,
    path = "/v1/admin-keys/{admin_key_id}",
    tag = "admin keys",
    params(("admin_key_id" = String, Path)),
    responses((status = 200, description = "The admin key.", body = AdminKeyView))
)]
pub(in crate::http) async fn get_admin_key(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<AdminKeyId>,
) -> Result<Json<AdminKeyView>, Failure> {
    Ok(Json(find(&app, &caller, id).await?.into()))
}

/// An admin key that the caller may know of.
pub(super) async fn find(app: &App, caller: &Caller, id: AdminKeyId) -> Result<AdminKey, Failure> {
    let found = app.store.admin_key(caller.workspace(), id).await?;
    if caller.admin_key().reaches_all_of(&found) {
        Ok(found)
    } else {
        Err(Failure::Refused(DomainError::NotFound(ObjectKind::AdminKey)))
    }
}
