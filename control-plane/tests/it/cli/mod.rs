//! The command line: the real binary against a real server.

mod admin_key;
mod admin_keys;
mod audit;
mod doctor;
mod environments;
mod exit_codes;
mod guards;
mod import;
mod keys;
mod keyspaces;
mod restrictions;
mod roles;
mod secrets;
mod shell;
mod sign;
mod signing_keys;
mod sinks;
mod snapshot;
mod token;
mod tokens;
mod upstream_credentials;
mod usage;
mod webhooks;
mod workspaces;
