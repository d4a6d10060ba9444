//! The Latchkey control plane: admin API, storage and publisher.
#![forbid(unsafe_code)]

pub mod domain;
pub mod storage;
