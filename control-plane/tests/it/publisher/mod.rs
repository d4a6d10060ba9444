//! From a change to a gate.

mod gates;
mod large;
mod snapshots;
