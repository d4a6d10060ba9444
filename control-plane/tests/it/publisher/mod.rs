//! From a change to a gate.

mod gates;
mod large;
mod restrictions;
mod snapshots;
