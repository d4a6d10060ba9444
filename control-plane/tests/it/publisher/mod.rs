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

use serde_json::Value;

fn token(key: &Value) -> &str {
    key["secret"].as_str().unwrap()
}

fn path(key: &Value) -> String {
    format!("/v1/keys/{}", key["id"].as_str().unwrap())
}
