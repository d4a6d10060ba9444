//! The environments of a keyspace.

pub(super) mod get;
pub(super) mod switch;
