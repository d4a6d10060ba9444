//! The admin API. One operation is one file; `router.rs` lists them all; `problem.rs` alone knows status codes of errors.

mod access;
mod admin_keys;
mod audit;
mod body;
mod caller;
mod dashboard;
mod environments;
mod fields;
mod idempotency;
mod keys;
mod keyspaces;
mod lines;
pub mod metrics;
mod middleware;
mod openapi;
mod params;
mod permissions;
mod policy;
mod precondition;
mod problem;
pub mod rate;
mod reply;
mod roles;
mod router;
mod session;
mod shapes;
pub mod sign_in_throttle;
mod signing_keys;
mod stream;
mod system;
mod upstream_credentials;
mod usage;
mod verbs;

pub use idempotency::REMEMBERED_DAYS as ANSWERS_KEPT_DAYS;
pub use openapi::document;
pub use router::router;
