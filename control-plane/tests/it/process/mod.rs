//! The real binary as a process.

mod crash;
mod secrets;
mod start;
