use serde_json::json;

use super::path;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn k9_a_key_is_found_and_changed_by_any_of_its_tokens() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({ "name": "A" })).await;
    let rotated = server.api.post(&format!("{}:rotate", path(&key)), json!({})).await.expect(200);
    for token in [&key["secret"], &rotated["secret"]] {
        let found = server.api.post("/v1/keys:lookup", json!({ "token": token })).await;
        assert!(!found.text.contains(token.as_str().unwrap()));
        assert_eq!(found.header("etag"), "\"3\"");
        assert_eq!(found.expect(200)["id"], key["id"]);
    }
    let change = json!({ "token": key["secret"], "changes": { "name": "B", "owner": "acme" } });
    let changed = server.api.post("/v1/keys:update", change).await;
    assert_eq!(changed.change_seq(), 4);
    let changed = changed.expect(200);
    assert_eq!((&changed["name"], &changed["owner"]), (&json!("B"), &json!("acme")));
    server.api.delete(&path(&key)).await.expect(200);
    let found = server.api.post("/v1/keys:lookup", json!({ "token": key["secret"] })).await.expect(200);
    assert_eq!(found["status"], "revoked");
    let change = json!({ "token": key["secret"], "changes": { "name": "C" } });
    server.api.post("/v1/keys:update", change).await.problem(409, "KEY_REVOKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn k9_unknown_tokens_and_wrong_fields_are_told_apart_and_other_tenants_find_nothing() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({})).await;
    let lookup = async |body| server.api.post("/v1/keys:lookup", body).await;
    lookup(json!({ "token": "nobody's" })).await.problem(404, "NOT_FOUND");
    assert_eq!(lookup(json!({})).await.wrong_fields(422, "INVALID_FIELDS"), ["/token"]);
    assert_eq!(lookup(json!({ "token": 1 })).await.wrong_fields(422, "INVALID_FIELDS"), ["/token"]);
    let wrong = json!({ "token": key["secret"], "changes": { "enabled": 1, "environment": "live" } });
    let fields = server.api.post("/v1/keys:update", wrong).await.wrong_fields(422, "INVALID_FIELDS");
    assert_eq!(fields, ["/changes/enabled", "/changes/environment"]);
    let other = server.other_workspace();
    other.post("/v1/keys:lookup", json!({ "token": key["secret"] })).await.problem(404, "NOT_FOUND");
}
