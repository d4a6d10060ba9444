//! Keyspaces, and what was published of them.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod export;
pub(super) mod get;
pub(super) mod kill;
pub(super) mod list;
pub(super) mod override_guard;
pub(super) mod propagation;
pub(super) mod raise_epoch;
pub(super) mod resume;
pub(super) mod revoke_owner;
pub(super) mod sinks;
pub(super) mod snapshot;
pub(super) mod snapshots;
pub(super) mod update;
mod view;
