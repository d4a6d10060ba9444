//! Every operation over HTTP. Files are named after paths.

mod admin_keys;
mod authorization;
mod bad_input;
mod every_operation;
mod key_rules;
mod keys;
mod keyspaces;
mod openapi;
mod policy;
mod system;
