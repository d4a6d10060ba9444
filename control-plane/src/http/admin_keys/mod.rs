//! Admin keys.

pub(super) mod create;
pub(super) mod get;
pub(super) mod list;
pub(super) mod revoke;
pub(super) mod view;
