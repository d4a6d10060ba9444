use async_trait::async_trait;

use super::{Committed, StoreError};
use crate::domain::{Actor, ForeignHead, GateRefusal, GateUrl, HeldBase, KeyspaceId, Pause, Timestamp};

/// What stands against publishing a keyspace in full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// See [`Signing::foreign`](super::Signing::foreign).
    pub foreign: Option<ForeignHead>,
    /// See [`Signing::pause`](super::Signing::pause).
    pub pause: Option<Pause>,
}

/// What keeps a keyspace from being published in full. Webhooks hear of it in the same transaction, once.
#[async_trait]
pub trait HoldStore: Send + Sync + 'static {
    /// What holds a keyspace up now; nothing if there is no such keyspace.
    async fn holds(&self, keyspace: KeyspaceId) -> Result<Holds, StoreError>;

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
