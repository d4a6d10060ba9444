//! The real binary as a process.

mod crash;
mod import;
mod secrets;
mod start;
