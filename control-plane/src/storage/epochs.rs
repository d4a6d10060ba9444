use async_trait::async_trait;

use super::{Committed, StoreError};
use crate::domain::{Actor, ForeignHead, KeyspaceId, LossAccepted, RaisedEpoch, Timestamp};

/// Epochs, and what makes them necessary.
#[async_trait]
pub trait EpochStore: Send + Sync + 'static {
    /// Notes a head that a gate holds and this database never signed. From then on nothing of the keyspace is published until
    /// its epoch is raised. Of several the newest is kept, with the `known_change_seq` of the first.
    async fn note_foreign_head(&self, keyspace: KeyspaceId, foreign: ForeignHead) -> Result<(), StoreError>;

    /// Keyspaces of which nothing is published because of such a head.
    async fn keyspaces_with_foreign_heads(&self) -> Result<Vec<KeyspaceId>, StoreError>;

    /// Begins an epoch that outranks every head that is known, and lets the keyspace be published again.
    ///
    /// # Errors
    /// `LostRevocations` unless nothing was lost or that was `accepted`.
    async fn raise_epoch(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        reason: String,
        accepted: LossAccepted,
        at: Timestamp,
    ) -> Result<Committed<RaisedEpoch>, StoreError>;
}
