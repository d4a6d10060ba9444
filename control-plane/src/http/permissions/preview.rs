use axum::Json;
use axum::extract::State;
use latchkey_validator::permissions::check_grant;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{GrantView, RouteAccessView};
use crate::app::App;
use crate::domain::{KeyspaceId, effective};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::shapes;

/// Roles and permissions that a key might have.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct PreviewInput {
    /// Names of roles of the keyspace.
    #[schema(value_type = Option<Vec<shapes::RoleName>>, example = json!([]))]
    roles: Option<Vec<String>>,
    /// Permission patterns.
    #[schema(value_type = Option<Vec<shapes::Grant>>, example = json!(["items:*"]))]
    permissions: Option<Vec<String>>,
}

/// What they come to.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PreviewView {
    grants: Vec<GrantView>,
    /// Every route of the policy.
    routes: Vec<RouteAccessView>,
}

/// Show what roles and permissions would grant together, before any key has them.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/permissions:preview",
    tag = "roles",
    params(("keyspace_id" = String, Path)),
    request_body = PreviewInput,
    responses((status = 200, description = "What they come to.", body = PreviewView))
)]
pub(in crate::http) async fn preview_permissions(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
    JsonBody(mut body): JsonBody,
) -> Result<Json<PreviewView>, Failure> {
    let roles = body.texts("roles").flatten().unwrap_or_default();
    let permissions = body.texts("permissions").flatten().unwrap_or_default();
    let mut errors = body.finish();
    for (at, grant) in permissions.iter().enumerate() {
        errors.check(format!("/permissions/{at}"), check_grant(grant));
    }
    let policy = app.store.policy(caller.workspace(), keyspace).await?;
    policy.check_roles(&roles, &mut errors);
    errors.into_result()?;
    let grants = effective::grants(&policy, &permissions, &roles);
    let routes = effective::routes(&policy, &grants, None).into_iter().map(Into::into).collect();
    Ok(Json(PreviewView { grants: grants.into_iter().map(Into::into).collect(), routes }))
}
