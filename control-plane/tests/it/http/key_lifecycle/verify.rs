//! What the API says of a token is what a gate that has the last head says.

use serde_json::{Value, json};

use super::path;
use crate::support::eventually;
use crate::support::server::Server;

async fn verify(server: &Server, body: Value) -> Value {
    server.api.post("/v1/keys:verify", body).await.expect(200)
}

/// Asks until what was changed is published.
async fn says(server: &Server, body: Value, code: &str) -> Value {
    eventually(code, async || Some(verify(server, body.clone()).await).filter(|said| said["code"] == code))
        .await
}

async fn server_with_policy() -> (Server, String) {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let routes = json!([
        { "method": "GET", "path": "/v1/hello", "permission": "hello:read" },
        { "method": "GET", "path": "/v1/live", "environment": "live" },
        { "method": "*", "path": "/v1/open" },
    ]);
    let policy = json!({ "default": "deny", "routes": routes });
    server.api.put(&format!("/v1/keyspaces/{keyspace}/policy"), policy).await.expect(200);
    (server, keyspace)
}

#[tokio::test(flavor = "multi_thread")]
async fn e6_verify_says_what_a_gate_would_say_of_a_request_and_of_a_key_alone() {
    let (server, keyspace) = server_with_policy().await;
    let key =
        server.api.key(&keyspace, json!({ "name": "A", "owner": "acme", "permissions": ["hello:*"] })).await;
    let asked = |method: &str, path: &str| json!({ "token": key["secret"], "method": method, "path": path });
    let said = says(&server, asked("GET", "/v1/hello"), "VALID").await;
    assert_eq!(said["allowed"], true);
    assert_eq!(said["key"], json!({ "id": key["id"], "name": "A", "owner": "acme", "environment": "test" }));
    let snapshot = server.api.get(&format!("/v1/keyspaces/{keyspace}/snapshot")).await.expect(200);
    assert!(said["seq"].as_u64() > Some(0) && said["seq"].as_u64() <= snapshot["seq"].as_u64());
    for (method, path, code) in [
        ("GET", "/v1/hello?name=x", "VALID"),
        ("DELETE", "/v1/open", "VALID"),
        ("POST", "/v1/hello", "ROUTE_NOT_FOUND"),
        ("GET", "/v1/../v1/hello", "ROUTE_NOT_FOUND"),
        ("GET", "", "ROUTE_NOT_FOUND"),
        ("GET", "/v1/live", "ENVIRONMENT_MISMATCH"),
    ] {
        let said = verify(&server, asked(method, path)).await;
        assert_eq!(
            (&said["code"], &said["allowed"]),
            (&json!(code), &json!(code == "VALID")),
            "{method} {path}"
        );
    }
    let alone = json!({ "token": key["secret"] });
    assert_eq!(verify(&server, alone.clone()).await["code"], "VALID");
    let without_method = json!({ "token": key["secret"], "path": "/v1/hello" });
    assert_eq!(verify(&server, without_method).await["code"], "VALID");

    server.api.patch(&path(&key), json!({ "permissions": [] })).await.expect(200);
    says(&server, asked("GET", "/v1/hello"), "INSUFFICIENT_PERMISSIONS").await;
    assert_eq!(verify(&server, alone.clone()).await["code"], "VALID", "a key alone needs no permission");
    server.api.patch(&path(&key), json!({ "enabled": false })).await.expect(200);
    says(&server, alone.clone(), "DISABLED").await;
    server.api.delete(&path(&key)).await.expect(200);
    let said = says(&server, alone.clone(), "REVOKED").await;
    assert_eq!((&said["allowed"], &said["key"]["id"]), (&json!(false), &key["id"]));
    server.api.post(&format!("{}:restore", path(&key)), json!({})).await.expect(200);
    server.api.patch(&path(&key), json!({ "enabled": true })).await.expect(200);
    says(&server, alone, "VALID").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e6_verify_minds_addresses_and_says_what_only_gates_can_settle() {
    let (server, keyspace) = server_with_policy().await;
    let limits = json!([{ "name": "burst", "limit": 5, "window_seconds": 60 }]);
    let rules = json!([{ "action": "allow", "cidr": "10.0.0.0/8" }]);
    let key = server.api.key(&keyspace, json!({ "ip_rules": rules, "rate_limits": limits })).await;
    let asked = |address: &str| json!({ "token": key["secret"], "path": "/v1/open", "address": address });
    let said = says(&server, asked("10.1.2.3"), "VALID").await;
    assert_eq!((&said["allowed"], &said["conditions"]), (&json!(true), &json!(["rate_limits"])));
    for elsewhere in [asked("192.0.2.7"), json!({ "token": key["secret"], "path": "/v1/open" })] {
        let said = verify(&server, elsewhere).await;
        assert_eq!((&said["code"], said.get("conditions")), (&json!("IP_DENIED"), None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e6_verify_tells_nothing_of_tokens_that_the_caller_does_not_reach_and_names_wrong_fields() {
    let (server, keyspace) = server_with_policy().await;
    let key = server.api.key(&keyspace, json!({})).await;
    let token = json!({ "token": key["secret"] });
    says(&server, token.clone(), "VALID").await;
    let stranger = json!({ "code": "NOT_FOUND", "allowed": false, "seq": null });
    let unknown = "demo_test_XR4rKzVcHFiYVu4vxjCwQWdGxbKX2XbY33Na1J";
    assert_eq!(verify(&server, json!({ "token": unknown })).await, stranger);
    let malformed = json!({ "code": "MALFORMED_KEY", "allowed": false, "seq": null });
    assert_eq!(verify(&server, json!({ "token": "no token" })).await, malformed);

    let other = server.other_workspace();
    assert_eq!(other.post("/v1/keys:verify", token.clone()).await.expect(200), stranger);
    let own = server.api.keyspace(json!({ "name": "Own" })).await;
    let limited = server.admin(json!({ "scopes": ["keys:read"], "keyspaces": [own] })).await;
    assert_eq!(limited.post("/v1/keys:verify", token.clone()).await.expect(200), stranger);

    for (wrong, field) in [
        (json!({}), "/token"),
        (json!({ "token": key["secret"], "method": "GET" }), "/path"),
        (json!({ "token": key["secret"], "path": 1 }), "/path"),
        (json!({ "token": key["secret"], "address": "here" }), "/address"),
        (json!({ "token": key["secret"], "headers": {} }), "/headers"),
    ] {
        let fields = server.api.post("/v1/keys:verify", wrong).await.wrong_fields(422, "INVALID_FIELDS");
        assert_eq!(fields, [field]);
    }
    server.api.delete(&format!("/v1/keyspaces/{keyspace}?force=true")).await.expect(204);
    assert_eq!(verify(&server, token).await, stranger, "of a deleted keyspace nothing is known");
}
