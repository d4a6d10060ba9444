use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::Timestamp;
use crate::domain::role::Role;
use crate::http::shapes;

/// A role: a named set of permissions.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RoleView {
    #[schema(value_type = shapes::RoleId)]
    id: String,
    #[schema(value_type = shapes::KeyspaceId)]
    keyspace_id: String,
    /// What keys call it.
    #[schema(example = "reader")]
    name: String,
    description: String,
    #[schema(example = json!(["items:*"]))]
    grants: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        Self {
            id: role.id.to_string(),
            keyspace_id: role.keyspace_id.to_string(),
            name: role.name,
            description: role.description,
            grants: role.grants,
            created_at: role.created_at,
            updated_at: role.updated_at,
        }
    }
}

/// What can be set of a new role.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct RoleInput {
    /// 1 to 100 characters, unique in the keyspace.
    #[schema(value_type = shapes::RoleName)]
    name: String,
    /// At most 1,000 characters.
    #[schema(value_type = Option<shapes::Description>)]
    description: Option<String>,
    /// At most 256.
    #[schema(value_type = HashSet<shapes::Grant>, max_items = 256, example = json!(["items:*"]))]
    grants: Vec<String>,
}

/// What can be changed of a role. Absent fields stay as they are; `null` goes back to the default.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct RolePatchInput {
    /// Keys keep the role under its new name.
    #[schema(value_type = shapes::RoleName, required = false)]
    name: Option<String>,
    /// See creation.
    #[schema(value_type = Option<shapes::Description>)]
    description: Option<String>,
    /// The whole list.
    #[schema(value_type = Option<HashSet<shapes::Grant>>, max_items = 256, example = json!(["items:read"]))]
    grants: Option<Vec<String>>,
}
