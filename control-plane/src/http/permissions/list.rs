use axum::Json;
use axum::extract::State;
use latchkey_validator::permissions::covers;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::GrantView;
use crate::app::App;
use crate::domain::{KeyspaceId, PolicyState, effective};
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;

/// The permissions that a keyspace knows.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PermissionsView {
    /// What routes ask for.
    permissions: Vec<PermissionView>,
    /// What roles grant.
    grants: Vec<GrantView>,
}

/// A permission that routes ask for.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PermissionView {
    #[schema(example = "items:read")]
    permission: String,
    routes: Vec<RouteNameView>,
    /// The names of the roles that grant it.
    granted_by: Vec<String>,
}

/// A route.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RouteNameView {
    #[schema(example = "GET")]
    method: String,
    #[schema(example = "/items/{id}")]
    path: String,
}

/// List every permission that a route asks for or a role grants, and where.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/permissions",
    tag = "roles",
    params(("keyspace_id" = String, Path)),
    responses((status = 200, description = "The permissions.", body = PermissionsView))
)]
pub(in crate::http) async fn list_permissions(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
) -> Result<Json<PermissionsView>, Failure> {
    let policy = app.store.policy(caller.workspace(), keyspace).await?;
    let every_role: Vec<_> = policy.roles.iter().map(|role| role.name.clone()).collect();
    let grants = effective::grants(&policy, &[], &every_role).into_iter().map(Into::into).collect();
    Ok(Json(PermissionsView { permissions: asked_for(&policy), grants }))
}

fn asked_for(policy: &PolicyState) -> Vec<PermissionView> {
    let mut permissions: Vec<PermissionView> = Vec::new();
    for route in &policy.policy.routes {
        let Some(wanted) = &route.permission else { continue };
        let name = RouteNameView { method: route.method.clone(), path: route.path.clone() };
        match permissions.iter_mut().find(|known| known.permission == *wanted) {
            Some(known) => known.routes.push(name),
            None => permissions.push(PermissionView {
                permission: wanted.clone(),
                routes: vec![name],
                granted_by: roles_that_grant(policy, wanted),
            }),
        }
    }
    permissions
}

fn roles_that_grant(policy: &PolicyState, wanted: &str) -> Vec<String> {
    let roles = policy.roles.iter().filter(|role| role.grants.iter().any(|grant| covers(grant, wanted)));
    roles.map(|role| role.name.clone()).collect()
}
