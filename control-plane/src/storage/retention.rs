use async_trait::async_trait;

use super::StoreError;
use crate::domain::{Actor, KeyspaceId, Timestamp, WorkspaceId};

/// Deleting for good what was kept long enough.
#[async_trait]
pub trait RetentionStore: Send + Sync + 'static {
    /// Keyspaces, deleted ones too, with keys that can no longer be restored because they were revoked too long ago.
    async fn keyspaces_to_purge(&self, now: Timestamp) -> Result<Vec<(WorkspaceId, KeyspaceId)>, StoreError>;

    /// Deletes up to `limit` such keys of a keyspace, the longest revoked first, and returns how many. Their tokens stay known as dead:
    /// [`PublicationStore::changes_since`](super::PublicationStore::changes_since) goes on to tell of them, and none is ever used again.
    async fn purge_keys(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        limit: u32,
        at: Timestamp,
    ) -> Result<u32, StoreError>;

    /// Forgets up to `limit` claims and answers of named requests from before `forget_before`, and returns how many.
    async fn forget_answers(&self, forget_before: Timestamp, limit: u32) -> Result<u32, StoreError>;

    /// Forgets up to `limit` sessions that are over or were last used before `idle_since`, and returns how many.
    async fn forget_sessions(
        &self,
        now: Timestamp,
        idle_since: Timestamp,
        limit: u32,
    ) -> Result<u32, StoreError>;
}
