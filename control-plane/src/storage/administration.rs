use async_trait::async_trait;

use super::{Committed, StoreError};
use crate::domain::role::{NewRole, Role, RolePatch};
use crate::domain::{
    Actor, AdminKey, AdminKeyId, KeyspaceId, LiveSwitch, Page, PageRequest, RoleId, Timestamp, WorkspaceId,
};

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

/// What to do with keys that have a role when it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleDeleteMode {
    /// Refuse, naming them.
    OnlyUnused,
    /// Take it from them.
    TakeFromKeys,
}

/// Roles of keyspaces.
#[async_trait]
pub trait RoleStore: Send + Sync + 'static {
    /// Makes a role.
    async fn create_role(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        new: NewRole,
        at: Timestamp,
    ) -> Result<Committed<Role>, StoreError>;

    /// One role.
    async fn role(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        id: RoleId,
    ) -> Result<Role, StoreError>;

    /// Roles of a keyspace, newest first.
    async fn roles(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        page: PageRequest,
    ) -> Result<Page<Role>, StoreError>;

    /// Changes a role. Keys keep it under its new name.
    async fn update_role(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        id: RoleId,
        patch: RolePatch,
        at: Timestamp,
    ) -> Result<Committed<Role>, StoreError>;

    /// Deletes a role. One that is made later under the same name is another one.
    async fn delete_role(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        id: RoleId,
        mode: RoleDeleteMode,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError>;
}

/// Whether live keys of a keyspace work.
#[async_trait]
pub trait EnvironmentStore: Send + Sync + 'static {
    /// The switch, and what the database knows of the requirements.
    async fn live_switch(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
    ) -> Result<LiveSwitch, StoreError>;

    /// Turns live on or off. Doing it again changes nothing and leaves no trace. Whether the requirements are met is for the caller
    /// to find out before.
    async fn switch_live(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        enabled: bool,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError>;
}

/// What became of an attempt to claim a request's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours: the request runs for the first time.
    New,
    /// It ran before; this is its answer, sealed.
    Answered(Vec<u8>),
    /// It runs now, or was cut off by a crash.
    InFlight,
    /// The name belongs to another request.
    OtherRequest,
}

/// Requests that named themselves so that they are done once.
#[async_trait]
pub trait IdempotencyStore: Send + Sync + 'static {
    /// Claims a name for a request with this hash. Forgets claims from before `forget_before`.
    async fn claim_request(
        &self,
        admin_key: AdminKeyId,
        name: String,
        request: [u8; 32],
        at: Timestamp,
        forget_before: Timestamp,
    ) -> Result<Claim, StoreError>;

    /// Keeps the answer of a claimed request.
    async fn keep_answer(
        &self,
        admin_key: AdminKeyId,
        name: String,
        sealed: Vec<u8>,
    ) -> Result<(), StoreError>;

    /// Gives up a claim whose request has done nothing.
    async fn release_request(&self, admin_key: AdminKeyId, name: String) -> Result<(), StoreError>;
}
