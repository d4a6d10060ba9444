//! Roles: named sets of permission patterns, given to keys by name.

use latchkey_validator::permissions::check_grant;
use serde_json::{Value, json};

use super::{FieldErrors, KeyspaceId, RoleId, Timestamp, text};

/// Roles of one keyspace.
pub const MAX_ROLES: u32 = 256;
/// Roles that a keyspace can have in its life: snapshots hold numbers of 16 bits, and a number is never used again.
pub const MAX_ROLE_NUMBER: u16 = 16_384;
const MAX_GRANTS: usize = 256;

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Where it belongs.
    pub keyspace_id: KeyspaceId,
    /// What snapshots call it. It stays through renames, and no later role gets it: a profile in an old base must never mean
    /// another role.
    pub number: u16,
    /// What keys call it.
    pub name: String,
    /// For people.
    pub description: String,
    /// Permission patterns.
    pub grants: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Role {
    /// What the audit log keeps.
    pub fn audit_view(&self) -> Value {
        json!({
            "id": self.id,
            "keyspace_id": self.keyspace_id,
            "name": self.name,
            "description": self.description,
            "grants": self.grants,
        })
    }
}

/// What a caller wants of a new role.
#[derive(Clone, Debug, Default)]
pub struct RoleDraft {
    /// Required.
    pub name: Option<String>,
    /// Default empty.
    pub description: Option<String>,
    /// Required; may be empty.
    pub grants: Option<Vec<String>>,
}

/// What a caller wants changed: absent fields stay, `Some(None)` goes back to the default.
#[derive(Clone, Debug, Default)]
pub struct RolePatch {
    /// Has no default.
    pub name: Option<Option<String>>,
    /// See [`RoleDraft::description`].
    pub description: Option<Option<String>>,
    /// The whole list; its default is empty.
    pub grants: Option<Option<Vec<String>>>,
}

/// The settings of a role, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSettings {
    /// See [`Role::name`].
    pub name: String,
    /// See [`Role::description`].
    pub description: String,
    /// See [`Role::grants`].
    pub grants: Vec<String>,
}

/// A role that only lacks a number.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// Its id.
    pub id: RoleId,
    /// Its settings.
    pub settings: RoleSettings,
}

impl RoleDraft {
    /// Checks every field. `errors` holds what was wrong before this point.
    ///
    /// # Errors
    /// All wrong fields.
    pub fn check(self, mut errors: FieldErrors) -> Result<RoleSettings, FieldErrors> {
        let name = errors.required("/name", self.name);
        let name = name.and_then(|name| errors.check("/name", text::name(name)));
        let description =
            errors.check("/description", text::description(self.description.unwrap_or_default()));
        let grants = errors.required("/grants", self.grants).unwrap_or_default();
        check_grants(&grants, &mut errors);
        match (name, description) {
            (Some(name), Some(description)) if errors.is_empty() => {
                Ok(RoleSettings { name, description, grants })
            }
            _ => Err(errors),
        }
    }
}

impl RolePatch {
    /// Lays the patch over a role's settings and checks the result.
    ///
    /// # Errors
    /// All wrong fields.
    pub fn apply(self, role: &Role) -> Result<RoleSettings, FieldErrors> {
        RoleDraft {
            name: self.name.unwrap_or_else(|| Some(role.name.clone())),
            description: self.description.unwrap_or_else(|| Some(role.description.clone())),
            grants: Some(self.grants.map_or_else(|| role.grants.clone(), Option::unwrap_or_default)),
        }
        .check(FieldErrors::default())
    }
}

fn check_grants(grants: &[String], errors: &mut FieldErrors) {
    if grants.len() > MAX_GRANTS {
        errors.add("/grants", format!("must have at most {MAX_GRANTS} entries"));
        return;
    }
    for (at, grant) in grants.iter().enumerate() {
        let field = format!("/grants/{at}");
        errors.check(field.as_str(), check_grant(grant));
        if grants[..at].contains(grant) {
            errors.add(field, "stands in the list twice");
        }
    }
}

/// A set of roles that a new keyspace can begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// `Read` grants `*:read`, `ReadAndPay` adds `*:pay`, `Admin` grants everything.
    ReadPayAdmin,
}

impl Preset {
    /// Reads its name.
    ///
    /// # Errors
    /// A sentence for the caller who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "read-pay-admin" => Ok(Self::ReadPayAdmin),
            _ => Err("must be read-pay-admin".to_owned()),
        }
    }

    /// Its roles.
    pub fn roles(self) -> Vec<RoleSettings> {
        let role = |name: &str, description: &str, grants: &[&str]| RoleSettings {
            name: name.to_owned(),
            description: description.to_owned(),
            grants: grants.iter().map(|&grant| grant.to_owned()).collect(),
        };
        match self {
            Self::ReadPayAdmin => vec![
                role("Read", "May read everything.", &["*:read"]),
                role("ReadAndPay", "May read everything and pay.", &["*:read", "*:pay"]),
                role("Admin", "May do everything.", &["*"]),
            ],
        }
    }
}
