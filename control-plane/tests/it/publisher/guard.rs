//! Sets of keys that nobody can have meant.

use latchkey_control_plane::domain::{Clock, SystemClock};
use serde_json::{Value, json};

use super::large::{gated_with_many_keys, insert_keys};
use super::{path, token};
use crate::support::eventually;
use crate::support::gate::{Gate, KNOWN, Says};
use crate::support::server::Server;

async fn held(server: &Server, keyspace: &str) -> Value {
    eventually("a base is held", async || {
        let view = server.api.get(&format!("/v1/keyspaces/{keyspace}/propagation")).await.expect(200);
        Some(view["held"].clone()).filter(|held| !held.is_null())
    })
    .await
}

fn overridden(keyspace: &str) -> String {
    format!("/v1/keyspaces/{keyspace}/snapshot:override")
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_a_base_of_more_than_twice_the_keys_waits_for_consent_and_revocations_do_not() {
    let (server, clock) = Server::start_at(SystemClock.now()).await;
    let gate = Gate::start().await;
    gate.follow(clock.clone());
    let keyspace = gate.serve(&server.api).await;
    let mut first = Value::Null;
    for _ in 0..101 {
        first = server.api.key(&keyspace, json!({ "expires_at": null })).await;
    }
    gate.says(token(&first), KNOWN).await;
    let server = server.rebased().await;
    clock.advance_seconds(2 * 86_400);
    insert_keys(&server, &keyspace);
    let last = server.api.key(&keyspace, json!({})).await;

    let seen = held(&server, &keyspace).await;
    assert_eq!((&seen["reason"], &seen["rows_before"]), (&json!("growth"), &json!(101)));
    server.api.delete(&path(&first)).await.expect(200);
    gate.says(token(&first), Says::Revoked).await;
    assert_eq!(gate.ask(token(&last)), Says::Unknown);

    let consent = json!({ "reason": "we moved in from another system" });
    server.api.post(&overridden(&keyspace), consent.clone()).await.expect(204);
    gate.says(token(&last), KNOWN).await;
    assert_eq!(gate.ask(token(&first)), Says::Revoked);
    let history = server.api.get(&format!("/v1/keyspaces/{keyspace}/snapshots?limit=100")).await.expect(200);
    let bases = history["data"].as_array().unwrap().iter().filter(|head| head["kind"] == "base");
    assert_eq!(bases.filter(|base| base["overridden"] == true).count(), 1, "{history}");
    server.api.post(&overridden(&keyspace), consent).await.problem(409, "NOTHING_HELD");
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_a_base_that_lost_keys_is_not_published() {
    let (server, gate, keyspace, key) = gated_with_many_keys().await;
    let before = server.api.get(&format!("/v1/keyspaces/{keyspace}/snapshot")).await.expect(200);

    lose_half_of_the_keys(&server);
    server.api.key(&keyspace, json!({})).await;
    assert_eq!(held(&server, &keyspace).await["reason"], "shrink");
    let after = server.api.get(&format!("/v1/keyspaces/{keyspace}/snapshot")).await.expect(200);
    assert_eq!(after["key_count"], before["key_count"]);
    assert_eq!(gate.ask(token(&key)), KNOWN);
}

/// As in an old copy of the database; every key that is left counts as changed, so that a new base is due.
fn lose_half_of_the_keys(server: &Server) {
    let database = server.database();
    let sql = "BEGIN IMMEDIATE; DROP TRIGGER secrets_are_never_forgotten; DROP TRIGGER keys_are_revoked_first;
        DELETE FROM secrets WHERE key_id % 2 = 1 AND key_id < 100000; DELETE FROM keys WHERE id % 2 = 1 AND id < 100000;
        UPDATE keys SET change_seq = (SELECT change_seq + 1 FROM keyspaces WHERE keyspaces.id = keyspace_id);
        UPDATE keyspaces SET change_seq = change_seq + 1; COMMIT;";
    database.execute_batch(sql).unwrap();
}
