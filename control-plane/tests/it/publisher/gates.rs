use std::sync::Arc;
use std::time::{Duration, Instant};

use latchkey_control_plane::config::PublisherConfig;
use latchkey_control_plane::domain::SystemClock;
use serde_json::{Value, json};

use super::{path, token};
use crate::support::eventually;
use crate::support::gate::{Fault, Gate, KNOWN, Says, gated};
use crate::support::server::{Server, quick};

async fn propagation(server: &Server, keyspace: &str) -> Value {
    server.api.get(&format!("/v1/keyspaces/{keyspace}/propagation")).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_a_key_reaches_the_gate() {
    let (server, gate, keyspace) = gated().await;
    let key = server.api.key(&keyspace, json!({})).await;
    let (token, path) =
        (key["secret"].as_str().unwrap(), format!("/v1/keys/{}", key["id"].as_str().unwrap()));
    gate.says(token, KNOWN).await;
    server.api.patch(&path, json!({ "enabled": false })).await.expect(200);
    gate.says(token, Says::Known { disabled: true }).await;
    server.api.patch(&path, json!({ "enabled": true })).await.expect(200);
    gate.says(token, KNOWN).await;
    server.api.delete(&path).await.expect(200);
    gate.says(token, Says::Revoked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_propagation_says_when_a_change_is_enforced() {
    let (server, gate, keyspace) = gated().await;
    let made = server.api.post(&format!("/v1/keyspaces/{keyspace}/keys"), json!({})).await;
    let wanted = made.change_seq();
    let token = made.expect(201)["secret"].as_str().unwrap().to_owned();
    let receipt = eventually("the gate has confirmed the change", async || {
        let gate = propagation(&server, &keyspace).await["gates"][0].clone();
        (gate["applied_change_seq"].as_u64() >= Some(wanted)).then_some(gate)
    })
    .await;
    assert_eq!(gate.ask(&token), KNOWN, "what is confirmed is enforced");
    assert_eq!(receipt["url"], gate.url.as_str());
    assert_eq!(receipt["last_error"], Value::Null);
    assert_eq!(receipt["isolates"][0]["id"], "i1");
    assert!(receipt["acked_at"].is_string() && receipt["last_attempt_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_after_a_quiet_time_goes_out_at_once() {
    const GATHERED: Duration = Duration::from_secs(4);
    let config = PublisherConfig { coalesce: GATHERED, ..quick() };
    let (server, gate) = (Server::start_with(Arc::new(SystemClock), config).await, Gate::start().await);
    let keyspace = gate.serve(&server.api).await;
    let new_key = async || {
        let made = server.api.post(&format!("/v1/keyspaces/{keyspace}/keys"), json!({})).await;
        let answered = Instant::now();
        let taken = eventually("the gate has the change", async || {
            gate.taken().into_iter().find(|taken| taken.change_seq >= made.change_seq())
        });
        taken.await.at.saturating_duration_since(answered)
    };
    new_key().await;
    tokio::time::sleep(GATHERED).await;
    let delay = new_key().await;
    assert!(delay < GATHERED, "{delay:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_share_a_push() {
    let (server, gate, keyspace) = gated().await;
    let mut last = 0;
    for _ in 0..100 {
        last = server.api.post(&format!("/v1/keyspaces/{keyspace}/keys"), json!({})).await.change_seq();
    }
    gate.has(last).await;
    let pushes = gate.taken();
    assert!(pushes.len() < 60, "{} pushes for 100 changes", pushes.len());
    assert!(pushes.windows(2).all(|two| two[0].seq < two[1].seq && two[0].change_seq <= two[1].change_seq));
    assert!(pushes.iter().all(|push| push.segments <= 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_down_holds_up_no_other_and_catches_up() {
    let (server, gate, keyspace) = gated().await;
    let other = Gate::start().await;
    other.trust(&server.api, &keyspace).await;
    gate.set_fault(Some(Fault::Down));
    let gates = json!({ "gates": [{ "url": gate.url }, { "url": other.url }] });
    server.api.patch(&format!("/v1/keyspaces/{keyspace}"), gates).await.expect(200);
    let token = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    other.says(&token, KNOWN).await;
    eventually("the failure is shown", async || {
        let state = propagation(&server, &keyspace).await["gates"][0].clone();
        (state["last_error"]["code"] == "BAD_ANSWER").then_some(())
    })
    .await;
    gate.set_fault(None);
    gate.says(&token, KNOWN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_lost_its_storage_gets_everything_again() {
    let (server, gate, keyspace) = gated().await;
    let first = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    gate.says(&first, KNOWN).await;
    gate.lose_storage();
    let second = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    gate.says(&second, KNOWN).await;
    assert_eq!(gate.ask(&first), KNOWN);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_does_not_stop_the_gate() {
    let (server, gate, keyspace) = gated().await;
    let first = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    gate.says(&first, KNOWN).await;
    gate.set_fault(Some(Fault::AnswerLost));
    let revoked = server.api.key(&keyspace, json!({})).await;
    let wanted = revoked["change_seq"].as_u64().unwrap();
    gate.says(token(&revoked), KNOWN).await;
    gate.set_fault(None);
    // The repeated push is refused as not newer; a newer head sorts it out without any change.
    eventually("the gate has confirmed", async || {
        let state = propagation(&server, &keyspace).await["gates"][0].clone();
        (state["applied_change_seq"].as_u64() >= Some(wanted) && state["last_error"].is_null()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_does_not_trust_the_key_is_shown_with_its_code() {
    let (server, gate) = (Server::start().await, Gate::start().await);
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "gates": [{ "url": gate.url }] })).await;
    eventually("the refusal is shown", async || {
        let state = propagation(&server, &keyspace).await["gates"][0].clone();
        (state["last_error"]["code"] == "KEY_NOT_TRUSTED").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_was_taken_out_gets_nothing_more() {
    let (server, gate, keyspace) = gated().await;
    let first = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    gate.says(&first, KNOWN).await;
    let seq =
        server.api.patch(&format!("/v1/keyspaces/{keyspace}"), json!({ "gates": [] })).await.change_seq();
    eventually("the change is published", async || {
        (propagation(&server, &keyspace).await["change_seq"].as_u64() >= Some(seq)).then_some(())
    })
    .await;
    let pushes = gate.taken().len();
    server.api.key(&keyspace, json!({})).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(gate.taken().len(), pushes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_keyspace_revokes_all_its_keys_at_the_gate() {
    let (server, gate, keyspace) = gated().await;
    let token = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    gate.says(&token, KNOWN).await;
    server.api.delete(&format!("/v1/keyspaces/{keyspace}")).await.problem(409, "KEYSPACE_IN_USE");
    server.api.delete(&format!("/v1/keyspaces/{keyspace}?force=true")).await.expect(204);
    gate.says(&token, Says::Revoked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_with_the_numbers_and_heals_the_gate() {
    let (server, gate, keyspace) = gated().await;
    let key = server.api.key(&keyspace, json!({})).await;
    let token = key["secret"].as_str().unwrap();
    gate.says(token, KNOWN).await;
    gate.set_fault(Some(Fault::Down));
    server.api.delete(&path(&key)).await.expect(200);
    let before = gate.taken().last().unwrap().seq;
    let server = server.restart().await;
    gate.set_fault(None);
    gate.says(token, Says::Revoked).await;
    assert!(gate.taken().last().unwrap().seq > before);
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_does_not_send_again_what_the_gate_has() {
    let (server, gate, keyspace) = gated().await;
    let token = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    gate.says(&token, KNOWN).await;
    let before = gate.taken().last().unwrap().seq;
    let server = server.restart().await;
    let healed = eventually("the gate hears of the restart", async || {
        gate.taken().into_iter().find(|taken| taken.seq > before)
    })
    .await;
    assert_eq!(healed.seq, before + 1);
    assert!(healed.bytes < 4_096);
    drop(server);
}
