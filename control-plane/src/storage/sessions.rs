use async_trait::async_trait;

use super::{Committed, StoreError};
use crate::domain::session::Session;
use crate::domain::{Actor, AdminKey, AdminKeyId, SessionId, Timestamp};

/// Sessions of browsers. Ended ones are found by nothing.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Begins a session. Beyond [`MAX_OF_AN_ADMIN_KEY`](crate::domain::session::MAX_OF_AN_ADMIN_KEY) the oldest of its admin key end.
    async fn begin_session(
        &self,
        actor: &Actor,
        session: Session,
        digest: [u8; 32],
    ) -> Result<Committed<Session>, StoreError>;

    /// The session whose token has this digest, with its admin key: both may be past their time.
    async fn presented_session(&self, digest: [u8; 32]) -> Result<Option<(Session, AdminKey)>, StoreError>;

    /// Notes that a session was used.
    async fn note_session_use(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError>;

    /// Ends a session. Ending it again changes nothing and leaves no trace.
    async fn end_session(
        &self,
        actor: &Actor,
        session: Session,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError>;

    /// Ends every session of an admin key, and returns how many.
    async fn end_sessions_of(
        &self,
        actor: &Actor,
        admin_key: AdminKeyId,
        at: Timestamp,
    ) -> Result<Committed<u64>, StoreError>;
}
