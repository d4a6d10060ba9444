use super::{AdminKeyId, Timestamp, WorkspaceId};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A key to the admin API. Only the digest of its token is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminKey {
    /// Its id.
    pub id: AdminKeyId,
    /// The tenant whose objects it may manage.
    pub workspace_id: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// The start of its token, such as `lkadm_live_ab12`.
    pub start: String,
    /// When it was made.
    pub created_at: Timestamp,
}
