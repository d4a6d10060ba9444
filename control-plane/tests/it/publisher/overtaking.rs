//! Revocations wait for nothing that takes long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use latchkey_control_plane::config::PublisherConfig;
use latchkey_control_plane::domain::SystemClock;
use serde_json::{Value, json};

use super::large::insert_keys;
use super::{path, token};
use crate::support::eventually;
use crate::support::gate::{Gate, KNOWN, Says, gated};
use crate::support::server::{Server, quick};

async fn revoke(server: &Server, key: &Value) -> u64 {
    server.api.delete(&path(key)).await.change_seq()
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_a_revocation_does_not_wait_for_others_to_gather() {
    let config = PublisherConfig { coalesce: Duration::from_secs(20), ..quick() };
    let (server, gate) = (Server::start_with(Arc::new(SystemClock), config).await, Gate::start().await);
    let keyspace = gate.serve(&server.api).await;
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
    let (server, gate, keyspace) = gated().await;
    let key = server.api.key(&keyspace, json!({})).await;
    gate.says(token(&key), KNOWN).await;
    insert_keys(&server, &keyspace);
    let new = server.api.key(&keyspace, json!({})).await;
    let seq = revoke(&server, &key).await;
    gate.says(token(&key), Says::Revoked).await;
    let head = gate.taken().last().unwrap().clone();
    assert!(head.change_seq < seq, "the whole of what was made came first: {head:?}");
    assert!(head.bytes < 1_024, "{head:?}");
    gate.says(token(&new), KNOWN).await;
    assert_eq!(gate.ask(token(&key)), Says::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_a_revocation_overtakes_a_base_that_is_being_uploaded_to_the_same_gate() {
    let (server, gate, keyspace) = gated().await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        keys.push(server.api.key(&keyspace, json!({ "owner": "acme" })).await);
    }
    gate.says(token(&keys[2]), KNOWN).await;
    gate.take_over_parts(Duration::from_secs(4));
    insert_keys(&server, &keyspace);
    let new = server.api.key(&keyspace, json!({})).await;
    eventually("the upload has begun", async || (gate.parts() > 0).then_some(())).await;
    let pushes = gate.taken().len();

    revoke(&server, &keys[0]).await;
    gate.says(token(&keys[0]), Says::Revoked).await;
    assert_ne!(gate.ask(token(&new)), KNOWN, "it had to wait for the upload");
    assert!(gate.taken()[pushes..].iter().all(|push| push.bytes < 1_024));
    assert_eq!(gate.ask(token(&keys[1])), KNOWN, "no one else is shut out");

    // The upload gets on although revocations go on: each part that arrives is kept.
    let owners = format!("/v1/keyspaces/{keyspace}/owners:revoke");
    server.api.post(&owners, json!({ "owner": "acme", "reason": "fraud" })).await.expect(200);
    gate.says(token(&keys[1]), Says::Revoked).await;
    gate.take_over_parts(Duration::ZERO);
    gate.says(token(&new), KNOWN).await;
    for key in &keys {
        assert_eq!(gate.ask(token(key)), Says::Revoked);
    }
}

/// A change that comes just before a revocation may take it along in the head over the new base, which the gate does not have yet.
#[tokio::test(flavor = "multi_thread")]
async fn e3_a_revocation_overtakes_an_upload_right_behind_another_change() {
    const NEVER: Duration = Duration::from_secs(3_600);
    let config = PublisherConfig { heartbeat: NEVER, push_timeout: NEVER, ..quick() };
    let (server, gate) = (Server::start_with(Arc::new(SystemClock), config).await, Gate::start().await);
    let keyspace = gate.serve(&server.api).await;
    let mut keys = Vec::new();
    for _ in 0..20 {
        keys.push(server.api.key(&keyspace, json!({})).await);
    }
    gate.says(token(&keys[19]), KNOWN).await;
    gate.take_over_parts(NEVER);
    insert_keys(&server, &keyspace);
    server.api.key(&keyspace, json!({})).await;
    eventually("the upload has begun", async || (gate.parts() > 0).then_some(())).await;
    for key in &keys {
        server.api.key(&keyspace, json!({})).await;
        revoke(&server, key).await;
        gate.says(token(key), Says::Revoked).await;
    }
}
