use async_trait::async_trait;

use super::{Committed, StoreError};
use crate::domain::{Actor, AdminKey, AdminKeyId, Page, PageRequest, Timestamp, WorkspaceId};

/// Admin keys. Revoked ones are found by their id and by nothing else.
#[async_trait]
pub trait AdminKeyStore: Send + Sync + 'static {
    /// The admin key whose token has this digest, revoked or not: whoever presents it may be told.
    async fn presented_admin_key(&self, digest: [u8; 32]) -> Result<Option<AdminKey>, StoreError>;

    /// Makes an admin key in the actor's workspace.
    ///
    /// # Errors
    /// Also if it is limited to something that is no keyspace of the workspace.
    async fn create_admin_key(
        &self,
        actor: &Actor,
        admin_key: AdminKey,
        digest: [u8; 32],
    ) -> Result<Committed<AdminKey>, StoreError>;

    /// One admin key.
    async fn admin_key(&self, workspace: WorkspaceId, id: AdminKeyId) -> Result<AdminKey, StoreError>;

    /// Admin keys that `viewer` reaches all keyspaces of, newest first.
    async fn admin_keys(&self, viewer: &AdminKey, page: PageRequest) -> Result<Page<AdminKey>, StoreError>;

    /// Revokes an admin key for good; it stops with the next request. Doing it again changes nothing and leaves no trace.
    async fn revoke_admin_key(
        &self,
        actor: &Actor,
        id: AdminKeyId,
        at: Timestamp,
    ) -> Result<Committed<AdminKey>, StoreError>;
}
