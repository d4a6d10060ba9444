use async_trait::async_trait;
use latchkey_token::Environment;
use tokio::sync::broadcast;

use super::{
    AdminKeyStore, BasePage, Body, BodyChanges, ChangesSince, DeliveryStore, EnvironmentStore, EpochStore,
    HeadKeyStore, HeadOutline, HoldStore, IdempotencyStore, KeyLifecycleStore, KillStore, Publication,
    PublishedHead, RestrictionStore, RetentionStore, RoleStore, SealedSigningKey, SessionStore, Signing,
    SinkStore, StoreError, TagRange, UpstreamStore, UsageStore, WebhookStore,
};
use crate::domain::KeyspaceSettings;
use crate::domain::audit::LogEnd;
use crate::domain::role::NewRole;
use crate::domain::{
    Actor, AdminKey, AuditEntry, Change, Key, KeyId, KeyPatch, KeyStatus, Keyspace, KeyspaceId,
    KeyspacePatch, NewKey, Page, PageRequest, Policy, PolicyState, Precondition, Revocation, Timestamp,
    Workspace, WorkspaceId,
};

/// Everything that the control plane keeps.
pub trait Store:
    WorkspaceStore
    + AdminKeyStore
    + SessionStore
    + KeyspaceStore
    + HeadKeyStore
    + EpochStore
    + HoldStore
    + EnvironmentStore
    + IdempotencyStore
    + PolicyStore
    + RoleStore
    + KeyStore
    + KeyLifecycleStore
    + KillStore
    + RetentionStore
    + RestrictionStore
    + UpstreamStore
    + SinkStore
    + AuditStore
    + ChangeLog
    + PublicationStore
    + UsageStore
    + WebhookStore
    + DeliveryStore
{
}

/// The outcome of a mutation.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed<T> {
    /// The object as it is now.
    pub value: T,
    /// The row that the mutation left in its keyspace's change log, so that the caller can wait for its propagation.
    /// For a mutation that had nothing to do, the row that had done it.
    pub change_seq: u64,
}

/// Tenants.
#[async_trait]
pub trait WorkspaceStore: Send + Sync + 'static {
    /// Makes the first workspace with its admin key, unless there is one: then `false`, and nothing is changed.
    /// `master_key_check` is kept for [`WorkspaceStore::master_key_check`].
    async fn bootstrap(
        &self,
        actor: &Actor,
        workspace: Workspace,
        admin_key: AdminKey,
        digest: [u8; 32],
        master_key_check: Vec<u8>,
    ) -> Result<bool, StoreError>;

    /// Makes a further workspace with its first admin key.
    async fn create_workspace(
        &self,
        actor: &Actor,
        workspace: Workspace,
        admin_key: AdminKey,
        digest: [u8; 32],
    ) -> Result<(), StoreError>;

    /// Something sealed under the master key that this database belongs to; `None` before the first start.
    async fn master_key_check(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// One workspace.
    async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>, StoreError>;
}

/// A keyspace that only lacks a place to be stored.
#[derive(Clone, Debug)]
pub struct NewKeyspace {
    /// Its id.
    pub id: KeyspaceId,
    /// Its settings.
    pub settings: KeyspaceSettings,
    /// Its first roles.
    pub roles: Vec<NewRole>,
    /// Its signing key.
    pub signing_key: SealedSigningKey,
    /// When it is made.
    pub at: Timestamp,
}

/// What to do with keys that still work when their keyspace is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteMode {
    /// Refuse.
    OnlyWithoutLiveKeys,
    /// Revoke them all.
    RevokeLiveKeys,
}

/// Keyspaces. Deleted ones are found by nothing here.
#[async_trait]
pub trait KeyspaceStore: Send + Sync + 'static {
    /// Makes a keyspace with a policy that denies everything.
    async fn create_keyspace(
        &self,
        actor: &Actor,
        new: NewKeyspace,
    ) -> Result<Committed<Keyspace>, StoreError>;

    /// One keyspace.
    async fn keyspace(&self, workspace: WorkspaceId, id: KeyspaceId) -> Result<Keyspace, StoreError>;

    /// Keyspaces, newest first.
    async fn keyspaces(
        &self,
        workspace: WorkspaceId,
        page: PageRequest,
    ) -> Result<Page<Keyspace>, StoreError>;

    /// Changes settings.
    async fn update_keyspace(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        patch: KeyspacePatch,
        at: Timestamp,
    ) -> Result<Committed<Keyspace>, StoreError>;

    /// Deletes a keyspace and revokes what is in it.
    async fn delete_keyspace(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        mode: DeleteMode,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError>;
}

/// Policies: every keyspace has one.
#[async_trait]
pub trait PolicyStore: Send + Sync + 'static {
    /// The policy of a keyspace.
    async fn policy(&self, workspace: WorkspaceId, id: KeyspaceId) -> Result<PolicyState, StoreError>;

    /// Puts another policy in place.
    async fn replace_policy(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        policy: Policy,
        at: Timestamp,
    ) -> Result<Committed<PolicyState>, StoreError>;
}

/// Which keys a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// By what they are worth now.
    pub status: StatusFilter,
    /// Only test or only live keys.
    pub environment: Option<Environment>,
    /// Only keys of this owner; an empty text stands for keys without one.
    pub owner: Option<String>,
    /// Only keys that have this tag.
    pub tag: Option<String>,
    /// Only keys with this text in name, description or the start of a token, whatever its case, or at the beginning of the id.
    pub search: Option<String>,
}

/// Which states of keys a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusFilter {
    /// All but revoked ones.
    #[default]
    NotRevoked,
    /// All.
    All,
    /// Those of one status.
    Only(KeyStatus),
}

/// Keys. Those of deleted keyspaces are found by nothing here.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// Makes a key.
    async fn create_key(&self, actor: &Actor, new: NewKey) -> Result<Committed<Key>, StoreError>;

    /// One key.
    async fn key(&self, workspace: WorkspaceId, id: KeyId) -> Result<Key, StoreError>;

    /// Keys of a keyspace, newest first.
    async fn keys(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        filter: KeyFilter,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Page<Key>, StoreError>;

    /// Changes a key.
    async fn update_key(
        &self,
        actor: &Actor,
        id: KeyId,
        expected: Precondition,
        patch: KeyPatch,
        at: Timestamp,
    ) -> Result<Committed<Key>, StoreError>;

    /// Revokes a key. Doing it again changes nothing and leaves no trace.
    async fn revoke_key(
        &self,
        actor: &Actor,
        id: KeyId,
        expected: Precondition,
        revocation: Revocation,
    ) -> Result<Committed<Key>, StoreError>;
}

/// Which rows of an audit log a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only those that concern one of these; absent: all, also those that concern none.
    pub keyspaces: Option<Vec<KeyspaceId>>,
    /// Only those about this object, by its id as text.
    pub object: Option<String>,
    /// Only those of this actor.
    pub actor: Option<String>,
}

/// The audit log.
#[async_trait]
pub trait AuditStore: Send + Sync + 'static {
    /// Up to `limit` rows of a workspace's log behind row `after`, oldest first.
    async fn audit_entries(
        &self,
        workspace: WorkspaceId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// Rows that match a filter, newest first; a page's `before` is a row's number.
    async fn audit_page(
        &self,
        workspace: WorkspaceId,
        filter: AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError>;

    /// Where a workspace's log ends; `None` if nothing was logged.
    async fn audit_end(&self, workspace: WorkspaceId) -> Result<Option<LogEnd>, StoreError>;

    /// Every workspace that has a log.
    async fn audited_workspaces(&self) -> Result<Vec<WorkspaceId>, StoreError>;
}

/// The change logs.
#[async_trait]
pub trait ChangeLog: Send + Sync + 'static {
    /// Tells of every keyspace in which something was committed from now on. A receiver that lags must look at all.
    fn subscribe(&self) -> broadcast::Receiver<KeyspaceId>;

    /// Up to `limit` rows of a keyspace's log behind row `after`, oldest first.
    async fn changes(&self, keyspace: KeyspaceId, after: u64, limit: u32) -> Result<Vec<Change>, StoreError>;
}

/// What the publisher reads and keeps. It works for all tenants, so nothing here takes a workspace.
#[async_trait]
pub trait PublicationStore: Send + Sync + 'static {
    /// Every keyspace, and those that have gates to tell and were deleted since `deleted_since`.
    async fn published_keyspaces(&self, deleted_since: Timestamp) -> Result<Vec<KeyspaceId>, StoreError>;

    /// A keyspace, deleted or not, with its policy and signing keys.
    async fn publishing_state(
        &self,
        id: KeyspaceId,
    ) -> Result<Option<(Keyspace, PolicyState, Signing)>, StoreError>;

    /// What was last published.
    async fn publication(&self, id: KeyspaceId) -> Result<Option<Publication>, StoreError>;

    /// Durably notes a head and the bodies that it brings, in one transaction and before any gate sees them. The numbers between
    /// `after`, the last head that was noted (0: none), and this one are used up with it. `outline` goes into the history.
    ///
    /// # Errors
    /// [`StoreError::PublicationConflict`] unless `after` is what was noted last, and lower.
    async fn release(
        &self,
        publication: Publication,
        after: u64,
        bodies: BodyChanges,
        outline: HeadOutline,
    ) -> Result<(), StoreError>;

    /// The newest [`HISTORY_ROWS`](super::HISTORY_ROWS) heads that brought something.
    ///
    /// # Errors
    /// There is no such keyspace in the workspace.
    async fn published_heads(
        &self,
        workspace: WorkspaceId,
        id: KeyspaceId,
        page: PageRequest,
    ) -> Result<Page<PublishedHead>, StoreError>;

    /// Keeps bodies that a later head will name. Keeping one again does nothing.
    async fn keep_bodies(&self, id: KeyspaceId, bodies: Vec<Body>) -> Result<(), StoreError>;

    /// A body by its hash.
    async fn body(&self, id: KeyspaceId, hash: [u8; 32]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Forgets all bodies but these.
    async fn forget_bodies_except(&self, id: KeyspaceId, kept: Vec<[u8; 32]>) -> Result<(), StoreError>;

    /// What happened after change `after`. Looks at no more than `key_limit` keys.
    async fn changes_since(
        &self,
        id: KeyspaceId,
        after: u64,
        key_limit: u32,
    ) -> Result<ChangesSince, StoreError>;

    /// As [`PublicationStore::changes_since`], but of what happened after change `complete` tells only who was shut out: keys that are
    /// revoked or switched off by now, owners, the keyspace. Too many as well if a change up to `complete` concerns more than single keys.
    async fn revocations_since(
        &self,
        id: KeyspaceId,
        after: u64,
        complete: u64,
        key_limit: u32,
    ) -> Result<ChangesSince, StoreError>;

    /// How many rows [`PublicationStore::base_rows`] has at most: it may count rows that are left out there.
    async fn base_row_count(&self, id: KeyspaceId) -> Result<u64, StoreError>;

    /// How many of those rows are left out there.
    async fn dead_row_count(&self, id: KeyspaceId, forget_before: Timestamp) -> Result<u64, StoreError>;

    /// How many rows there no longer are, because their keys were purged.
    async fn purged_row_count(&self, id: KeyspaceId) -> Result<u64, StoreError>;

    /// Uses somebody's consent to the base with this last change up, if it was given.
    async fn take_override(&self, id: KeyspaceId, change_seq: u64) -> Result<bool, StoreError>;

    /// The first rows of a range, at most `limit` and at most as many as have some thousand profiles; equal profiles of them are one. Rows that were
    /// revoked or expired before `forget_before` are left out. Pages may see changes that were made in between.
    async fn base_rows(
        &self,
        id: KeyspaceId,
        range: TagRange,
        limit: u32,
        forget_before: Timestamp,
    ) -> Result<BasePage, StoreError>;

    /// The tags of all secrets that changed after change `after`, those that are no longer there included. `None` if that are more than `limit`, or
    /// if something changed that may concern every key.
    async fn changed_tags(
        &self,
        id: KeyspaceId,
        after: u64,
        limit: u32,
    ) -> Result<Option<Vec<[u8; 16]>>, StoreError>;

    /// Proves that the database can be written to.
    async fn ping(&self) -> Result<(), StoreError>;
}
