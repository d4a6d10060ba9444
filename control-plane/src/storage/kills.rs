use async_trait::async_trait;

use super::{Committed, StoreError};
use crate::domain::{Actor, Keyspace, KeyspaceId, Timestamp};

/// What concerns many keys at once, and is done only in need.
#[async_trait]
pub trait KillStore: Send + Sync + 'static {
    /// Shuts every key of a keyspace out until it is revived. Doing it again changes nothing and leaves no trace.
    async fn kill_keyspace(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        reason: String,
        at: Timestamp,
    ) -> Result<Committed<Keyspace>, StoreError>;

    /// Takes a kill back. Where there is none it changes nothing and leaves no trace.
    async fn revive_keyspace(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        reason: String,
        at: Timestamp,
    ) -> Result<Committed<Keyspace>, StoreError>;

    /// Consents once to a base that the guard holds: to the one with this last change.
    async fn override_guard(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        change_seq: u64,
        reason: String,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError>;

    /// Revokes every key of an owner that is not revoked, and returns how many. Leaves its trace even if there is none.
    async fn revoke_owner(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        owner: String,
        reason: String,
        at: Timestamp,
    ) -> Result<Committed<u64>, StoreError>;
}
