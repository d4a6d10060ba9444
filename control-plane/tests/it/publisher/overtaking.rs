//! Revocations wait for nothing that takes long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use latchkey_control_plane::config::PublisherConfig;
use latchkey_control_plane::domain::SystemClock;
use serde_json::{Value, json};

use super::large::insert_keys;
use crate::support::eventually;
use crate::support::gate::{Gate, Says};
use crate::support::server::{Server, quick};

const KNOWN: Says = Says::Known { disabled: false };

async fn gated(config: PublisherConfig) -> (Server, Gate, String) {
    let (server, gate) = (Server::start_with(Arc::new(SystemClock), config).await, Gate::start().await);
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "gates": [{ "url": gate.url }] })).await;
    gate.trust(&server.api, &keyspace).await;
    (server, gate, keyspace)
}

async fn says(gate: &Gate, key: &Value, wanted: Says) {
    let token = key["secret"].as_str().unwrap();
    eventually(&format!("the gate says {wanted:?}"), async || (gate.ask(token) == wanted).then_some(()))
        .await;
}

async fn revoke(server: &Server, key: &Value) -> u64 {
    server.api.delete(&format!("/v1/keys/{}", key["id"].as_str().unwrap())).await.change_seq()
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_a_revocation_does_not_wait_for_others_to_gather() {
    let (server, gate, keyspace) =
        gated(PublisherConfig { coalesce: Duration::from_secs(20), ..quick() }).await;
    let key = server.api.key(&keyspace, json!({})).await;
    let begun = Instant::now();
    let seq = revoke(&server, &key).await;
    eventually("the gate has it", async || {
        gate.taken().last().is_some_and(|taken| taken.change_seq >= seq).then_some(())
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_a_revocation_overtakes_a_base_that_is_being_built() {
    let (server, gate, keyspace) = gated(quick()).await;
    let key = server.api.key(&keyspace, json!({})).await;
    says(&gate, &key, KNOWN).await;
    insert_keys(&server, &keyspace);
    let new = server.api.key(&keyspace, json!({})).await;
    let seq = revoke(&server, &key).await;
    says(&gate, &key, Says::Revoked).await;
    let head = gate.taken().last().unwrap().clone();
    assert!(head.change_seq < seq, "the whole of what was made came first: {head:?}");
    assert!(head.bytes < 1_024, "{head:?}");
    says(&gate, &new, KNOWN).await;
    assert_eq!(gate.ask(key["secret"].as_str().unwrap()), Says::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_a_revocation_overtakes_a_base_that_is_being_uploaded_to_the_same_gate() {
    let (server, gate, keyspace) = gated(quick()).await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        keys.push(server.api.key(&keyspace, json!({ "owner": "acme" })).await);
    }
    says(&gate, &keys[2], KNOWN).await;
    gate.take_over_parts(Duration::from_secs(4));
    insert_keys(&server, &keyspace);
    let new = server.api.key(&keyspace, json!({})).await;
    eventually("the upload has begun", async || (gate.parts() > 0).then_some(())).await;
    let pushes = gate.taken().len();

    revoke(&server, &keys[0]).await;
    says(&gate, &keys[0], Says::Revoked).await;
    assert_ne!(gate.ask(new["secret"].as_str().unwrap()), KNOWN, "it had to wait for the upload");
    assert!(gate.taken()[pushes..].iter().all(|push| push.bytes < 1_024));
    assert_eq!(gate.ask(keys[1]["secret"].as_str().unwrap()), KNOWN, "no one else is shut out");

    // The upload gets on although revocations go on: each part that arrives is kept.
    let owners = format!("/v1/keyspaces/{keyspace}/owners:revoke");
    server.api.post(&owners, json!({ "owner": "acme", "reason": "fraud" })).await.expect(200);
    says(&gate, &keys[1], Says::Revoked).await;
    gate.take_over_parts(Duration::ZERO);
    says(&gate, &new, KNOWN).await;
    for key in &keys {
        assert_eq!(gate.ask(key["secret"].as_str().unwrap()), Says::Revoked);
    }
}
