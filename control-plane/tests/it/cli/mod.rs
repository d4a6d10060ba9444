//! The command line: the real binary against a real server.

mod admin_key;
mod admin_keys;
mod audit;
mod doctor;
mod exit_codes;
mod import;
mod keys;
mod keyspaces;
mod secrets;
mod shell;
mod snapshot;
mod token;
