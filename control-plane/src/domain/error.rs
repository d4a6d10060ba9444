use super::{AdminKeyId, FieldErrors, KeyId, RoleId};

/// Why an operation is refused. None of these is a fault of the program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// Fields of the input are wrong.
    #[error("the input has wrong fields: {0}")]
    Invalid(FieldErrors),
    /// There is no such object in the caller's workspace.
    #[error("there is no such {0}")]
    NotFound(ObjectKind),
    /// Another live key of the same owner has the name.
    #[error("the name `{name}` is taken by the key {holder}")]
    NameTaken {
        /// The wanted name.
        name: String,
        /// The live key that has it.
        holder: KeyId,
    },
    /// The keyspace still has keys that work.
    #[error(
        "the keyspace has {live_keys} live keys; revoke them first, or delete with ?force=true, which revokes them"
    )]
    KeyspaceInUse {
        /// How many.
        live_keys: u64,
    },
    /// A revoked key is not changed any more.
    #[error("the key {0} is revoked and cannot be changed")]
    KeyRevoked(KeyId),
    /// Another role of the keyspace has the name.
    #[error("the name `{name}` is taken by the role {holder}")]
    RoleNameTaken {
        /// The wanted name.
        name: String,
        /// The role that has it.
        holder: RoleId,
    },
    /// Keys have the role.
    #[error(
        "the role `{name}` is in use by {keys} keys ({}); take it from them first, or delete it with ?force=true, which does",
        named(.keys, .first)
    )]
    RoleInUse {
        /// The role.
        name: String,
        /// How many.
        keys: u64,
        /// Some of them.
        first: Vec<KeyId>,
    },
    /// Live keys do not work in this keyspace.
    #[error(
        "live is off for this keyspace; GET /v1/keyspaces/{{keyspace_id}}/environments says what it needs to be turned on"
    )]
    LiveNotEnabled,
    /// Something is missing.
    #[error("live cannot be turned on yet: {0}")]
    RequirementsNotMet(String),
    /// Without it nobody could manage the workspace any more.
    #[error(
        "{0} is the last admin key that may do everything and never expires; make another one before you revoke it"
    )]
    LastAdminKey(AdminKeyId),
}

fn named(keys: &u64, first: &[KeyId]) -> String {
    let named = first.iter().map(KeyId::to_string).collect::<Vec<_>>().join(", ");
    if *keys > first.len() as u64 { format!("{named}, …") } else { named }
}

/// The kinds of objects that an operation may not find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A keyspace.
    Keyspace,
    /// A key.
    Key,
    /// A role.
    Role,
    /// An admin key.
    AdminKey,
}

impl std::fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Keyspace => "keyspace",
            Self::Key => "key",
            Self::Role => "role",
            Self::AdminKey => "admin key",
        })
    }
}

impl From<FieldErrors> for DomainError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}
