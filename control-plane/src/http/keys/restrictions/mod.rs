//! What narrows a key beyond its permissions: as fields of the key, and as operations of its own.

pub(in crate::http) mod credits;
mod fields;
pub(in crate::http) mod ip_preview;
pub(in crate::http) mod ip_rules;
mod schema;
pub(in crate::http) mod signing_keys;
mod view;

pub(super) use fields::{importable_restrictions, restrictions};
pub(super) use schema::{ImportableRestrictionsInput, RestrictionsInput, RestrictionsPatchInput};
pub(super) use view::RestrictionsView;
