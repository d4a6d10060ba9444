//! The policy of a keyspace.

pub(super) mod get;
pub(super) mod put;
pub(super) mod view;
