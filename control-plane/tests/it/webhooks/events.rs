use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use latchkey_control_plane::domain::clock::ManualClock;
use latchkey_control_plane::domain::{Clock, EventType, HeldBase, HoldReason};
use latchkey_control_plane::jobs;
use serde_json::{Value, json};

use super::{START, hook, keyspace};
use crate::support::eventually;
use crate::support::gate::{Fault, Gate, Picky};
use crate::support::receiver::Receiver;
use crate::support::server::Server;

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn w3_key_expiring_comes_seven_days_and_one_day_ahead_and_key_expired_after_it_once_each() {
    let (server, clock) = Server::start_at(START).await;
    let receiver = Receiver::start().await;
    hook(&server, &receiver, json!({ "events": ["key.expiring", "key.expired"] })).await;
    let keyspace = keyspace(&server).await;
    let expiring = async |days: i64| {
        let at = START.plus_days(days).to_string();
        server.api.key(&keyspace, json!({ "expires_at": at })).await["id"].as_str().unwrap().to_owned()
    };
    let (long, short) = (expiring(10).await, expiring(3).await);
    let revoked = expiring(10).await;
    server.api.delete(&format!("/v1/keys/{revoked}")).await.expect(200);
    let told_after = async |seconds: i64, count: usize| {
        clock.advance_seconds(seconds);
        for _ in 0..2 {
            jobs::tell_of_expiry(&server.app).await.unwrap();
        }
        receiver.wait_for(count).await;
    };
    told_after(DAY, 0).await;
    // 2 and 3 days in: the short one, and no warning a week ahead of it.
    told_after(DAY + 1, 1).await;
    told_after(DAY, 3).await;
    told_after(6 * DAY, 4).await;
    told_after(DAY, 5).await;
    told_after(30 * DAY, 5).await;
    let told = |key: &str| {
        let of_key = receiver.received().into_iter().filter(|one| one.body["data"]["key_id"] == key);
        of_key.map(|one| (one.kind().to_owned(), one.body["data"]["days_left"].clone())).collect::<Vec<_>>()
    };
    let warning = |days: i64| ("key.expiring".to_owned(), json!(days));
    let end = ("key.expired".to_owned(), Value::Null);
    assert_eq!(told(&short), [warning(1), end.clone()]);
    assert_eq!(told(&long), [warning(7), warning(1), end]);
    assert_eq!(receiver.received().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_low_and_exhausted_credits_are_told_once_until_more_are_granted() {
    let (server, receiver) = (Server::start().await, Receiver::start().await);
    let types = ["credits.low", "credits.exhausted", "credits.changed"];
    hook(&server, &receiver, json!({ "events": types })).await;
    let keyspace = keyspace(&server).await;
    let unit = |amount: i64| json!([{ "unit": "calls", "amount": amount }]);
    let settings = json!({ "credits": unit(100), "credits_low_at": unit(10) });
    let key = server.api.key(&keyspace, settings).await;
    assert_eq!(key["credits_low_at"], unit(10));
    let key = key["id"].as_str().unwrap().to_owned();
    let mut batch = 0;
    let mut use_up = async |consumed: u64| {
        batch += 1;
        report_use(&server, &keyspace, &key, consumed, batch).await;
    };
    for consumed in [50, 90, 95, 100, 100] {
        use_up(consumed).await;
    }
    receiver.wait_for(2).await;
    server.api.post(&format!("/v1/keys/{key}:credits"), json!({ "deltas": unit(50) })).await.expect(200);
    use_up(145).await;
    let received = receiver.wait_for(4).await;
    let told: Vec<_> =
        received.iter().map(|one| (one.kind(), one.body["data"]["remaining"].clone())).collect();
    assert_eq!(
        told,
        [
            ("credits.low", json!(10)),
            ("credits.exhausted", json!(0)),
            ("credits.changed", Value::Null),
            ("credits.low", json!(5))
        ]
    );
    let patch = json!({ "credits": null });
    server.api.patch(&format!("/v1/keys/{key}"), patch).await.expect(200);
    use_up(150).await;
    let unlimited = server.api.key(&keyspace, json!({})).await;
    let path = format!("/v1/keys/{}", unlimited["id"].as_str().unwrap());
    let answer = server.api.patch(&path, json!({ "credits_low_at": unit(1) })).await;
    assert_eq!(answer.wrong_fields(422, "INVALID_FIELDS"), ["/credits_low_at"]);
    assert_eq!(receiver.received().len(), 4);
}

async fn report_use(server: &Server, keyspace: &str, key: &str, consumed: u64, batch: u64) {
    let report = json!({
        "gate": "g1", "batch_id": format!("b{batch}"), "requests": [],
        "credits": [{ "key": key, "unit": "calls", "consumed": consumed, "written_off": 0 }],
    });
    let answer = server.api.post(&format!("/v1/keyspaces/{keyspace}/usage"), report).await;
    assert!(answer.status.is_success(), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_every_type_of_event_comes_with_the_fields_that_the_document_promises() {
    let (server, clock) = Server::start_at(START).await;
    let (receiver, gone) = (Receiver::start().await, Receiver::start().await);
    gone.always_answer(Some(410));
    hook(&server, &gone, json!({ "events": ["key.created"] })).await;
    let path = hook(&server, &receiver, json!({})).await;
    server.api.post(&format!("{path}:test"), json!({})).await.expect(202);
    cause_everything(&server, &clock).await;

    let document = server.api.get("/openapi.json").await.expect(200);
    let wanted: BTreeSet<_> = EventType::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
    let seen = eventually("every type has come", async || {
        let received = receiver.received().into_iter();
        let seen: BTreeMap<_, _> = received.map(|one| (one.kind().to_owned(), one.body)).collect();
        (seen.len() == wanted.len()).then_some(seen)
    })
    .await;
    assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), wanted);
    for (kind, body) in &seen {
        let described = &document["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"];
        let schema = resolved(&document, &described["schema"]);
        assert_fields(&document, kind, schema, body);
        assert_fields(&document, kind, schema, &described["example"]);
    }
}

fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The value has the type that its schema names, and neither more nor fewer fields.
fn assert_fields(document: &Value, at: &str, schema: &Value, value: &Value) {
    let schema = resolved(document, schema);
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    assert!(types.contains(&json!(name)), "{at} is {name}, not {types:?}");
    if let Some(constant) = schema.get("const") {
        assert_eq!(constant, value, "{at}");
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at} is {value}, not one of {words:?}");
    }
    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
        assert_fields(document, &format!("{at}/{place}"), &schema["items"], item);
    }
    let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else {
        return;
    };
    let (given, known): (BTreeSet<_>, BTreeSet<_>) = (fields.keys().collect(), properties.keys().collect());
    assert_eq!(given, known, "{at}");
    for (name, field) in fields {
        assert_fields(document, &format!("{at}/{name}"), &properties[name], field);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_gate_that_refuses_and_publishing_that_is_held_are_told_once_each_time() {
    let (server, clock) = Server::start_at(START).await;
    let receiver = Receiver::start().await;
    hook(&server, &receiver, json!({ "events": ["snapshot.held", "gate.refused"] })).await;
    let (keyspace, gate) = cause_a_pause(&server, &clock).await;
    let told = receiver.wait_for(2).await;
    let of_kind = |kind: &str| told.iter().find(|one| one.kind() == kind).unwrap().body["data"].clone();
    let (refused, held) = (of_kind("gate.refused"), of_kind("snapshot.held"));
    assert_eq!((&refused["gate"], &refused["refused_with"]), (&json!(gate.url), &json!("POLICY_INVALID")));
    assert_eq!((&held["hold_reason"], &held["refused_by"]), (&json!("refused"), &json!(gate.url)));

    // The gate takes what it had before. That it refuses again then is news, as is that publishing is held again.
    let path = format!("/v1/keyspaces/{keyspace}/propagation");
    eventually("the gate takes it", async || {
        let view = server.api.get(&path).await.expect(200);
        view["gates"][0]["refusal"].is_null().then_some(())
    })
    .await;
    let resume = format!("/v1/keyspaces/{keyspace}/snapshot:resume");
    server.api.post(&resume, json!({ "reason": "test" })).await.expect(204);
    let told = receiver.wait_for(4).await;
    let again: BTreeSet<_> = told[2..].iter().map(|one| one.kind()).collect();
    assert_eq!(again, ["gate.refused", "snapshot.held"].into());

    let id = keyspace.parse().unwrap();
    let held = |reason| Some(HeldBase { reason, rows_before: 1_000, rows_after: 400, change_seq: 9 });
    for held in [held(HoldReason::Shrink), held(HoldReason::Shrink), None, held(HoldReason::Shrink)] {
        server.app.store.note_held_base(id, held, START).await.unwrap();
    }
    let told = receiver.wait_for(6).await;
    assert_eq!(told[4].body["data"]["hold_reason"], "shrink");
    assert_eq!(receiver.received().len(), 6);
}

/// A keyspace of its own with a gate that refuses its policy.
async fn cause_a_pause(server: &Server, clock: &Arc<ManualClock>) -> (String, Gate) {
    let gate = Gate::start().await;
    gate.follow(Arc::clone(clock) as Arc<dyn Clock>);
    let keyspace = server.api.keyspace(json!({ "name": "Refused", "gates": [{ "url": gate.url }] })).await;
    gate.trust(&server.api, &keyspace).await;
    let path = format!("/v1/keyspaces/{keyspace}");
    let view = async || server.api.get(&format!("{path}/propagation")).await.expect(200);
    eventually("the gate has something", async || view().await["gates"][0]["applied_seq"].as_u64()).await;
    gate.take_no_other_policy(Picky::Relay);
    let policy = json!({ "routes": [{ "method": "GET", "path": "/new", "permission": "new:read" }] });
    server.api.put(&format!("{path}/policy"), policy).await.expect(200);
    eventually("publishing is paused", async || view().await["paused"].is_object().then_some(())).await;
    (keyspace, gate)
}

async fn cause_everything(server: &Server, clock: &Arc<ManualClock>) {
    let gate = Gate::start().await;
    gate.follow(Arc::clone(clock) as Arc<dyn Clock>);
    let keyspace = gate.serve(&server.api).await;
    let unit = |amount: i64| json!([{ "unit": "calls", "amount": amount }]);
    let settings = json!({
        "owner": "me", "tags": ["a"], "expires_at": START.plus_days(8).to_string(),
        "credits": unit(10), "credits_low_at": unit(5),
    });
    let key = server.api.key(&keyspace, settings).await;
    let id = key["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/keys/{id}");
    for patch in [json!({ "name": "Other" }), json!({ "enabled": false }), json!({ "enabled": true })] {
        server.api.patch(&path, patch).await.expect(200);
    }
    server.api.post(&format!("{path}:rotate"), json!({})).await.expect(200);
    server.api.delete(&path).await.expect(200);
    server.api.post(&format!("{path}:restore"), json!({})).await.expect(200);
    report_use(server, &keyspace, &id, 6, 1).await;
    report_use(server, &keyspace, &id, 10, 2).await;
    server.api.post(&format!("{path}:credits"), json!({ "deltas": unit(5) })).await.expect(200);
    for days in [2, 7] {
        clock.advance_seconds(days * DAY);
        jobs::tell_of_expiry(&server.app).await.unwrap();
    }
    cause_a_pause(server, clock).await;
    gate.set_fault(Some(Fault::Down));
    let started_at = server.app.now();
    clock.advance_seconds(DAY);
    jobs::tell_of_stale_gates(&server.app, started_at).await.unwrap();
    let leaked = json!({ "tokens": [{ "token": key["secret"], "source": "a scanner" }] });
    server.api.post("/v1/keys:revoke-leaked", leaked).await.expect(200);
    let space = format!("/v1/keyspaces/{keyspace}");
    server.api.post(&format!("{space}:kill"), json!({ "reason": "test" })).await.expect(200);
    server.api.post(&format!("{space}:revive"), json!({ "reason": "test" })).await.expect(200);
    let owner = json!({ "owner": "me", "reason": "test" });
    server.api.post(&format!("{space}/owners:revoke"), owner).await.expect(200);
    server.api.delete(&format!("{space}?force=true")).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_stale_gate_is_told_once_until_it_is_fresh_again() {
    let (server, clock) = Server::start_at(START).await;
    let (receiver, gate) = (Receiver::start().await, Gate::start().await);
    gate.follow(clock.clone());
    hook(&server, &receiver, json!({ "events": ["edge.stale"] })).await;
    let keyspace = gate.serve(&server.api).await;
    let acked_at = async || {
        let view = server.api.get(&format!("/v1/keyspaces/{keyspace}/propagation")).await.expect(200);
        view["gates"][0]["acked_at"].as_str().map(str::to_owned)
    };
    let first = eventually("the gate has confirmed", acked_at).await;
    let look = async || jobs::tell_of_stale_gates(&server.app, START).await.unwrap();
    assert_eq!(look().await, 0);
    clock.advance_seconds(91);
    assert_eq!((look().await, look().await), (1, 0));
    let told = receiver.wait_for(1).await.remove(0);
    assert_eq!(
        (&told.body["data"]["gate"], &told.body["data"]["acked_at"]),
        (&json!(gate.url), &json!(first))
    );
    server.api.key(&keyspace, json!({})).await;
    eventually("it has confirmed again", async || acked_at().await.filter(|at| *at != first)).await;
    assert_eq!(look().await, 0);
    clock.advance_seconds(91);
    assert_eq!(look().await, 1, "it is stale once more");
}

#[tokio::test(flavor = "multi_thread")]
async fn k13_a_leak_is_told_with_what_was_done_and_only_once() {
    let (server, receiver) = (Server::start().await, Receiver::start().await);
    hook(&server, &receiver, json!({ "events": ["key.leaked", "key.disabled", "key.revoked"] })).await;
    let mut wanted = Vec::new();
    for (policy, outcome) in [("revoke", "revoked"), ("disable", "disabled"), ("notify", "notified")] {
        let keyspace = server.api.keyspace(json!({ "name": policy, "leak_policy": policy })).await;
        let key = server.api.key(&keyspace, json!({})).await;
        let leaked = json!({ "tokens": [{ "token": key["secret"], "source": "a scanner", "url": "https://x.example" }] });
        server.api.post("/v1/keys:revoke-leaked", leaked.clone()).await.expect(200);
        if policy == "revoke" {
            server.api.post("/v1/keys:revoke-leaked", leaked).await.expect(200);
        }
        wanted.push(outcome);
    }
    receiver.wait_for(5).await;
    let received = receiver.received();
    let leaks: Vec<_> = received.iter().filter(|one| one.kind() == "key.leaked").collect();
    let outcomes: Vec<_> = leaks.iter().map(|one| one.body["data"]["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes.iter().collect::<BTreeSet<_>>(), wanted.iter().collect());
    assert_eq!((outcomes.len(), received.len()), (3, 5));
    assert!(leaks.iter().all(|one| one.body["data"]["source"] == "a scanner"));
    assert!(leaks.iter().all(|one| one.body["data"]["url"] == "https://x.example"));
}
