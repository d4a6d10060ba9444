use super::{
    AdminKeyId, FieldErrors, KeyId, LostChanges, RoleId, SigningKeyId, UpstreamCredentialId, WebhookId,
};

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
    /// The keyspace or an owner in it has as many keys as its quota allows.
    #[error(
        "{scope} has {limit} keys that are not revoked, which is its quota; revoke one, or raise {setting} of the keyspace"
    )]
    QuotaReached {
        /// Whose quota: `the keyspace`, `the owner`.
        scope: &'static str,
        /// The setting that holds it.
        setting: &'static str,
        /// How many.
        limit: u64,
    },
    /// Somebody else changed the object meanwhile.
    #[error(
        "the object was changed meanwhile: its change_seq is {change_seq}, not one that If-Match names; read it again"
    )]
    PreconditionFailed {
        /// The object's own.
        change_seq: u64,
    },
    /// A token stands for one key, and for that only, for ever.
    #[error("this token stands or stood for another key; choose another one")]
    TokenAlreadyUsed,
    /// The name in another system belongs to another key of the keyspace.
    #[error("the external_id is that of the key {0}")]
    ExternalIdTaken(KeyId),
    /// A key can only be rotated so often at a time.
    #[error("the key {key} has {limit} tokens that work; let one end before it gets another")]
    TooManySecrets {
        /// Which key.
        key: KeyId,
        /// How many it may have.
        limit: usize,
    },
    /// What was used cannot be taken back.
    #[error("the key {key} has {remaining} of {unit} left, so no more than that can be taken from it")]
    CreditsBelowZero {
        /// Which key.
        key: KeyId,
        /// Of what.
        unit: String,
        /// What is left, as gates last reported it.
        remaining: u64,
    },
    /// Nothing can be sealed for the gates.
    #[error("the keyspace has no gate_encryption_key, so nothing can be sealed for its gates; set it first")]
    GateEncryptionKeyMissing,
    /// Something has to be sealed for the gates.
    #[error(
        "{credentials} upstream credentials are sealed by the gate_encryption_key; delete them before you take it away"
    )]
    GateEncryptionKeyInUse {
        /// How many.
        credentials: u64,
    },
    /// Another upstream credential of the keyspace has the name.
    #[error("the name `{name}` is taken by the upstream credential {holder}")]
    UpstreamCredentialNameTaken {
        /// The wanted name.
        name: String,
        /// The one that has it.
        holder: UpstreamCredentialId,
    },
    /// The key has this public key already.
    #[error("the public key is that of {0}, which the key has already")]
    SigningKeyTaken(SigningKeyId),
    /// A key can only have so many.
    #[error("the key {key} has {limit} signing keys; delete one before it gets another")]
    TooManySigningKeys {
        /// Which key.
        key: KeyId,
        /// How many it may have.
        limit: usize,
    },
    /// A switch-over that is not under way.
    #[error(
        "{0} has no token but its newest that still works, so there is no switch-over to move; rotate it first"
    )]
    NotRotating(KeyId),
    /// A signing key is taking over already.
    #[error("the signing key {next} is taking over already; complete that rotation first")]
    HeadKeyRotating {
        /// Which one, by its id in hex.
        next: String,
    },
    /// No signing key is taking over.
    #[error(
        "no signing key of the keyspace is taking over, so there is nothing to complete; rotate it first"
    )]
    HeadKeyNotRotating,
    /// No base waits for consent.
    #[error("no snapshot of the keyspace is held back: …/propagation shows `held` when one is")]
    NothingHeld,
    /// Publishing was not paused.
    #[error("publishing of the keyspace is not paused: …/propagation shows `paused` when it is")]
    NotPaused,
    /// Keys that were revoked may work again.
    #[error(
        "{}; keys that were revoked there would work again. Name them in `revoke`, or set `accept_lost_revocations`",
        lost_changes(.lost)
    )]
    LostRevocations {
        /// Which changes, if that is known.
        lost: Option<LostChanges>,
    },
    /// No epoch may outrank that of a head which only a thief would sign.
    #[error(
        "a gate has a head of an epoch that only a thief would sign, by a key that still signs; replace the signing key, give every gate the new \
         one alone, and raise the epoch then (docs/epochs.md)"
    )]
    EpochsUsedUp,
    /// There is nothing to restore.
    #[error("the key {0} is not revoked")]
    NotRevoked(KeyId),
    /// Whoever found its token still has it.
    #[error("the key {0} was revoked because it leaked and cannot be restored; make another one")]
    LeakedKey(KeyId),
    /// It was revoked too long ago.
    #[error("the key {key} was revoked more than {retention_days} days ago and cannot be restored any more")]
    RetentionPassed {
        /// Which key.
        key: KeyId,
        /// The keyspace's setting.
        retention_days: u32,
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
    /// Nothing is sent to it.
    #[error("the webhook {0} is switched off, so nothing can be sent to it; set enabled to true first")]
    WebhookDisabled(WebhookId),
}

fn lost_changes(lost: &Option<LostChanges>) -> String {
    match lost {
        Some(LostChanges { after, through }) => {
            format!("a gate knows changes up to {through} and this database only those up to {after}")
        }
        None => "no gate has shown how far it has come, so changes may be lost".to_owned(),
    }
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
    /// A signing key of a key.
    SigningKey,
    /// A credential for the upstream.
    UpstreamCredential,
    /// A token of a key.
    Secret,
    /// An admin key.
    AdminKey,
    /// A webhook.
    Webhook,
    /// A delivery of an event.
    Delivery,
}

impl std::fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Keyspace => "keyspace",
            Self::Key => "key",
            Self::Role => "role",
            Self::SigningKey => "signing key",
            Self::UpstreamCredential => "upstream credential",
            Self::Secret => "token of the key",
            Self::AdminKey => "admin key",
            Self::Webhook => "webhook",
            Self::Delivery => "delivery",
        })
    }
}

impl From<FieldErrors> for DomainError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}
