//! What gates report, and what is made of it: rows L4 and L5.

use std::sync::Arc;

use latchkey_control_plane::domain::Timestamp;
use latchkey_control_plane::domain::clock::ManualClock;
use latchkey_control_plane::jobs;
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::server::Server;

const START: &str = "2027-01-31T12:00:00Z";

struct Fixture {
    server: Server,
    clock: Arc<ManualClock>,
    /// Holds the one scope and keyspace of a gate.
    gate: Api,
    keyspace: String,
    key: String,
    tag: String,
}

impl Fixture {
    async fn new() -> Self {
        let (server, clock) = Server::start_at(Timestamp::parse(START).unwrap()).await;
        let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
        let made = server.api.key(&keyspace, json!({ "expires_at": null })).await;
        let tag = tag(made["secret"].as_str().unwrap());
        let gate = server.admin(json!({ "scopes": ["usage:write"], "keyspaces": [keyspace] })).await;
        let key = made["id"].as_str().unwrap().to_owned();
        Self { server, clock, gate, keyspace, key, tag }
    }

    async fn report(&self, batch: &str, requests: Value) -> Value {
        let body = json!({ "batch_id": batch, "gate": "gate-1", "requests": requests });
        self.gate.post(&self.path("usage"), body).await.expect(200)
    }

    /// An allowed request at a minute after the start.
    fn allowed(&self, minute: u32) -> Value {
        json!({
            "at": format!("2027-01-31T12:{minute:02}:00Z"), "tag": self.tag, "key": self.key, "code": "VALID", "status": 200,
            "method": "GET", "path": format!("/items/{minute}"), "route": "/items/{id}", "address": "192.0.2.7",
            "colo": "FRA", "seq": 3, "request_id": format!("req-{minute}")
        })
    }

    fn path(&self, of: &str) -> String {
        format!("/v1/keyspaces/{}/{of}", self.keyspace)
    }

    async fn requests(&self, query: &str) -> Vec<Value> {
        let listed = self.server.api.get(&(self.path("requests") + query)).await.expect(200);
        listed["data"].as_array().unwrap().clone()
    }

    async fn hours(&self, query: &str) -> Value {
        let path = format!("/v1/keys/{}/usage{query}", self.key);
        self.server.api.get(&path).await.expect(200)["hours"].clone()
    }
}

fn tag(token: &str) -> String {
    hex::encode(&latchkey_token::digest(token.as_bytes()).0[..8])
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_key_shows_when_and_from_where_it_was_last_let_through_and_its_requests_by_hour() {
    let f = Fixture::new().await;
    let path = format!("/v1/keys/{}", f.key);
    assert_eq!(f.server.api.get(&path).await.expect(200)["secrets"][0]["last_used_at"], Value::Null);
    let mut denied = f.allowed(9);
    (denied["code"], denied["status"]) = (json!("IP_DENIED"), json!(403));
    f.report("1", json!([f.allowed(1), f.allowed(5), denied])).await;
    // Reports of different isolates come in any order.
    f.report("2", json!([f.allowed(3)])).await;
    f.clock.advance_seconds(7_200);
    let shown = f.server.api.get(&path).await.expect(200);
    assert_eq!(shown["secrets"][0]["last_used_at"], "2027-01-31T12:05:00.000Z");
    let usage = f.server.api.get(&format!("{path}/usage")).await.expect(200);
    let last = json!({ "at": "2027-01-31T12:05:00.000Z", "address": "192.0.2.7", "colo": "FRA" });
    assert_eq!(usage["last_used"], last);
    let hour = "2027-01-31T12:00:00.000Z";
    let wanted = json!([
        { "hour": hour, "code": "VALID", "requests": 3 }, { "hour": hour, "code": "IP_DENIED", "requests": 1 }
    ]);
    assert_eq!(usage["hours"], wanted);
    assert_eq!(f.hours("?from=2027-01-31T13:00:00Z").await, json!([]));
    assert_eq!(f.hours("?from=2027-01-31T10:00:00Z&to=2027-01-31T12:30:00Z").await, wanted);
    let too_long = format!("{path}/usage?from=2020-01-01T00:00:00Z");
    assert_eq!(f.server.api.get(&too_long).await.wrong_fields(400, "INVALID_QUERY"), ["/from"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l5_the_request_log_is_filtered_and_paged_newest_first() {
    let f = Fixture::new().await;
    let stranger = json!({
        "at": "2027-01-31T12:02:30Z", "tag": "00112233aabbccdd", "code": "NOT_FOUND", "status": 401, "method": "POST",
        "path": "/", "seq": 3
    });
    let mut nothing = stranger.clone();
    nothing.as_object_mut().unwrap().remove("tag");
    nothing["code"] = "MISSING_KEY".into();
    f.report("1", json!([f.allowed(1), stranger, nothing, f.allowed(2), f.allowed(3)])).await;
    let all = f.requests("").await;
    assert_eq!(all.len(), 5);
    let newest = json!({
        "at": "2027-01-31T12:03:00.000Z", "key_id": f.key, "code": "VALID", "status": 200, "method": "GET", "path": "/items/3",
        "route": "/items/{id}", "address": "192.0.2.7", "colo": "FRA", "seq": 3, "request_id": "req-3", "gate": "gate-1"
    });
    newest.as_object().unwrap().iter().for_each(|(name, value)| assert_eq!(all[0][name], *value, "{name}"));
    assert!(all[0]["secret_id"].as_str().unwrap().starts_with("sec_"));
    for (query, wanted) in [
        (format!("?key={}", f.key), 3),
        ("?code=NOT_FOUND".to_owned(), 1),
        ("?code=VALID".to_owned(), 3),
        ("?status=401".to_owned(), 2),
        ("?since=2027-01-31T12:02:00Z&until=2027-01-31T12:03:00Z".to_owned(), 3),
        ("?status=401&code=MISSING_KEY".to_owned(), 1),
    ] {
        assert_eq!(f.requests(&query).await.len(), wanted, "{query}");
    }
    let mut seen = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = f.server.api.get(&(f.path("requests") + &query)).await.expect(200);
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, all);
    let wrong = f.server.api.get(&(f.path("requests") + "?code=MAYBE&status=99&colour=red")).await;
    assert_eq!(wrong.wrong_fields(400, "INVALID_QUERY"), ["/code", "/status", "/colour"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_report_that_is_sent_again_is_counted_once_and_dropped_requests_are_told() {
    let f = Fixture::new().await;
    let body = json!({ "batch_id": "b", "gate": "g", "dropped": 7, "requests": [f.allowed(1)] });
    for repeated in [false, true, true] {
        let answer = f.gate.post(&f.path("usage"), body.clone()).await.expect(200);
        assert_eq!(answer["repeated"], repeated);
    }
    assert_eq!(f.requests("").await.len(), 1);
    let counts = f.server.api.get(&f.path("usage")).await.expect(200);
    let hour = "2027-01-31T12:00:00.000Z";
    let wanted = json!([
        { "hour": hour, "code": null, "requests": 7 }, { "hour": hour, "code": "VALID", "requests": 1 }
    ]);
    assert_eq!(counts["hours"], wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn l5_requests_are_kept_as_long_as_the_keyspace_says_and_counts_longer() {
    let f = Fixture::new().await;
    let keyspace = format!("/v1/keyspaces/{}", f.keyspace);
    assert_eq!(f.server.api.get(&keyspace).await.expect(200)["request_log_days"], 7);
    f.report("1", json!([f.allowed(1), f.allowed(2)])).await;
    f.clock.advance_seconds(6 * 86_400);
    jobs::forget_usage(&f.server.app).await.unwrap();
    assert_eq!(f.requests("").await.len(), 2);
    f.clock.advance_seconds(86_400 + 90);
    jobs::forget_usage(&f.server.app).await.unwrap();
    assert_eq!(f.requests("").await.len(), 1, "the second one is a minute younger");
    f.server.api.patch(&keyspace, json!({ "request_log_days": 0 })).await.expect(200);
    jobs::forget_usage(&f.server.app).await.unwrap();
    assert_eq!(f.requests("").await.len(), 0);
    f.report("2", json!([f.allowed(30)])).await;
    assert_eq!(f.requests("").await.len(), 0, "nothing is kept");
    let counted = f.hours("?from=2027-01-31T12:00:00Z").await;
    assert_eq!(counted[0]["requests"], 3, "{counted}");
    let wrong = f.server.api.patch(&keyspace, json!({ "request_log_days": 91 })).await;
    assert_eq!(wrong.wrong_fields(422, "INVALID_FIELDS"), ["/request_log_days"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_gate_is_believed_about_keys_of_its_own_keyspace_only() {
    let f = Fixture::new().await;
    let others = f.server.api.keyspace(json!({ "name": "Other" })).await;
    let other = f.server.api.key(&others, json!({})).await;
    let id = other["id"].as_str().unwrap();
    let mut request = f.allowed(1);
    (request["key"], request["tag"]) = (id.into(), tag(other["secret"].as_str().unwrap()).into());
    let credits = json!([{ "key": id, "unit": "requests", "consumed": 5 }]);
    let body = json!({ "batch_id": "b", "gate": "g", "requests": [request], "credits": credits });
    f.gate.post(&f.path("usage"), body.clone()).await.expect(200);
    let usage = f.server.api.get(&format!("/v1/keys/{id}/usage")).await.expect(200);
    assert_eq!(usage, json!({ "last_used": null, "hours": [] }));
    let logged = f.requests("").await;
    assert_eq!((logged.len(), &logged[0]["key_id"]), (1, &Value::Null));
    let elsewhere = format!("/v1/keyspaces/{others}/usage");
    f.gate.post(&elsewhere, body).await.problem(404, "NOT_FOUND");
    f.gate.get(&f.path("requests")).await.problem(403, "INSUFFICIENT_SCOPE");
}

#[tokio::test(flavor = "multi_thread")]
async fn l5_a_revoked_token_is_known_by_its_tag_alone() {
    let f = Fixture::new().await;
    let mut request = f.allowed(1);
    request.as_object_mut().unwrap().remove("key");
    request["code"] = "REVOKED".into();
    f.report("1", json!([request])).await;
    assert_eq!(f.requests(&format!("?key={}&code=REVOKED", f.key)).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l5_a_report_with_anything_wrong_is_refused_as_a_whole() {
    let f = Fixture::new().await;
    let mut wrong = f.allowed(1);
    wrong["query"] = "a=b".into();
    (wrong["path"], wrong["status"]) = ("/\u{1b}[2J".into(), 600.into());
    let mut unread = f.allowed(1);
    (unread["tag"], unread["address"]) = ("zz".into(), "example.com".into());
    let body = json!({ "batch_id": "b", "gate": "g", "requests": [f.allowed(1), unread], "colour": 1 });
    let fields = f.gate.post(&f.path("usage"), body).await.wrong_fields(422, "INVALID_FIELDS");
    assert_eq!(fields, ["/colour", "/requests/1/tag"]);
    let body = json!({ "batch_id": "b", "gate": "", "requests": [wrong] });
    let fields = f.gate.post(&f.path("usage"), body).await.wrong_fields(422, "INVALID_FIELDS");
    assert_eq!(fields, ["/requests/0/query"]);
    let mut wrong = f.allowed(1);
    (wrong["path"], wrong["status"]) = ("/\u{1b}[2J".into(), 600.into());
    let body = json!({ "batch_id": "b", "gate": "", "requests": [wrong] });
    let fields = f.gate.post(&f.path("usage"), body).await.wrong_fields(422, "INVALID_FIELDS");
    assert_eq!(fields, ["/gate", "/requests/0/path", "/requests/0/status"]);
    let many = json!({ "batch_id": "b", "gate": "g", "requests": vec![f.allowed(1); 2_049] });
    assert_eq!(f.gate.post(&f.path("usage"), many).await.wrong_fields(422, "INVALID_FIELDS"), ["/requests"]);
    let forgetful = json!({ "batch_id": "b", "gate": "g", "dropped": u64::MAX });
    assert_eq!(
        f.gate.post(&f.path("usage"), forgetful).await.wrong_fields(422, "INVALID_FIELDS"),
        ["/dropped"]
    );
    // Hardly over the limit: of a larger body much is still on its way when the refusal ends the connection.
    let huge = json!({ "batch_id": "x".repeat(2 << 20), "gate": "g" });
    f.gate.post(&f.path("usage"), huge).await.problem(413, "BODY_TOO_LARGE");
    assert_eq!(f.requests("").await.len(), 0);
}
