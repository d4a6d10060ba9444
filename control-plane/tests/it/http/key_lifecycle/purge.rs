//! The end of a key: deleted for good, and its tokens dead for ever.

use std::sync::Arc;

use latchkey_control_plane::domain::clock::ManualClock;
use latchkey_control_plane::domain::{Clock, SystemClock};
use latchkey_control_plane::jobs::Purged;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::path;
use crate::support::api::read;
use crate::support::eventually;
use crate::support::gate::{Gate, KNOWN, Says};
use crate::support::server::Server;

const DAY: i64 = 86_400;
const FOREIGN: &str = "legacy:Zm9vYmFy7Qx2LkP0vTnW8sYb3HcJ6dRe5";

async fn start() -> (Server, Arc<ManualClock>) {
    Server::start_at(SystemClock.now()).await
}

fn purged(keys: u64) -> Purged {
    Purged { keys, ..Purged::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn k7_a_revoked_key_is_purged_after_the_retention_time_and_not_before() {
    let (server, clock) = start().await;
    let keyspace =
        server.api.keyspace(json!({ "name": "Demo", "retention_days": 2, "foreign_tokens": true })).await;
    let doomed =
        json!({ "name": "A", "owner": "acme", "external_id": "crm-1", "token": FOREIGN, "expires_at": null });
    let key = server.api.key(&keyspace, doomed.clone()).await;
    let rotated = server.api.post(&format!("{}:rotate", path(&key)), json!({})).await.expect(200);
    let kept = server.api.key(&keyspace, json!({ "name": "B", "expires_at": null })).await;
    server.api.delete(&format!("{}?reason=leaked&note=found", path(&key))).await.expect(200);
    clock.advance_seconds(2 * DAY - 1);
    assert_eq!(server.purge().await, purged(0));
    let later = server.api.key(&keyspace, json!({ "name": "C" })).await;
    server.api.delete(&path(&later)).await.expect(200);
    server.api.get(&path(&key)).await.expect(200);

    clock.advance_seconds(1);
    assert_eq!(server.purge().await, purged(1));
    assert_eq!(server.purge().await, purged(0));
    server.api.get(&path(&key)).await.problem(404, "NOT_FOUND");
    server.api.post(&format!("{}:restore", path(&key)), json!({})).await.problem(404, "NOT_FOUND");
    for token in [&json!(FOREIGN), &rotated["secret"]] {
        server.api.post("/v1/keys:lookup", json!({ "token": token })).await.problem(404, "NOT_FOUND");
    }
    let all = server.api.get(&format!("/v1/keyspaces/{keyspace}/keys?status=all")).await.expect(200);
    let names: Vec<_> = all["data"].as_array().unwrap().iter().map(|key| key["name"].clone()).collect();
    assert_eq!(names, ["C", "B"]);
    assert_eq!(server.api.get(&path(&kept)).await.expect(200)["status"], "active");

    let rows = server.audit_rows().await;
    let row = rows.iter().find(|row| row.action == "key.purged").unwrap();
    assert_eq!((row.actor.as_str(), row.object.as_str()), ("system", key["id"].as_str().unwrap()));
    assert_eq!(row.keyspace_id.unwrap().to_string(), keyspace);
    let before: Value = serde_json::from_str(&row.before).unwrap();
    assert_eq!(
        (&before["name"], &before["revoked_note"], row.after.as_str()),
        (&json!("A"), &json!("found"), "null")
    );
    assert_eq!(server.api.get("/v1/audit:verify").await.expect(200)["ok"], true);

    // Name and external id are free again, the token never.
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    server.api.post(&keys, doomed).await.problem(409, "TOKEN_ALREADY_USED");
    let again = json!({ "name": "A", "owner": "acme", "external_id": "crm-1" });
    server.api.post(&keys, again).await.expect(201);
    let chosen = json!({ "token": rotated["secret"] });
    server.api.post(&format!("{}:rotate", path(&kept)), chosen).await.problem(409, "TOKEN_ALREADY_USED");
}

#[tokio::test(flavor = "multi_thread")]
async fn k7_keys_of_a_deleted_keyspace_are_purged_too_and_large_purges_go_in_batches() {
    let (server, clock) = start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "retention_days": 1 })).await;
    let lines: String = (0..150u32)
        .map(|n| format!("{{\"external_id\":\"{n}\",\"digest\":\"{}\"}}\n", digest_of(n)))
        .collect();
    assert_eq!(import(&server, &keyspace, lines.clone()).await["created"], 150);
    server.api.delete(&format!("/v1/keyspaces/{keyspace}?force=true")).await.expect(204);
    clock.advance_seconds(DAY);
    assert_eq!(server.purge().await, purged(150));
    // Whoever has the hashes of the dead cannot bring them back by importing them elsewhere.
    let other = server.api.keyspace(json!({ "name": "Other" })).await;
    let sum = import(&server, &other, lines).await;
    assert_eq!((&sum["created"], &sum["errors"]), (&json!(0), &json!(150)));
}

fn digest_of(number: u32) -> String {
    hex::encode(latchkey_token::digest(&number.to_le_bytes()).0)
}

async fn import(server: &Server, keyspace: &str, lines: String) -> Value {
    server.api.import(keyspace, lines).await.lines().pop().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_named_requests_are_forgotten_once_they_cannot_be_asked_for() {
    let (server, clock) = start().await;
    let post = server.api.request(Method::POST, "/v1/keyspaces").header("idempotency-key", "one");
    let post = post.header(CONTENT_TYPE, "application/json").body(json!({ "name": "Demo" }).to_string());
    read(post.send().await.unwrap()).await.expect(201);
    clock.advance_seconds(DAY);
    assert_eq!(server.purge().await, purged(0));
    clock.advance_seconds(1);
    assert_eq!(server.purge().await, Purged { answers: 1, ..Purged::default() });
}

/// A gate with an old base, in which a key is alive, and a segment that revokes it; then the key is purged.
struct OldBase {
    server: Server,
    clock: Arc<ManualClock>,
    gate: Gate,
    keyspace: String,
    token: String,
}

impl OldBase {
    async fn with_a_revoked_key() -> Self {
        let (server, clock) = start().await;
        let gate = Gate::start().await;
        gate.follow(clock.clone());
        let settings = json!({ "name": "Demo", "retention_days": 1, "gates": [{ "url": gate.url }] });
        let keyspace = server.api.keyspace(settings).await;
        gate.trust(&server.api, &keyspace).await;
        let key = server.api.key(&keyspace, json!({ "expires_at": null })).await;
        let token = key["secret"].as_str().unwrap().to_owned();
        let server = server.rebased().await;
        let this = Self { server, clock, gate, keyspace, token };
        eventually("the base has the key", async || {
            let view = this.view().await;
            (view["key_count"] == 1 && view["segments"] == json!([]) && this.says() == KNOWN).then_some(())
        })
        .await;
        this.server.api.delete(&path(&key)).await.expect(200);
        eventually("the gate refuses it", async || (this.says() == Says::Revoked).then_some(())).await;
        this.clock.advance_seconds(DAY);
        this
    }

    fn says(&self) -> Says {
        self.gate.ask(&self.token)
    }

    async fn view(&self) -> Value {
        self.server.api.get(&format!("/v1/keyspaces/{}/snapshot", self.keyspace)).await.expect(200)
    }

    /// Makes keys, one publication each, until the segment that revoked the key was merged with others.
    async fn merge(&self) {
        for _ in 0..3 {
            let made = self.server.api.key(&self.keyspace, json!({ "expires_at": null })).await;
            eventually("the gate knows the new key", async || {
                (self.gate.ask(made["secret"].as_str().unwrap()) == KNOWN).then_some(())
            })
            .await;
        }
        let view = self.view().await;
        assert_eq!(
            (&view["key_count"], view["segments"].as_array().unwrap().len()),
            (&json!(1), 1),
            "{view}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k7_a_purged_key_stays_refused_in_the_next_snapshots_and_in_a_new_base() {
    let case = OldBase::with_a_revoked_key().await;
    assert_eq!(case.server.purge().await, purged(1));
    case.merge().await;
    assert_eq!(case.says(), Says::Revoked);
    let said = case.server.api.post("/v1/keys:verify", json!({ "token": case.token })).await.expect(200);
    assert_eq!((&said["code"], said.get("key")), (&json!("REVOKED"), None));

    let before = case.gate.taken().last().unwrap().seq;
    let OldBase { server, clock, gate, keyspace, token } = case;
    let case = OldBase { server: server.rebased().await, clock, gate, keyspace, token };
    eventually("a new base is taken", async || {
        (case.gate.taken().last().unwrap().seq > before).then_some(())
    })
    .await;
    let view = case.view().await;
    assert_eq!((&view["key_count"], &view["segments"]), (&json!(3), &json!([])), "{view}");
    assert_eq!(case.says(), Says::Unknown);
    let made = case.server.api.key(&case.keyspace, json!({})).await;
    eventually("the gate goes on from there", async || {
        (case.gate.ask(made["secret"].as_str().unwrap()) == KNOWN).then_some(())
    })
    .await;
    assert_eq!(case.says(), Says::Unknown);
}

/// What would happen if a purge only deleted: the database itself refuses that, and without its refusal the key comes back.
#[tokio::test(flavor = "multi_thread")]
async fn k7_a_purge_that_forgot_tokens_would_let_a_revoked_key_in_again() {
    let case = OldBase::with_a_revoked_key().await;
    let database = case.server.database();
    let careless = "DELETE FROM secrets WHERE key_id IN (SELECT id FROM keys WHERE revoked_at IS NOT NULL); \
                    DELETE FROM keys WHERE revoked_at IS NOT NULL";
    let refusal = database.execute_batch(careless).unwrap_err().to_string();
    assert!(refusal.contains("a token is noted as purged before it is deleted"), "{refusal}");
    database.execute_batch("DROP TRIGGER secrets_are_never_forgotten").unwrap();
    database.execute_batch(careless).unwrap();
    case.merge().await;
    assert_eq!(case.says(), KNOWN, "the attack that the purge must not allow is no longer shown");
}
