use serde_json::{Value, json};

use super::path;
use crate::support::server::Server;

const REPORT: &str = "/v1/keys:revoke-leaked";

fn outcomes(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn k13_found_tokens_meet_the_policy_of_their_keyspace() {
    let server = Server::start().await;
    let mut tokens = Vec::new();
    let mut keys = Vec::new();
    for policy in ["revoke", "disable", "notify"] {
        let keyspace = server.api.keyspace(json!({ "name": policy, "leak_policy": policy })).await;
        let key = server.api.key(&keyspace, json!({})).await;
        tokens.push(json!({ "token": key["secret"], "source": "scanner", "url": "https://example.com/x" }));
        keys.push(key);
    }
    tokens.push(json!({ "token": "a token of somebody else 0123456789" }));
    tokens.push(json!({ "token": keys[0]["secret"] }));
    let answer = server.api.post(REPORT, json!({ "tokens": tokens })).await;
    for key in &keys {
        assert!(!answer.text.contains(key["secret"].as_str().unwrap()));
    }
    let answer = answer.expect(200);
    assert_eq!(outcomes(&answer), ["revoked", "disabled", "notified", "unknown", "already_revoked"]);
    assert_eq!(answer["results"][0], json!({ "index": 0, "outcome": "revoked", "key_id": keys[0]["id"] }));
    assert_eq!(answer["results"][3], json!({ "index": 3, "outcome": "unknown" }));
    let mut shown = Vec::new();
    for key in &keys {
        shown.push(server.api.get(&path(key)).await.expect(200));
    }
    let states: Vec<_> = shown.iter().map(|key| key["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["revoked", "disabled", "active"]);
    assert_eq!(shown[0]["revoked_reason"], "leaked");
    assert_eq!(shown[0]["revoked_note"], "reported by scanner: https://example.com/x");
    server.api.post(&format!("{}:restore", path(&keys[0])), json!({})).await.problem(409, "LEAKED_KEY");
}

#[tokio::test(flavor = "multi_thread")]
async fn k13_unknown_tokens_leave_no_trace() {
    let server = Server::start().await;
    let before = server.audit_rows().await.len();
    let token = "an-unknown-token-0123456789abcdef";
    let answer = server.api.post(REPORT, json!({ "tokens": [{ "token": token, "url": "https://u" }] })).await;
    assert_eq!(outcomes(&answer.expect(200)), ["unknown"]);
    assert_eq!(server.audit_rows().await.len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn k13_a_thousand_tokens_are_taken_at_once_and_no_more() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({})).await;
    let mut tokens: Vec<_> =
        (0..999).map(|n| json!({ "token": format!("{n:0>255}"), "url": "x".repeat(900) })).collect();
    tokens.push(json!({ "token": key["secret"] }));
    let answer = server.api.post(REPORT, json!({ "tokens": tokens.clone() })).await.expect(200);
    assert_eq!((outcomes(&answer).len(), outcomes(&answer)[999]), (1_000, "revoked"));
    tokens.push(json!({ "token": "x" }));
    let refused = server.api.post(REPORT, json!({ "tokens": tokens })).await;
    assert_eq!(refused.wrong_fields(422, "INVALID_FIELDS"), ["/tokens"]);
    let refused = server.api.post(REPORT, json!({ "tokens": [] })).await;
    assert_eq!(refused.wrong_fields(422, "INVALID_FIELDS"), ["/tokens"]);
    let wrong = json!({ "tokens": [{ "source": "s" }, { "token": "t", "line": 1 }] });
    let refused = server.api.post(REPORT, wrong).await.wrong_fields(422, "INVALID_FIELDS");
    assert_eq!(refused, ["/tokens/1/line", "/tokens/0/token"]);
}
