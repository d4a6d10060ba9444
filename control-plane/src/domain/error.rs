use super::{AdminKeyId, FieldErrors, KeyId};

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
    /// Without it nobody could manage the workspace any more.
    #[error(
        "{0} is the last admin key that may do everything and never expires; make another one before you revoke it"
    )]
    LastAdminKey(AdminKeyId),
}

/// The kinds of objects that an operation may not find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A keyspace.
    Keyspace,
    /// A key.
    Key,
    /// An admin key.
    AdminKey,
}

impl std::fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Keyspace => "keyspace",
            Self::Key => "key",
            Self::AdminKey => "admin key",
        })
    }
}

impl From<FieldErrors> for DomainError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}
