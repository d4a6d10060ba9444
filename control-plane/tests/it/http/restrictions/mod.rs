//! What narrows keys beyond their permissions.

mod constraints;
mod credits;
mod ip_rules;
mod rate_limits;
mod refills;
mod routes;
mod signing_keys;

use serde_json::Value;

fn path(key: &Value) -> String {
    format!("/v1/keys/{}", key["id"].as_str().unwrap())
}
