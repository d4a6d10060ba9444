use async_trait::async_trait;

use super::{Committed, StoreError};
use crate::domain::{Actor, GateRefusal, GateUrl, HeldBase, KeyspaceId, Pause, Timestamp};

/// What keeps a keyspace from being published in full. Webhooks hear of it in the same transaction, once.
#[async_trait]
pub trait HoldStore: Send + Sync + 'static {
    /// Notes that the guard holds a base, or that it holds none any more.
    async fn note_held_base(
        &self,
        keyspace: KeyspaceId,
        held: Option<HeldBase>,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Notes that a gate refuses what was published.
    async fn note_gate_refusal(&self, keyspace: KeyspaceId, refusal: GateRefusal) -> Result<(), StoreError>;

    /// Notes that a gate takes what is published, again or as ever.
    async fn forget_gate_refusal(&self, keyspace: KeyspaceId, gate: GateUrl) -> Result<(), StoreError>;

    /// From now on nothing but revocations is published. A pause that there is stays as it is.
    async fn pause_publishing(&self, keyspace: KeyspaceId, pause: Pause) -> Result<(), StoreError>;

    /// From now on everything is published.
    ///
    /// # Errors
    /// `NotPaused` if it is.
    async fn resume_publishing(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        reason: String,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError>;
}
