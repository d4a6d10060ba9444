//! Webhooks as resources; what they are told is in `tests/it/webhooks`.

use serde_json::{Value, json};

use crate::support::server::Server;

const URL: &str = "https://hooks.example.com/latchkey";

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_webhook_is_made_shown_changed_and_deleted_and_its_secret_is_shown_once() {
    let server = Server::start().await;
    let made = server.api.post("/v1/webhooks", json!({ "url": URL, "events": ["key.revoked"] })).await;
    let path = made.header("location").to_owned();
    let made = made.expect(201);
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!((&made["signature"], &made["public_key"]), (&json!("hmac-sha256"), &Value::Null));

    let shown = server.api.get(&path).await.expect(200);
    assert_eq!(shown.get("secret"), None);
    assert_eq!(
        (&shown["url"], &shown["events"], &shown["enabled"]),
        (&json!(URL), &json!(["key.revoked"]), &json!(true))
    );
    let list = server.api.get("/v1/webhooks").await.expect(200);
    assert_eq!(list["data"], json!([shown]));

    let patch = json!({ "events": ["*"], "enabled": false, "description": "For billing" });
    let changed = server.api.patch(&path, patch).await.expect(200);
    assert_eq!((&changed["events"], &changed["enabled"]), (&json!(["*"]), &json!(false)));
    let test = format!("{path}:test");
    server.api.post(&test, json!({})).await.problem(409, "WEBHOOK_DISABLED");

    server.api.delete(&path).await.expect(204);
    server.api.get(&path).await.problem(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_every_wrong_field_of_a_webhook_is_named() {
    let server = Server::start().await;
    let wrong = json!({
        "url": "https://10.0.0.1/", "events": ["key.revoked", "key.sung"], "keyspaces": ["ks_0000000000001"],
        "signature": "rot13", "color": 1, "description": 7
    });
    let fields = server.api.post("/v1/webhooks", wrong).await.wrong_fields(422, "INVALID_FIELDS");
    assert_eq!(fields, ["/description", "/color", "/url", "/events/1", "/signature"]);
    let foreign = json!({ "url": URL, "keyspaces": ["ks_0000000000001"] });
    let fields = server.api.post("/v1/webhooks", foreign).await.wrong_fields(422, "INVALID_FIELDS");
    assert_eq!(fields, ["/keyspaces/0"]);
    for url in ["http://hooks.example.com/", "https://localhost.:1@x/", "https://[::ffff:a00:1]/"] {
        let answer = server.api.post("/v1/webhooks", json!({ "url": url })).await;
        assert_eq!(answer.wrong_fields(422, "INVALID_FIELDS"), ["/url"], "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_public_key_takes_the_place_of_a_shared_secret() {
    let server = Server::start().await;
    let made =
        server.api.post("/v1/webhooks", json!({ "url": URL, "signature": "ed25519" })).await.expect(201);
    assert_eq!(made.get("secret"), None);
    let before = made["public_key"].as_str().unwrap();
    assert!(before.starts_with("whpk_"));
    let rotate = format!("/v1/webhooks/{}:rotate-secret", made["id"].as_str().unwrap());
    let after = server.api.post(&rotate, json!({ "overlap_seconds": 60 })).await.expect(200);
    assert!(after["public_key"] != made["public_key"] && after["old_secret_until"].is_string(), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_an_admin_key_that_is_limited_to_keyspaces_makes_webhooks_that_tell_of_no_others() {
    let server = Server::start().await;
    let (own, other) = (
        server.api.keyspace(json!({ "name": "Own" })).await,
        server.api.keyspace(json!({ "name": "Other" })).await,
    );
    let limited =
        server.admin(json!({ "scopes": ["webhooks:read", "webhooks:write"], "keyspaces": [own] })).await;
    let wide = server.api.post("/v1/webhooks", json!({ "url": URL })).await.expect(201);
    let made = limited.post("/v1/webhooks", json!({ "url": URL })).await.expect(201);
    assert_eq!(made["keyspaces"], json!([own]));
    let reaching = json!({ "url": URL, "keyspaces": [other] });
    assert_eq!(
        limited.post("/v1/webhooks", reaching).await.wrong_fields(422, "INVALID_FIELDS"),
        ["/keyspaces/0"]
    );
    let path = |webhook: &Value| format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    let widened = json!({ "keyspaces": [own, other] });
    assert_eq!(
        limited.patch(&path(&made), widened).await.wrong_fields(422, "INVALID_FIELDS"),
        ["/keyspaces/1"]
    );
    let unset = limited.patch(&path(&made), json!({ "keyspaces": null })).await.expect(200);
    assert_eq!(unset["keyspaces"], json!([own]));
    limited.get(&path(&wide)).await.problem(404, "NOT_FOUND");
    limited.delete(&path(&wide)).await.problem(404, "NOT_FOUND");
    let seen = limited.get("/v1/webhooks").await.expect(200);
    assert_eq!(seen["data"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_nothing_that_a_webhook_leaves_behind_holds_its_secret() {
    let server = Server::start().await;
    let made = server.api.post("/v1/webhooks", json!({ "url": URL })).await.expect(201);
    let secret = made["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, secret).unwrap();
    let rows = format!("{:?}", server.audit_rows().await);
    assert!(!rows.contains(secret));
    for file in ["latchkey.db", "latchkey.db-wal"] {
        let content = std::fs::read(server.folder.path().join(file)).unwrap_or_default();
        let holds = |needle: &[u8]| content.windows(needle.len()).any(|window| window == needle);
        assert!(!holds(&bytes) && !holds(secret.as_bytes()), "{file}");
    }
}
