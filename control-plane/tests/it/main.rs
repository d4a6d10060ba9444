//! The control plane at its boundaries: over HTTP, through its storage traits, at a gate, and as a process.

mod http;
mod process;
mod publisher;
mod storage;
mod support;
