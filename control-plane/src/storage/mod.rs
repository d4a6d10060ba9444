//! Where objects are kept: traits that know no SQL dialect, and their implementations.
//!
//! Whoever implements them keeps three promises, which `tests/it/storage` checks of each backend:
//!
//! 1. A mutation that was answered with `Ok` survives a crash of the process at any later moment.
//! 2. State, change-log row and audit row of a mutation become visible together or not at all.
//! 3. Every query that takes a [`WorkspaceId`](crate::domain::WorkspaceId) finds nothing of another workspace.

mod administration;
mod audit_check;
mod epochs;
mod error;
mod head_keys;
mod holds;
mod key_lifecycle;
mod kills;
mod publication;
mod published_heads;
mod restrictions;
mod retention;
mod sessions;
mod sinks;
pub mod sqlite;
mod traits;
mod upstream;
mod usage;
mod webhooks;

pub use administration::{
    AdminKeyStore, Claim, EnvironmentStore, IdempotencyStore, RoleDeleteMode, RoleStore,
};
pub use audit_check::check_audit_log;
pub use epochs::EpochStore;
pub use error::StoreError;
pub use head_keys::{HeadKeyStore, SealedHeadKey, Signing, trusted_texts};
pub use holds::{HoldStore, Holds};
pub use key_lifecycle::KeyLifecycleStore;
pub use kills::KillStore;
pub use publication::{
    BasePage, BaseProfile, BaseRow, Body, BodyChanges, ChangedKey, ChangedRow, ChangesSince, Publication,
    RevokedOwner, SealedSigningKey, TagRange,
};
pub use published_heads::{HISTORY_ROWS, HeadKind, HeadOutline, PublishedHead};
pub use restrictions::{DueRefill, RestrictionStore};
pub use retention::RetentionStore;
pub use sessions::SessionStore;
pub use sinks::SinkStore;
pub use traits::{
    AuditFilter, AuditStore, ChangeLog, Committed, DeleteMode, KeyFilter, KeyStore, KeyspaceStore,
    NewKeyspace, PolicyStore, PublicationStore, StatusFilter, Store, WorkspaceStore,
};
pub use upstream::{PublishedCredential, SealedValue, UpstreamStore};
pub use usage::{RequestFilter, Taken, UsageStore};
pub use webhooks::{
    CaughtUp, DeliveryFilter, DeliveryRecord, DeliveryStore, DueWebhook, FannedOut, SealedWebhookSecrets,
    StaleGate, WatchedGates, WebhookStore,
};
