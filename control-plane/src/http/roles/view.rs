use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::Timestamp;
use crate::domain::role::Role;

/// A role: a named set of permissions.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RoleView {
    #[schema(example = "role_06nd5xbm0q3tz")]
    id: String,
    #[schema(example = "ks_06nd5xbm0q3tz")]
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
    #[schema(example = "reader")]
    name: String,
    /// At most 1,000 characters.
    #[schema(example = "May look at items")]
    description: Option<String>,
    /// Permission patterns, at most 256; `*` stands for one segment, at the end for any rest.
    #[schema(example = json!(["items:*"]))]
    grants: Vec<String>,
}

/// What can be changed of a role. Absent fields stay as they are; `null` goes back to the default.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct RolePatchInput {
    /// Keys keep the role under its new name.
    #[schema(example = "viewer")]
    name: Option<String>,
    /// See creation.
    #[schema(example = "May look at items")]
    description: Option<String>,
    /// The whole list.
    #[schema(example = json!(["items:read"]))]
    grants: Option<Vec<String>>,
}
