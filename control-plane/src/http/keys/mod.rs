//! Keys.

pub(super) mod by_token;
pub(super) mod create;
pub(super) mod explain;
pub(super) mod get;
pub(super) mod import;
mod import_stream;
pub(super) mod leaks;
pub(super) mod list;
pub(super) mod reschedule;
pub(super) mod restore;
pub(super) mod restrictions;
pub(super) mod revoke;
pub(super) mod revoke_self;
pub(super) mod rotate;
mod token;
pub(super) mod update;
pub(super) mod verify;
mod view;
