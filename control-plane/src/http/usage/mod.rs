//! How keys were used, as gates report it.

pub(super) mod of_key;
pub(super) mod of_keyspace;
pub(super) mod report;
pub(super) mod requests;
mod view;
