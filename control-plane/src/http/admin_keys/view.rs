use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{AdminKey, KeyspaceId, Timestamp};
use crate::http::shapes;

/// An admin key.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct AdminKeyView {
    #[schema(value_type = shapes::AdminKeyId)]
    id: String,
    name: String,
    /// What people recognise it by.
    #[schema(example = "lkadm_live_ab12")]
    start: String,
    /// What it may do; `*` is everything.
    #[schema(value_type = Vec<shapes::ScopeName>)]
    scopes: Vec<&'static str>,
    /// The only keyspaces that it reaches; `null`: all.
    #[schema(value_type = Option<Vec<shapes::KeyspaceId>>)]
    keyspaces: Option<Vec<KeyspaceId>>,
    /// `null`: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

impl From<AdminKey> for AdminKeyView {
    fn from(admin_key: AdminKey) -> Self {
        Self {
            id: admin_key.id.to_string(),
            name: admin_key.name,
            start: admin_key.start,
            scopes: admin_key.scopes.names(),
            keyspaces: admin_key.keyspaces,
            expires_at: admin_key.expires_at,
            created_at: admin_key.created_at,
            revoked_at: admin_key.revoked_at,
        }
    }
}

/// What can be set of a new admin key. It can have no right that the admin key in use lacks.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct AdminKeyInput {
    /// 1 to 100 characters.
    #[schema(value_type = shapes::Name)]
    name: String,
    /// At least one; `*` alone is everything.
    #[schema(value_type = HashSet<shapes::ScopeName>, min_items = 1, example = json!(["keys:read", "keys:write"]))]
    scopes: Vec<String>,
    /// The only keyspaces that it reaches, at most 64. Absent: those of the admin key in use.
    #[schema(value_type = Option<HashSet<shapes::KeyspaceId>>, min_items = 1, max_items = 64, example = json!(null))]
    keyspaces: Option<Vec<String>>,
    /// Absent: that of the admin key in use.
    #[schema(example = "2099-12-31T23:59:59Z", format = DateTime)]
    expires_at: Option<String>,
}
