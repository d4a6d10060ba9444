//! What all operations share: repeats, rates, metrics, the docs page.

use std::sync::Arc;

use latchkey_control_plane::domain::{AdminKeyId, SystemClock, Timestamp};
use latchkey_control_plane::storage::Claim;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Answer, Api, read};
use crate::support::server::Server;

async fn named(api: &Api, path: &str, name: &str, body: &Value) -> Answer {
    let request = api.request(Method::POST, path).header("idempotency-key", name);
    let request = request.header("content-type", "application/json").body(body.to_string());
    read(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_a_repeated_idempotency_key_repeats_the_answer_and_makes_nothing() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    let body = json!({ "name": "CI" });
    let first = named(&server.api, &keys, "order-1", &body).await;
    let again = named(&server.api, &keys, "order-1", &body).await;
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(first.header("latchkey-change-seq"), again.header("latchkey-change-seq"));
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
    let (first, again) = (first.expect(201), again.expect(201));
    assert_eq!(first, again);
    assert_eq!(server.api.get(&keys).await.expect(200)["data"].as_array().unwrap().len(), 1);
    named(&server.api, &keys, "order-1", &json!({ "name": "Other" }))
        .await
        .problem(422, "IDEMPOTENCY_KEY_REUSED");
    named(&server.api, "/v1/keyspaces", "order-1", &body).await.problem(422, "IDEMPOTENCY_KEY_REUSED");
    // The answer holds a token: it lies sealed.
    let secret = first["secret"].as_str().unwrap().as_bytes();
    for file in std::fs::read_dir(server.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_an_idempotency_key_is_the_admin_keys_own_and_free_again_after_a_refusal() {
    let server = Server::start().await;
    let body = json!({ "name": "Demo" });
    let other = server.admin(json!({ "scopes": ["*"] })).await;
    let narrow = server.admin(json!({ "scopes": ["keys:read"] })).await;
    named(&narrow, "/v1/keyspaces", "a", &body).await.problem(403, "INSUFFICIENT_SCOPE");
    named(&server.api.with_key(None), "/v1/keyspaces", "a", &body).await.problem(401, "UNAUTHORIZED");
    named(&server.api, "/v1/keyspaces", "a", &json!({})).await.problem(422, "INVALID_FIELDS");
    let mine = named(&server.api, "/v1/keyspaces", "a", &body).await.expect(201);
    let theirs = named(&other, "/v1/keyspaces", "a", &body).await.expect(201);
    assert_ne!(mine["id"], theirs["id"]);
    for name in ["", "with space", &"x".repeat(256)] {
        let fields =
            named(&server.api, "/v1/keyspaces", name, &body).await.wrong_fields(400, "INVALID_HEADER");
        assert_eq!(fields, ["Idempotency-Key"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k10_a_repeated_rotation_is_one_rotation_and_gives_its_token_again() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({})).await;
    let path = format!("/v1/keys/{}", key["id"].as_str().unwrap());
    let rotate = format!("{path}:rotate");
    let first = named(&server.api, &rotate, "switch", &json!({})).await;
    let again = named(&server.api, &rotate, "switch", &json!({})).await;
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!(first.header("etag"), again.header("etag"));
    let (first, again) = (first.expect(200), again.expect(200));
    assert!(first["secret"].is_string() && first == again);
    let shown = server.api.get(&path).await.expect(200);
    assert_eq!(shown["secrets"].as_array().unwrap().len(), 2);
    named(&server.api, &rotate, "switch", &json!({ "grace_seconds": 1 }))
        .await
        .problem(422, "IDEMPOTENCY_KEY_REUSED");
    // A refused rotation has used nothing up.
    server.api.delete(&path).await.expect(200);
    named(&server.api, &rotate, "next", &json!({})).await.problem(409, "KEY_REVOKED");
    server.api.post(&format!("{path}:restore"), json!({})).await.expect(200);
    assert_ne!(named(&server.api, &rotate, "next", &json!({})).await.expect(200)["secret"], first["secret"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_a_request_in_flight_is_not_run_twice() {
    let server = Server::start().await;
    let me = server.api.get("/v1/whoami").await.expect(200)["admin_key"]["id"].as_str().unwrap().to_owned();
    let body = json!({ "name": "Demo" });
    let sent: Vec<_> = (0..8)
        .map(|_| {
            let (api, body) = (server.api.clone(), body.clone());
            tokio::spawn(async move { named(&api, "/v1/keyspaces", "same", &body).await.status.as_u16() })
        })
        .collect();
    let mut made = 0;
    for answer in sent {
        let status = answer.await.unwrap();
        assert!(status == 201 || status == 409, "{status}");
        made += u32::from(status == 201);
    }
    assert!(made >= 1);
    assert_eq!(server.api.get("/v1/keyspaces").await.expect(200)["data"].as_array().unwrap().len(), 1);
    // One that a crash cut off stays claimed: nobody knows whether it was done.
    let (now, me): (Timestamp, AdminKeyId) = (server.app.now(), me.parse().unwrap());
    let request = {
        use sha2::{Digest, Sha256};
        let mut hasher = Sha256::new();
        for part in ["POST", "/v1/keyspaces", &body.to_string()] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    };
    let claimed = server.app.store.claim_request(me, "cut".into(), request, now, Timestamp(0)).await.unwrap();
    assert_eq!(claimed, Claim::New);
    named(&server.api, "/v1/keyspaces", "cut", &body).await.problem(409, "IDEMPOTENCY_IN_FLIGHT");
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_an_idempotency_key_is_forgotten_after_24_hours() {
    let (server, clock) = Server::start_at(Timestamp(1_800_000_000_000)).await;
    let body = json!({ "name": "Demo" });
    let first = named(&server.api, "/v1/keyspaces", "daily", &body).await.expect(201);
    clock.advance_seconds(86_400);
    assert_eq!(named(&server.api, "/v1/keyspaces", "daily", &body).await.expect(201)["id"], first["id"]);
    clock.advance_seconds(1);
    assert_ne!(named(&server.api, "/v1/keyspaces", "daily", &body).await.expect(201)["id"], first["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_each_admin_key_may_make_so_many_requests_a_second() {
    let (server, clock) = Server::start_at(Timestamp(1_800_000_000_000)).await;
    let other = server.admin(json!({ "scopes": ["keyspaces:read"] })).await;
    let server = server.limited_to(3).await;
    let [first, second] = [server.api.clone(), server.api.with_key(other.admin_key())];
    let answer = first.get("/v1/keyspaces").await;
    assert_eq!(answer.header("ratelimit-policy"), "\"admin-key\";q=3;w=1");
    assert_eq!(answer.header("ratelimit"), "\"admin-key\";r=2;t=1");
    first.get("/v1/keyspaces").await.expect(200);
    first.get("/v1/keyspaces").await.expect(200);
    let refused = first.get("/v1/keyspaces").await;
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("1", "\"admin-key\";r=0;t=1"));
    refused.problem(429, "RATE_LIMITED");
    second.get("/v1/keyspaces").await.expect(200);
    clock.advance_seconds(1);
    first.get("/v1/keyspaces").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_metrics_count_requests_by_route_and_tell_how_far_gates_are() {
    let server = Server::start_with(Arc::new(SystemClock), crate::support::server::quick()).await;
    let gates = json!({ "name": "Demo", "gates": [{ "url": "http://127.0.0.1:9" }] });
    let keyspace = server.api.keyspace(gates).await;
    server.api.get(&format!("/v1/keyspaces/{keyspace}")).await.expect(200);
    server.api.get("/v1/keyspaces/ks_0000000000001").await.problem(404, "NOT_FOUND");
    let text = server.api.get("/metrics").await.text;
    for line in [
        "latchkey_http_requests_total{method=\"GET\",route=\"/v1/keyspaces/{keyspace_id}\",status=\"200\"} 1",
        "latchkey_http_requests_total{method=\"GET\",route=\"/v1/keyspaces/{keyspace_id}\",status=\"404\"} 1",
        "latchkey_publisher_running 1",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    assert!(text.contains(&format!("latchkey_publisher_lag_changes{{keyspace=\"{keyspace}\"}}")), "{text}");
    assert!(
        text.contains(&format!(
            "latchkey_gate_lag_changes{{keyspace=\"{keyspace}\",gate=\"http://127.0.0.1:9\"}} 1"
        )),
        "{text}"
    );
    assert!(!text.lines().any(|line| line.contains("http_requests") && line.contains(&keyspace)), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_the_docs_page_needs_nothing_from_elsewhere_and_nothing_inline() {
    let server = Server::start().await;
    let open = server.api.with_key(None);
    let page = open.get("/docs").await;
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"));
    let mut text = page.text;
    for (file, kind) in [("docs.js", "text/javascript"), ("docs.css", "text/css")] {
        assert!(text.contains(&format!("\"/docs/{file}\"")));
        let part = open.get(&format!("/docs/{file}")).await;
        assert!(part.header("content-type").starts_with(kind) && part.status == 200);
        text += &part.text;
    }
    for elsewhere in ["http://", "https://", "//cdn", "innerHTML", "onclick", "<style", "style=", "eval("] {
        assert!(!text.contains(elsewhere), "{elsewhere}");
    }
    open.get("/docs/other.js").await.problem(404, "NOT_FOUND");
}
