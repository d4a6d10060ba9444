//! The Latchkey control plane: admin API, storage and publisher.
//!
//! Read it in this order: `domain` says what is managed, `storage` keeps it, `http` lets admins at it, `publisher` carries
//! it to the gates, `webhooks` tells others. `jobs` do what nobody asks for. `seal` guards secrets at rest; `config`, `serve` and `cli` put the program together.
#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod jobs;
pub mod publisher;
pub mod seal;
pub mod serve;
pub mod storage;
pub mod webhooks;
