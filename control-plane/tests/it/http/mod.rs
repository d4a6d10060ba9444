//! Every operation over HTTP. Files are named after paths.

mod authorization;
mod bad_input;
mod keys;
mod keyspaces;
mod openapi;
mod policy;
mod system;
