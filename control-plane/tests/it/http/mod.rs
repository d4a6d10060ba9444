//! Every operation over HTTP. Files are named after paths.

mod admin_keys;
mod audit;
mod authorization;
mod bad_input;
mod conventions;
mod environments;
mod every_operation;
mod key_lifecycle;
mod key_rules;
mod keys;
mod keyspaces;
mod openapi;
mod policy;
mod restrictions;
mod roles;
mod session;
mod signing_keys;
mod sinks;
mod system;
mod upstream_credentials;
mod usage;
mod webhooks;
