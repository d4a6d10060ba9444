use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{GrantView, RouteAccessView};
use crate::app::App;
use crate::domain::{KeyId, effective};
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;

/// What a key may do now.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct KeyPermissionsView {
    permissions: Vec<GrantView>,
    /// Every route of the policy.
    routes: Vec<RouteAccessView>,
}

/// Show what a key may do, and why.
///
/// Only by its permissions and its environment: a key that is revoked, expired or disabled may do nothing.
#[utoipa::path(
    get,
    path = "/v1/keys/{key_id}/permissions",
    tag = "roles",
    params(("key_id" = String, Path)),
    responses((status = 200, description = "What it may do.", body = KeyPermissionsView))
)]
pub(in crate::http) async fn get_key_permissions(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyId>,
) -> Result<Json<KeyPermissionsView>, Failure> {
    let key = app.store.key(caller.workspace(), id).await?;
    let policy = app.store.policy(caller.workspace(), key.keyspace_id).await?;
    let grants = effective::grants(&policy, &key.permissions, &key.roles);
    let routes =
        effective::routes(&policy, &grants, Some(key.environment)).into_iter().map(Into::into).collect();
    Ok(Json(KeyPermissionsView { permissions: grants.into_iter().map(Into::into).collect(), routes }))
}
