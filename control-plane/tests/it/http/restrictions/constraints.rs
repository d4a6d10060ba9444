use serde_json::json;

use super::path;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a4_allowed_values_are_kept_by_name_and_replaced_as_a_whole() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let wanted = json!({ "network": ["Preprod", "Mainnet"], "currency": ["ADA"] });
    let key = server.api.key(&keyspace, json!({ "constraints": wanted })).await;
    assert_eq!(key["constraints"], wanted);
    let fewer = json!({ "network": ["Mainnet"] });
    let changed = server.api.patch(&path(&key), json!({ "constraints": fewer })).await.expect(200);
    assert_eq!(changed["constraints"], fewer);
    assert_eq!(server.api.get(&path(&key)).await.expect(200)["constraints"], fewer);
    let changed = server.api.patch(&path(&key), json!({ "constraints": null })).await.expect(200);
    assert_eq!(changed["constraints"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_wrong_constraints_are_named_and_odd_names_are_not_repeated() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    for (constraints, wanted) in [
        (json!({ "network": [] }), "/constraints/network"),
        (json!({ "network": "Mainnet" }), "/constraints/network"),
        (json!({ "network": ["a", "a"] }), "/constraints/network/1"),
        (json!({ "network": [1] }), "/constraints/network/0"),
        (json!({ "network": ["x".repeat(65)] }), "/constraints/network/0"),
        (json!({ "lk_test_0123456789-SECRET": ["a"] }), "/constraints"),
        (json!(["network"]), "/constraints"),
    ] {
        let answer = server.api.post(&keys, json!({ "constraints": constraints })).await;
        assert!(!answer.text.contains("SECRET"));
        assert_eq!(answer.wrong_fields(422, "INVALID_FIELDS"), [wanted], "{constraints}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_an_import_narrows_keys_and_the_same_line_again_changes_nothing() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let line = json!({
        "external_id": "1", "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "constraints": { "network": ["Mainnet"] }, "ip_rules": [{ "action": "allow", "cidr": "10.0.0.0/8" }],
        "rate_limits": [{ "name": "burst", "limit": 5, "window_seconds": 60 }],
    });
    let import = async |line: &serde_json::Value| {
        server.api.import(&keyspace, line.to_string()).await.lines().remove(0)
    };
    let made = import(&line).await;
    assert_eq!(made["outcome"], "created");
    assert_eq!(import(&line).await["outcome"], "unchanged");
    let mut other = line.clone();
    other["constraints"]["network"][0] = "Preprod".into();
    assert_eq!(import(&other).await["outcome"], "updated");
    let key = server.api.get(&format!("/v1/keys/{}", made["key_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(
        (&key["constraints"], &key["ip_rules"][0]["cidr"], &key["rate_limits"][0]["mode"]),
        (&json!({ "network": ["Preprod"] }), &json!("10.0.0.0/8"), &json!("local"))
    );
    other["rate_limits"][0]["limit"] = 0.into();
    let refused = import(&other).await;
    assert_eq!(
        (&refused["outcome"], &refused["errors"][0]["field"]),
        (&json!("error"), &json!("/rate_limits/0/limit"))
    );
    let mut granting = line.clone();
    granting["credits"] = json!([{ "unit": "requests", "amount": 1 }]);
    assert_eq!(import(&granting).await["errors"][0]["field"], "/credits");
}
