//! The program itself.

pub(super) mod docs;
pub(super) mod health;
pub(super) mod index;
pub(super) mod metrics;
pub(super) mod openapi;
pub(super) mod whoami;
