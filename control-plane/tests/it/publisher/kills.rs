use serde_json::json;

use super::{path, token};
use crate::support::eventually;
use crate::support::gate::{KNOWN, Says, gated};
use crate::support::server::Server;

async fn verb(server: &Server, keyspace: &str, verb: &str) -> u64 {
    let path = format!("/v1/keyspaces/{keyspace}{verb}");
    server.api.post(&path, json!({ "reason": "a drill" })).await.change_seq()
}

async fn revoke_owner(server: &Server, keyspace: &str, owner: &str) -> u64 {
    let path = format!("/v1/keyspaces/{keyspace}/owners:revoke");
    let answer = server.api.post(&path, json!({ "owner": owner, "reason": "fraud" })).await;
    let seq = answer.change_seq();
    assert_eq!(answer.expect(200)["owner"], owner);
    seq
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_a_killed_keyspace_refuses_every_key_until_it_is_revived() {
    let (server, gate, keyspace) = gated().await;
    let (good, bad) =
        (server.api.key(&keyspace, json!({})).await, server.api.key(&keyspace, json!({})).await);
    gate.has(bad["change_seq"].as_u64().unwrap()).await;
    gate.has(verb(&server, &keyspace, ":kill").await).await;
    assert_eq!((gate.ask(token(&good)), gate.ask(token(&bad))), (Says::Revoked, Says::Revoked));
    assert!(gate.taken().last().unwrap().bytes < 1_024, "a kill is small");
    let shown = server.api.get(&format!("/v1/keyspaces/{keyspace}")).await.expect(200);
    assert_eq!(shown["killed"]["reason"], "a drill");

    server.api.delete(&path(&bad)).await.expect(200);
    let made = server.api.key(&keyspace, json!({})).await;
    gate.has(made["change_seq"].as_u64().unwrap()).await;
    assert_ne!(gate.ask(token(&made)), KNOWN, "what is made meanwhile works no sooner");
    assert_eq!(gate.ask(token(&good)), Says::Revoked);

    gate.has(verb(&server, &keyspace, ":revive").await).await;
    assert_eq!(
        [token(&good), token(&made), token(&bad)].map(|token| gate.ask(token)),
        [KNOWN, KNOWN, Says::Revoked]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_a_kill_outlives_a_restart_and_a_new_base() {
    let (server, gate, keyspace) = gated().await;
    let key = server.api.key(&keyspace, json!({})).await;
    gate.has(key["change_seq"].as_u64().unwrap()).await;
    gate.has(verb(&server, &keyspace, ":kill").await).await;
    let seq = gate.taken().last().unwrap().seq;
    let server = server.restart().await;
    eventually("the gate hears again", async || (gate.taken().last().unwrap().seq > seq).then_some(())).await;
    assert_eq!(gate.ask(token(&key)), Says::Revoked);

    let seq = gate.taken().last().unwrap().seq;
    let server = server.rebased().await;
    eventually("the gate has the base", async || (gate.taken().last().unwrap().seq > seq).then_some(()))
        .await;
    assert_eq!(gate.ask(token(&key)), Says::Revoked);
    gate.has(verb(&server, &keyspace, ":revive").await).await;
    assert_eq!(gate.ask(token(&key)), KNOWN);
}

/// Those who came to the owner, or left, just before are what a kill that names an owner gets wrong, if it is merged with the segment in
/// which they moved.
#[tokio::test(flavor = "multi_thread")]
async fn e3_revoking_an_owner_revokes_the_keys_that_the_owner_has_then_and_no_others() {
    let (server, gate, keyspace) = gated().await;
    let of = async |owner: &str| server.api.key(&keyspace, json!({ "owner": owner })).await;
    let (stays, comes, leaves) = (of("acme").await, of("other").await, of("acme").await);
    let server_and_gate = async |server: Server| {
        let seq = gate.taken().last().map_or(0, |taken| taken.seq);
        let server = server.rebased().await;
        eventually("the base is out", async || {
            gate.taken().last().is_some_and(|taken| taken.seq > seq).then_some(())
        })
        .await;
        server
    };
    gate.has(leaves["change_seq"].as_u64().unwrap()).await;
    let server = server_and_gate(server).await;
    server.api.patch(&path(&comes), json!({ "owner": "acme" })).await.expect(200);
    server.api.patch(&path(&leaves), json!({ "owner": "other" })).await.expect(200);
    gate.has(revoke_owner(&server, &keyspace, "acme").await).await;
    let later = server.api.key(&keyspace, json!({ "owner": "acme" })).await;
    gate.has(later["change_seq"].as_u64().unwrap()).await;
    let asked = || [&stays, &comes, &leaves, &later].map(|key| gate.ask(token(key)));
    assert_eq!(asked(), [Says::Revoked, Says::Revoked, KNOWN, KNOWN]);

    let restored = server.api.post(&format!("{}:restore", path(&stays)), json!({})).await.change_seq();
    gate.has(restored).await;
    assert_eq!(asked(), [KNOWN, Says::Revoked, KNOWN, KNOWN]);
    let _server = server_and_gate(server).await;
    assert_eq!(asked(), [KNOWN, Says::Revoked, KNOWN, KNOWN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_an_owner_of_many_keys_is_revoked_in_a_push_of_less_than_a_kibibyte() {
    let (server, gate, keyspace) = gated().await;
    let mut keys = Vec::new();
    for _ in 0..200 {
        keys.push(server.api.key(&keyspace, json!({ "owner": "acme" })).await);
    }
    gate.has(keys[199]["change_seq"].as_u64().unwrap()).await;
    let pushes = gate.taken().len();
    gate.has(revoke_owner(&server, &keyspace, "acme").await).await;
    assert!(keys.iter().all(|key| gate.ask(token(key)) == Says::Revoked));
    let push = gate.taken()[pushes].clone();
    assert!(push.bytes < 1_024, "{} bytes", push.bytes);
}
