use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::effective::{Grant, RouteAccess};
use crate::http::shapes;

/// A permission pattern and where it comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct GrantView {
    #[schema(value_type = shapes::Grant)]
    grant: String,
    /// `key` for permissions of the key's own, else `role` and its name.
    #[schema(example = json!(["role reader"]))]
    granted_by: Vec<String>,
}

/// What a route would say.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RouteAccessView {
    #[schema(example = "GET")]
    method: String,
    #[schema(example = "/items/{id}")]
    path: String,
    /// What it asks for; `null`: nothing but a valid key.
    permission: Option<String>,
    /// Which keys it serves; `null`: both.
    #[schema(value_type = Option<shapes::Environment>)]
    environment: Option<&'static str>,
    allowed: bool,
    /// The patterns that open it.
    granted_by: Vec<String>,
}

impl From<Grant> for GrantView {
    fn from(Grant { grant, granted_by }: Grant) -> Self {
        Self { grant, granted_by }
    }
}

impl From<RouteAccess<'_>> for RouteAccessView {
    fn from(access: RouteAccess<'_>) -> Self {
        Self {
            method: access.route.method.clone(),
            path: access.route.path.clone(),
            permission: access.route.permission.clone(),
            environment: access.route.environment.map(|environment| environment.as_str()),
            allowed: access.allowed,
            granted_by: access.granted_by,
        }
    }
}
