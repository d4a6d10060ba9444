//! What roles and permissions come to.

pub(super) mod list;
pub(super) mod of_key;
pub(super) mod preview;
mod view;
