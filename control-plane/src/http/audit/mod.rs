//! The audit log.

pub(super) mod export;
pub(super) mod list;
pub(super) mod verify;
mod view;
