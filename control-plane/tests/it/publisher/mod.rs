//! From a change to a gate.

mod epochs;
mod gates;
mod guard;
mod kills;
mod large;
mod overtaking;
mod pauses;
mod restrictions;
mod signing_keys;
mod sinks;
mod snapshots;
