use std::sync::Arc;

use latchkey_token::Environment;

use crate::domain::{KeyId, KeyspaceId, Restrictions, Timestamp};

/// What was last published of a keyspace. Enough to go on after a restart without building a base anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Whose.
    pub keyspace_id: KeyspaceId,
    /// Raised by an operator when a database was restored; outranks `seq`.
    pub epoch: u32,
    /// The number of the head; it never falls.
    pub seq: u64,
    /// The last change that the head includes.
    pub change_seq: u64,
    /// The head as it was signed.
    pub head: Vec<u8>,
    /// Bytes of the base that the head names: index pages and shards.
    pub base_bytes: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
}

/// A body of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// SHA-256 of the bytes.
    pub hash: [u8; 32],
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a new head does to the bodies that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyChanges {
    /// Bodies that it names for the first time.
    pub added: Vec<Body>,
    /// Bodies that it no longer names.
    pub dropped: Vec<[u8; 32]>,
}

/// A keyspace's signing key, sealed under the master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSigningKey {
    /// What gates are told to trust.
    pub public_key: [u8; 32],
    /// The private half; only the master key opens it.
    pub sealed_seed: Vec<u8>,
}

/// One secret as a snapshot's row needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct BaseRow {
    /// What stands for the token in snapshots.
    pub tag: [u8; 16],
    /// The key it stands for.
    pub key_id: KeyId,
    /// Test or live.
    pub environment: Environment,
    /// Whether the key is switched on.
    pub enabled: bool,
    /// Whether the key was revoked.
    pub revoked: bool,
    /// The earlier of the key's and the secret's own expiry.
    pub expires_at: Option<Timestamp>,
    /// What other secrets may say alike.
    pub profile: Arc<BaseProfile>,
}

/// Some of the rows of a range.
#[derive(Clone, Debug, PartialEq)]
pub struct BasePage {
    /// In the order of their tags.
    pub rows: Vec<BaseRow>,
    /// Whether the range has no more. If it has, there is at least one here.
    pub is_last: bool,
}

/// What a key may do, and for whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BaseProfile {
    /// Whose key it is.
    pub owner: Option<String>,
    /// What it may do.
    pub permissions: Vec<String>,
    /// Names of its roles.
    pub roles: Vec<String>,
    /// JSON object, passed to the upstream.
    pub metadata: String,
    /// What narrows it beyond its permissions, if anything does.
    pub restrictions: Option<Box<Restrictions>>,
}

/// Tags behind `after`, up to and with `through`. Without those, all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TagRange {
    /// The tag before the first.
    pub after: Option<[u8; 16]>,
    /// The last.
    pub through: Option<[u8; 16]>,
}

/// A key that changed, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedKey {
    /// The change that was the last one to it.
    pub change_seq: u64,
    /// One row per secret.
    pub rows: Vec<ChangedRow>,
}

/// A secret of a key that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedRow {
    /// The secret as it is now.
    pub row: BaseRow,
    /// Another secret's tag begins with the same 8 bytes, so this one cannot be revoked by prefix. Told of revoked ones only.
    pub shares_prefix: bool,
}

/// What happened to a keyspace after some change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangesSince {
    /// The newest change that this includes.
    pub through_seq: u64,
    /// Keys that changed, each once. Empty if `too_many`.
    pub keys: Vec<ChangedKey>,
    /// More keys changed than the caller wanted to see: time for a new base.
    pub too_many: bool,
    /// The policy or the keyspace's settings changed.
    pub settings_changed: bool,
    /// Every key is shut out, because the keyspace was killed or deleted. Then nothing is told of single keys.
    pub killed: bool,
    /// Owners whose keys were revoked all at once. Those keys are told of only if something else happened to them as well: what an older
    /// segment or base says of the others falls to the owner's kill.
    pub owner_kills: Vec<RevokedOwner>,
}

impl ChangesSince {
    /// Whether a segment would say nothing.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.owner_kills.is_empty() && !self.killed && !self.too_many
    }
}

/// An owner whose keys were revoked all at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedOwner {
    /// Who.
    pub owner: String,
    /// The last change that did so.
    pub seq: u64,
}
