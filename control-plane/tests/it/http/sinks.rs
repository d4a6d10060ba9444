use serde_json::{Value, json};

use crate::support::server::Server;

const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

fn kv(secret: Option<&str>) -> Value {
    let mut sink = json!({
        "type": "kv", "name": "edge", "account_id": ACCOUNT, "namespace_id": ACCOUNT, "api_base": NOWHERE
    });
    if let Some(secret) = secret {
        sink["secret"] = secret.into();
    }
    sink
}

async fn stored_secret(server: &Server, keyspace: &str) -> Option<Vec<u8>> {
    let keyspace = keyspace.parse().unwrap();
    let sealed = server.app.store.sink_secrets(keyspace).await.unwrap().remove("edge")?;
    Some(server.app.vault.open_sink_secret(keyspace, "edge", &sealed).unwrap().to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_a_sink_is_sealed_at_rest_and_never_shown() {
    let server = Server::start().await;
    let made =
        server.api.post("/v1/keyspaces", json!({ "name": "Demo", "sinks": [kv(Some("cf-S3CRET"))] })).await;
    assert!(!made.text.contains("S3CRET"), "{}", made.text);
    let made = made.expect(201);
    assert_eq!(made["sinks"], json!([kv(None)]));
    let keyspace = made["id"].as_str().unwrap();
    let view = server.api.get(&format!("/v1/keyspaces/{keyspace}")).await;
    assert!(!view.text.contains("S3CRET"), "{}", view.text);
    assert_eq!(stored_secret(&server, keyspace).await.unwrap(), b"cf-S3CRET");
    for entry in std::fs::read_dir(server.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"S3CRET"));
    }
    assert!(!format!("{:?}", server.audit_rows().await).contains("S3CRET"));
}

/// Whoever may change a sink could otherwise have its secret sent to an address of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_stays_only_with_a_sink_that_otherwise_stays_as_it_was() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "sinks": [kv(Some("first"))] })).await;
    let path = format!("/v1/keyspaces/{keyspace}");
    let folder = json!({ "type": "folder", "name": "disk", "path": "/nowhere" });
    let kept = server.api.patch(&path, json!({ "sinks": [folder, kv(None)] })).await.expect(200);
    assert_eq!(kept["sinks"][1]["name"], "edge");
    assert_eq!(stored_secret(&server, &keyspace).await.unwrap(), b"first");

    let mut moved = kv(None);
    moved["api_base"] = "http://127.0.0.1:10".into();
    let refused = server.api.patch(&path, json!({ "sinks": [moved] })).await;
    assert_eq!(refused.wrong_fields(422, "INVALID_FIELDS"), ["/sinks/0/secret"]);
    let mut renamed = kv(None);
    renamed["name"] = "other".into();
    let refused = server.api.patch(&path, json!({ "sinks": [renamed] })).await;
    assert_eq!(refused.wrong_fields(422, "INVALID_FIELDS"), ["/sinks/0/secret"]);
    assert_eq!(
        stored_secret(&server, &keyspace).await.unwrap(),
        b"first",
        "what was refused changed nothing"
    );

    server.api.patch(&path, json!({ "sinks": [kv(Some("second"))] })).await.expect(200);
    assert_eq!(stored_secret(&server, &keyspace).await.unwrap(), b"second");
    let rows = server.audit_rows().await;
    assert!(format!("{:?}", rows.last().unwrap()).contains("sink_secrets_replaced"));
    server.api.patch(&path, json!({ "name": "Another" })).await.expect(200);
    assert_eq!(stored_secret(&server, &keyspace).await.unwrap(), b"second");
    server.api.patch(&path, json!({ "sinks": null })).await.expect(200);
    assert_eq!(stored_secret(&server, &keyspace).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_of_a_sink_is_named() {
    let server = Server::start().await;
    let sinks = json!([
        { "type": "ftp", "name": "a" },
        { "type": "kv", "name": "B", "account_id": "1", "namespace_id": ACCOUNT, "api_base": "http://10.0.0.1", "secret": "" },
        { "type": "folder", "name": "c", "path": "relative", "secret": "x", "colour": 1 },
    ]);
    let refused = server.api.post("/v1/keyspaces", json!({ "name": "Demo", "sinks": sinks })).await;
    let mut wrong = refused.wrong_fields(422, "INVALID_FIELDS");
    wrong.sort();
    assert_eq!(
        wrong,
        [
            "/sinks/0/type",
            "/sinks/1/account_id",
            "/sinks/1/api_base",
            "/sinks/1/name",
            "/sinks/1/secret",
            "/sinks/2/colour",
            "/sinks/2/path",
            "/sinks/2/secret"
        ]
    );
}
