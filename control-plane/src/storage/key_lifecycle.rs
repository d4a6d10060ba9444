use async_trait::async_trait;
use latchkey_token::Digest;

use super::{Committed, StoreError};
use crate::domain::{
    Actor, DomainError, FoundToken, ImportOutcome, Key, KeyId, KeyImport, KeyspaceId, LeakOutcome,
    Precondition, Secret, Timestamp, WorkspaceId,
};

/// What happens to keys after they were made, beyond changes of their settings. Keys of deleted keyspaces are found by nothing here.
#[async_trait]
pub trait KeyLifecycleStore: Send + Sync + 'static {
    /// The key that a token stands for, whatever its state.
    async fn key_of_token(&self, workspace: WorkspaceId, digest: Digest) -> Result<Key, StoreError>;

    /// The keyspace that a token belongs to, or belonged to until its key was purged: then without the key.
    async fn home_of_token(
        &self,
        workspace: WorkspaceId,
        digest: Digest,
    ) -> Result<Option<(KeyspaceId, Option<Key>)>, StoreError>;

    /// The keys that a token stands for, in whatever workspace and state: for holders, who have nothing but their token.
    async fn keys_of_presented_token(&self, digest: Digest) -> Result<Vec<(WorkspaceId, KeyId)>, StoreError>;

    /// Gives a key another token; those that it has end at `old_expires_at` unless they end before.
    async fn rotate_key(
        &self,
        actor: &Actor,
        id: KeyId,
        expected: Precondition,
        new: Secret,
        old_expires_at: Timestamp,
    ) -> Result<Committed<Key>, StoreError>;

    /// Moves the end of the tokens that a rotation replaced and that still work.
    async fn reschedule_key(
        &self,
        actor: &Actor,
        id: KeyId,
        expected: Precondition,
        old_expires_at: Timestamp,
        at: Timestamp,
    ) -> Result<Committed<Key>, StoreError>;

    /// Takes a revocation back.
    async fn restore_key(
        &self,
        actor: &Actor,
        id: KeyId,
        expected: Precondition,
        at: Timestamp,
    ) -> Result<Committed<Key>, StoreError>;

    /// Does with the keys of found tokens what their keyspaces say, in the order of `tokens` and all or nothing. To a caller who is
    /// limited to keyspaces, tokens of others are unknown.
    async fn revoke_leaked_keys(
        &self,
        actor: &Actor,
        tokens: Vec<FoundToken>,
        keyspaces: Option<Vec<KeyspaceId>>,
        at: Timestamp,
    ) -> Result<Vec<(LeakOutcome, Option<KeyId>)>, StoreError>;

    /// Makes or changes keys in the order of `keys`, and tells of each what became of it. A key that is refused does not stop the
    /// others; an error of the whole means that none was imported.
    async fn import_keys(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        keys: Vec<KeyImport>,
        at: Timestamp,
    ) -> Result<Vec<Result<(ImportOutcome, KeyId), DomainError>>, StoreError>;
}
