//! The admin API. One operation is one file; `router.rs` lists them all; `problem.rs` alone knows status codes of errors.

mod access;
mod admin_keys;
mod body;
mod caller;
mod fields;
mod keys;
mod keyspaces;
mod middleware;
mod openapi;
mod params;
mod policy;
mod problem;
mod reply;
mod router;
mod system;

pub use openapi::document;
pub use router::router;
