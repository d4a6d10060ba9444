//! Publishing.
mod propagation;

pub use propagation::{GateState, Isolate, Propagation, PushError};
