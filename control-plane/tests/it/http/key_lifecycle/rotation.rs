use latchkey_control_plane::domain::Timestamp;
use serde_json::{Value, json};

use super::path;
use crate::support::eventually;
use crate::support::gate::{Says, gated};
use crate::support::server::Server;

const FOREIGN: &str = "legacy:Zm9vYmFy7Qx2LkP0vTnW8sYb3HcJ6dRe5";

#[tokio::test(flavor = "multi_thread")]
async fn k10_a_rotated_key_keeps_its_id_and_both_tokens_for_the_grace_time() {
    let (server, clock) = Server::start_at(Timestamp::parse("2027-01-01T00:00:00Z").unwrap()).await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({ "name": "A" })).await;
    let rotate = format!("{}:rotate", path(&key));
    let rotated = server.api.post(&rotate, json!({ "grace_seconds": 60 })).await.expect(200);
    assert_eq!((&rotated["id"], &rotated["name"]), (&key["id"], &json!("A")));
    let secret = rotated["secret"].as_str().unwrap();
    assert!(latchkey_token::parse(secret.as_bytes()).is_ok() && key["secret"] != secret);
    let secrets = rotated["secrets"].as_array().unwrap();
    assert_eq!(secrets.len(), 2);
    assert_eq!((&secrets[0]["id"], &secrets[0]["last_used_at"]), (&key["secrets"][0]["id"], &Value::Null));
    assert_eq!(secrets[0]["expires_at"], "2027-01-01T00:01:00.000Z");
    assert_eq!(secrets[1]["expires_at"], Value::Null);
    assert!(secret.starts_with(secrets[1]["start"].as_str().unwrap()));
    // A second rotation never makes an old token live longer.
    clock.advance_seconds(10);
    let again = server.api.post(&rotate, json!({})).await.expect(200);
    let ends: Vec<_> =
        again["secrets"].as_array().unwrap().iter().map(|one| one["expires_at"].clone()).collect();
    assert_eq!(ends, [json!("2027-01-01T00:01:00.000Z"), json!("2027-01-02T00:00:10.000Z"), Value::Null]);
}

#[tokio::test(flavor = "multi_thread")]
async fn k10_a_switch_over_can_be_planned_and_wrong_plans_are_refused() {
    let (server, _) = Server::start_at(Timestamp::parse("2027-01-01T00:00:00Z").unwrap()).await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({})).await;
    let rotate = format!("{}:rotate", path(&key));
    let end = json!({ "old_expires_at": "2027-06-01T12:00:00Z" });
    let rotated = server.api.post(&rotate, end).await.expect(200);
    assert_eq!(rotated["secrets"][0]["expires_at"], "2027-06-01T12:00:00.000Z");
    for (wrong, field) in [
        (json!({ "old_expires_at": "2026-12-31T23:59:59Z" }), "/old_expires_at"),
        (json!({ "old_expires_at": "2027-06-01T12:00:00Z", "grace_seconds": 1 }), "/old_expires_at"),
        (json!({ "grace_seconds": 2_592_001 }), "/grace_seconds"),
        (json!({ "when": "now" }), "/when"),
    ] {
        let fields = server.api.post(&rotate, wrong).await.wrong_fields(422, "INVALID_FIELDS");
        assert_eq!(fields, [field]);
    }
    for _ in 0..6 {
        server.api.post(&rotate, json!({})).await.expect(200);
    }
    server.api.post(&rotate, json!({})).await.problem(409, "TOO_MANY_SECRETS");
    server.api.post(&format!("{}:explode", path(&key)), json!({})).await.problem(404, "NOT_FOUND");
    server.api.post(&path(&key), json!({})).await.problem(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn k10_gates_know_every_live_token_and_lose_them_all_with_the_key() {
    let (server, gate, keyspace) = gated().await;
    let key = server.api.key(&keyspace, json!({})).await;
    let rotated = server.api.post(&format!("{}:rotate", path(&key)), json!({})).await.expect(200);
    let tokens = [&key, &rotated].map(|shown| shown["secret"].as_str().unwrap().to_owned());
    let all_say = async |wanted: Says| {
        eventually("the gate says the same of every token", async || {
            tokens.iter().all(|token| gate.ask(token) == wanted).then_some(())
        })
        .await;
    };
    all_say(Says::Known { disabled: false }).await;
    server.api.patch(&path(&key), json!({ "enabled": false })).await.expect(200);
    all_say(Says::Known { disabled: true }).await;
    server.api.delete(&path(&key)).await.expect(200);
    all_say(Says::Revoked).await;
    server.api.post(&format!("{}:restore", path(&key)), json!({})).await.expect(200);
    all_say(Says::Known { disabled: true }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn k10_a_chosen_token_is_taken_if_it_cannot_be_guessed_and_never_twice() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    let with = |token: &str| json!({ "token": token });
    // Tokens of other makes only where the keyspace says so.
    let refused = server.api.post(&keys, with(FOREIGN)).await;
    assert!(!refused.text.contains(FOREIGN));
    assert_eq!(refused.wrong_fields(422, "INVALID_FIELDS"), ["/token"]);
    server
        .api
        .patch(&format!("/v1/keyspaces/{keyspace}"), json!({ "foreign_tokens": true }))
        .await
        .expect(200);
    let made = server.api.post(&keys, with(FOREIGN)).await;
    assert!(!made.text.contains(FOREIGN));
    let made = made.expect(201);
    assert_eq!((made.get("secret"), &made["secrets"][0]["start"]), (None, &json!("lega")));
    server.api.post(&keys, with(FOREIGN)).await.problem(409, "TOKEN_ALREADY_USED");
    server.api.delete(&path(&made)).await.expect(200);
    server.api.post(&keys, with(FOREIGN)).await.problem(409, "TOKEN_ALREADY_USED");
    // Not in another keyspace of the workspace either.
    let other = server.api.keyspace(json!({ "name": "Other", "foreign_tokens": true })).await;
    let other_keys = format!("/v1/keyspaces/{other}/keys");
    server.api.post(&other_keys, with(FOREIGN)).await.problem(409, "TOKEN_ALREADY_USED");
    for weak in [
        "too-short",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1",
        "with a space 8Jk2LmQ9xYw4ZtP7",
    ] {
        assert_eq!(server.api.post(&keys, with(weak)).await.wrong_fields(422, "INVALID_FIELDS"), ["/token"]);
    }
    let key = server.api.key(&keyspace, json!({})).await;
    let rotate = format!("{}:rotate", path(&key));
    server.api.post(&rotate, with(FOREIGN)).await.problem(409, "TOKEN_ALREADY_USED");
    server.api.post(&rotate, json!({ "token": key["secret"] })).await.problem(409, "TOKEN_ALREADY_USED");
    let rotated = server.api.post(&rotate, with("9Qx2LkP0vTnW8sYb3HcJ6dRe5Zm7uA1fG4hK")).await.expect(200);
    assert_eq!((rotated.get("secret"), rotated["secrets"].as_array().unwrap().len()), (None, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn k10_a_switch_over_can_be_moved_while_it_is_under_way_and_revives_nothing() {
    let (server, clock) = Server::start_at(Timestamp::parse("2027-01-01T00:00:00Z").unwrap()).await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "default_expiry_days": null })).await;
    let key = server.api.key(&keyspace, json!({})).await;
    let (rotate, reschedule) = (format!("{}:rotate", path(&key)), format!("{}:reschedule", path(&key)));
    let later = json!({ "old_expires_at": "2027-02-01T00:00:00Z" });
    server.api.post(&reschedule, later.clone()).await.problem(409, "NOT_ROTATING");
    server.api.post(&rotate, json!({ "grace_seconds": 10 })).await.expect(200);
    let ends = |key: Value| -> Vec<Value> {
        key["secrets"].as_array().unwrap().iter().map(|secret| secret["expires_at"].clone()).collect()
    };
    let moved = server.api.post(&reschedule, later.clone()).await;
    assert_eq!((moved.change_seq(), moved.header("etag")), (4, "\"4\""));
    assert_eq!(ends(moved.expect(200)), [json!("2027-02-01T00:00:00.000Z"), Value::Null]);
    let sooner = server.api.post(&reschedule, json!({ "grace_seconds": 60 })).await.expect(200);
    assert_eq!(ends(sooner), [json!("2027-01-01T00:01:00.000Z"), Value::Null]);

    clock.advance_seconds(30);
    server.api.post(&rotate, json!({ "grace_seconds": 600 })).await.expect(200);
    clock.advance_seconds(31);
    let moved = server.api.post(&reschedule, later.clone()).await.expect(200);
    let wanted = [json!("2027-01-01T00:01:00.000Z"), json!("2027-02-01T00:00:00.000Z"), Value::Null];
    assert_eq!(ends(moved), wanted, "what had ended stays ended");
    let over = server.api.post(&reschedule, json!({ "grace_seconds": 0 })).await.expect(200);
    assert_eq!(ends(over)[1], "2027-01-01T00:01:01.000Z");
    server.api.post(&reschedule, later.clone()).await.problem(409, "NOT_ROTATING");

    for wrong in
        [json!({}), json!({ "old_expires_at": "2026-12-31T23:59:59Z" }), json!({ "old_expires_at": null })]
    {
        let fields = server.api.post(&reschedule, wrong).await.wrong_fields(422, "INVALID_FIELDS");
        assert_eq!(fields, ["/old_expires_at"]);
    }
    server.api.delete(&path(&key)).await.expect(200);
    server.api.post(&reschedule, later).await.problem(409, "KEY_REVOKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn k12_an_external_id_belongs_to_one_key() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({ "external_id": "crm-1" })).await;
    assert_eq!(server.api.get(&path(&key)).await.expect(200)["external_id"], "crm-1");
    let again =
        server.api.post(&format!("/v1/keyspaces/{keyspace}/keys"), json!({ "external_id": "crm-1" })).await;
    let problem = again.problem(409, "EXTERNAL_ID_TAKEN");
    assert!(problem["detail"].as_str().unwrap().contains(key["id"].as_str().unwrap()));
}
