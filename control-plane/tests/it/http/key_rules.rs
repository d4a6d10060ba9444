//! How a keyspace treats its keys: rows K3 and K4.

use latchkey_control_plane::domain::Timestamp;
use serde_json::{Value, json};

use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn k3_k4_rules_of_a_keyspace_have_defaults_can_be_changed_and_go_back() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let path = format!("/v1/keyspaces/{keyspace}");
    let defaults = json!({
        "quotas": { "keys": null, "keys_per_owner": null }, "leak_policy": "revoke", "retention_days": 30,
        "default_expiry_days": 90, "foreign_tokens": false, "request_log_days": 7
    });
    let holds = |shown: &Value, wanted: &Value| {
        wanted.as_object().unwrap().iter().for_each(|(name, value)| assert_eq!(shown[name], *value, "{name}"))
    };
    holds(&server.api.get(&path).await.expect(200), &defaults);
    let others = json!({
        "quotas": { "keys": 10, "keys_per_owner": 2 }, "leak_policy": "notify", "retention_days": 7,
        "default_expiry_days": null, "foreign_tokens": true, "request_log_days": 0
    });
    holds(&server.api.patch(&path, others.clone()).await.expect(200), &others);
    server.api.patch(&path, json!({ "name": "Other", "quotas": { "keys": 11 } })).await.expect(200);
    let shown = server.api.get(&path).await.expect(200);
    assert_eq!(shown["quotas"], json!({ "keys": 11, "keys_per_owner": 2 }));
    assert_eq!((&shown["leak_policy"], &shown["default_expiry_days"]), (&json!("notify"), &Value::Null));
    let back = json!({
        "quotas": null, "leak_policy": null, "retention_days": null, "default_expiry_days": 90, "foreign_tokens": null,
        "request_log_days": null
    });
    holds(&server.api.patch(&path, back).await.expect(200), &defaults);
    let made = server.api.post("/v1/keyspaces", json!({ "name": "Born so", "retention_days": 1 })).await;
    assert_eq!(made.expect(201)["retention_days"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn k3_k4_every_wrong_rule_is_named() {
    let server = Server::start().await;
    let wrong = json!({
        "name": "Demo", "quotas": { "keys": 0, "keys_per_owner": 1_000_000_001 }, "leak_policy": "ignore",
        "retention_days": 0, "default_expiry_days": 3_651
    });
    let fields = server.api.post("/v1/keyspaces", wrong).await.wrong_fields(422, "INVALID_FIELDS");
    let wanted =
        ["/quotas/keys", "/quotas/keys_per_owner", "/leak_policy", "/retention_days", "/default_expiry_days"];
    assert_eq!(fields, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn k4_a_key_lives_as_long_as_its_keyspace_says_unless_its_creator_says_otherwise() {
    let (server, _) = Server::start_at(Timestamp::parse("2027-01-01T00:00:00Z").unwrap()).await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "default_expiry_days": 10 })).await;
    assert_eq!(server.api.key(&keyspace, json!({})).await["expires_at"], "2027-01-11T00:00:00.000Z");
    assert_eq!(server.api.key(&keyspace, json!({ "expires_at": null })).await["expires_at"], Value::Null);
    let path = format!("/v1/keyspaces/{keyspace}");
    server.api.patch(&path, json!({ "default_expiry_days": null })).await.expect(200);
    assert_eq!(server.api.key(&keyspace, json!({})).await["expires_at"], Value::Null);
}
