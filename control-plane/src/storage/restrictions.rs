use async_trait::async_trait;

use super::{Committed, StoreError};
use crate::domain::{Actor, Key, KeyId, Precondition, RequestId, RestrictionChange, Timestamp, WorkspaceId};

/// A key whose refill is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueRefill {
    /// Whose key.
    pub workspace_id: WorkspaceId,
    /// Which key.
    pub key_id: KeyId,
}

/// What narrows keys, as far as it is no field of theirs.
#[async_trait]
pub trait RestrictionStore: Send + Sync + 'static {
    /// Changes what narrows a key.
    async fn change_restrictions(
        &self,
        actor: &Actor,
        id: KeyId,
        expected: Precondition,
        change: RestrictionChange,
        at: Timestamp,
    ) -> Result<Committed<Key>, StoreError>;

    /// Keys that the calendar owes something, those that wait longest first. Revoked keys wait until they are restored.
    async fn due_refills(&self, now: Timestamp, limit: u32) -> Result<Vec<DueRefill>, StoreError>;

    /// Gives a key what the calendar owes it; `false` if that was nothing, which leaves no trace. Doing it again gives nothing.
    async fn refill(&self, due: DueRefill, request: RequestId, at: Timestamp) -> Result<bool, StoreError>;
}
