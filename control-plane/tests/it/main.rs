//! The control plane at its boundaries: over HTTP, through its storage traits, at a gate, and as a process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "what was measured, and the seed that repeats a failure")]

mod cli;
mod http;
mod process;
mod publisher;
mod storage;
mod support;
mod webhooks;
