use async_trait::async_trait;

use super::{Committed, SealedSigningKey, StoreError};
use crate::domain::{Actor, ForeignHead, HeadKey, KeyspaceId, Pause, Timestamp, WorkspaceId};

/// A signing key as the publisher needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedHeadKey {
    /// The key.
    pub key: HeadKey,
    /// The private half; only the master key opens it. A retired key has none.
    pub sealed_seed: Option<Vec<u8>>,
}

impl SealedHeadKey {
    /// Both halves, unless the key is retired.
    pub fn sealed(&self) -> Option<SealedSigningKey> {
        let sealed_seed = self.sealed_seed.clone()?;
        Some(SealedSigningKey { public_key: self.key.public_key, sealed_seed })
    }
}

/// By whom and in which epoch heads are signed, and what stands against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// Every key that the keyspace ever had: the current one first, then the next, then retired ones, newest first.
    pub keys: Vec<SealedHeadKey>,
    /// What heads have from now on.
    pub epoch: u32,
    /// A head that a gate holds and this database never signed. While there is one, nothing is published.
    pub foreign: Option<ForeignHead>,
    /// While there is one, nothing but revocations is published.
    pub pause: Option<Pause>,
}

impl Signing {
    /// The keys themselves.
    pub fn keys(&self) -> impl Iterator<Item = &HeadKey> {
        self.keys.iter().map(|sealed| &sealed.key)
    }

    /// Those that are not retired.
    pub fn in_use(&self) -> impl Iterator<Item = &HeadKey> {
        self.keys().filter(|key| key.is_in_use())
    }

    /// Every public key whose signature may be on a head of this keyspace.
    pub fn public_keys(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.keys().map(|key| &key.public_key)
    }

    /// What a gate's setting lists.
    pub fn trusted_texts(&self) -> Vec<String> {
        trusted_texts(self.keys())
    }
}

/// What a gate's setting lists: every key that is not retired.
pub fn trusted_texts<'a>(keys: impl Iterator<Item = &'a HeadKey>) -> Vec<String> {
    keys.filter(|key| key.is_in_use()).map(HeadKey::trusted_text).collect()
}

/// Keys that sign heads.
#[async_trait]
pub trait HeadKeyStore: Send + Sync + 'static {
    /// Every key of a keyspace, in the order of [`Signing::keys`].
    async fn head_keys(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
    ) -> Result<Vec<HeadKey>, StoreError>;

    /// From now on `key` signs too, and the current one until `overlap_ends`.
    async fn rotate_head_key(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        key: SealedSigningKey,
        overlap_ends: Timestamp,
        at: Timestamp,
    ) -> Result<Committed<Vec<HeadKey>>, StoreError>;

    /// The next key becomes the current one, and the one before signs nothing any more.
    async fn complete_head_key_rotation(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        at: Timestamp,
    ) -> Result<Committed<Vec<HeadKey>>, StoreError>;

    /// From now on `key` signs, and nothing else.
    async fn replace_head_key(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        key: SealedSigningKey,
        reason: String,
        at: Timestamp,
    ) -> Result<Committed<Vec<HeadKey>>, StoreError>;
}
