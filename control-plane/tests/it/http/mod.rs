//! Every operation over HTTP. Files are named after paths.

mod authorization;
mod bad_input;
mod key_rules;
mod keys;
mod keyspaces;
mod openapi;
mod policy;
mod system;
