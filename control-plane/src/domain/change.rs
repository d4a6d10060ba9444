use super::{KeyId, KeyspaceId, Timestamp};

/// What happened to a keyspace. The names are stored and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The keyspace was made.
    KeyspaceCreated,
    /// Its settings changed.
    KeyspaceUpdated,
    /// It was deleted, and every key in it revoked.
    KeyspaceDeleted,
    /// Its policy was replaced.
    PolicyReplaced,
    /// A key was made.
    KeyCreated,
    /// A key changed.
    KeyUpdated,
    /// A key was revoked.
    KeyRevoked,
    /// A role was made.
    RoleCreated,
    /// A role changed.
    RoleUpdated,
    /// A role was deleted.
    RoleDeleted,
    /// Live keys were let in.
    LiveEnabled,
    /// Live keys were shut out.
    LiveDisabled,
    /// A key got another token.
    KeyRotated,
    /// A revocation was taken back.
    KeyRestored,
    /// A token of a key was found where it does not belong.
    KeyLeakReported,
    /// A key may use more or less.
    KeyCredited,
    /// The calendar gave a key more.
    KeyRefilled,
    /// A key got another pair that may sign its requests.
    SigningKeyAdded,
    /// A pair may not sign any more.
    SigningKeyRemoved,
    /// A credential for the upstream was made.
    UpstreamCredentialCreated,
    /// A credential for the upstream changed.
    UpstreamCredentialUpdated,
    /// A credential for the upstream was deleted.
    UpstreamCredentialDeleted,
    /// Every key was shut out at once.
    KeyspaceKilled,
    /// The keys that are good were let in again.
    KeyspaceRevived,
    /// Every key of an owner was revoked.
    OwnerRevoked,
    /// Somebody consented to publish a base that was held back.
    GuardOverridden,
    /// Publishing goes on after gates had refused what was published.
    PublishingResumed,
    /// Another key began to sign heads beside the current one.
    HeadKeyRotated,
    /// The key that signed heads before was given up.
    HeadKeyRotationCompleted,
    /// Another key signs heads, and no other.
    HeadKeyReplaced,
    /// What is published from now on outranks everything from before.
    EpochRaised,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 31] = [
        Self::KeyspaceCreated,
        Self::KeyspaceUpdated,
        Self::KeyspaceDeleted,
        Self::PolicyReplaced,
        Self::KeyCreated,
        Self::KeyUpdated,
        Self::KeyRevoked,
        Self::RoleCreated,
        Self::RoleUpdated,
        Self::RoleDeleted,
        Self::LiveEnabled,
        Self::LiveDisabled,
        Self::KeyRotated,
        Self::KeyRestored,
        Self::KeyLeakReported,
        Self::KeyCredited,
        Self::KeyRefilled,
        Self::SigningKeyAdded,
        Self::SigningKeyRemoved,
        Self::UpstreamCredentialCreated,
        Self::UpstreamCredentialUpdated,
        Self::UpstreamCredentialDeleted,
        Self::KeyspaceKilled,
        Self::KeyspaceRevived,
        Self::OwnerRevoked,
        Self::GuardOverridden,
        Self::PublishingResumed,
        Self::HeadKeyRotated,
        Self::HeadKeyRotationCompleted,
        Self::HeadKeyReplaced,
        Self::EpochRaised,
    ];

    /// Whether somebody is shut out for good: that goes out at once.
    pub const fn revokes(self) -> bool {
        matches!(
            self,
            Self::KeyRevoked
                | Self::KeyLeakReported
                | Self::OwnerRevoked
                | Self::KeyspaceKilled
                | Self::KeyspaceDeleted
        )
    }

    /// Whether somebody may be shut out, for good or for now: that waits for nothing that takes long.
    pub const fn may_shut_out(self) -> bool {
        self.revokes() || matches!(self, Self::KeyUpdated)
    }

    /// The stored name, which is also the audit log's action.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyspaceCreated => "keyspace.created",
            Self::KeyspaceUpdated => "keyspace.updated",
            Self::KeyspaceDeleted => "keyspace.deleted",
            Self::PolicyReplaced => "policy.replaced",
            Self::KeyCreated => "key.created",
            Self::KeyUpdated => "key.updated",
            Self::KeyRevoked => "key.revoked",
            Self::RoleCreated => "role.created",
            Self::RoleUpdated => "role.updated",
            Self::RoleDeleted => "role.deleted",
            Self::LiveEnabled => "live.enabled",
            Self::LiveDisabled => "live.disabled",
            Self::KeyRotated => "key.rotated",
            Self::KeyRestored => "key.restored",
            Self::KeyLeakReported => "key.leak_reported",
            Self::KeyCredited => "key.credited",
            Self::KeyRefilled => "key.refilled",
            Self::SigningKeyAdded => "key.signing_key_added",
            Self::SigningKeyRemoved => "key.signing_key_removed",
            Self::UpstreamCredentialCreated => "upstream_credential.created",
            Self::UpstreamCredentialUpdated => "upstream_credential.updated",
            Self::UpstreamCredentialDeleted => "upstream_credential.deleted",
            Self::KeyspaceKilled => "keyspace.killed",
            Self::KeyspaceRevived => "keyspace.revived",
            Self::OwnerRevoked => "owner.revoked",
            Self::GuardOverridden => "snapshot.overridden",
            Self::PublishingResumed => "snapshot.resumed",
            Self::HeadKeyRotated => "keyspace.signing_key_rotated",
            Self::HeadKeyRotationCompleted => "keyspace.signing_key_rotation_completed",
            Self::HeadKeyReplaced => "keyspace.signing_key_replaced",
            Self::EpochRaised => "keyspace.epoch_raised",
        }
    }

    /// The kind of a stored name.
    pub fn from_stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// One row of a keyspace's change log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose log.
    pub keyspace_id: KeyspaceId,
    /// 1, 2, 3, … without gaps.
    pub seq: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// The key it happened to, for changes of keys.
    pub key_id: Option<KeyId>,
    /// When.
    pub at: Timestamp,
}
