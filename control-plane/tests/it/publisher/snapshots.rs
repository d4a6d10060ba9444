use std::sync::Arc;
use std::time::Duration;

use latchkey_control_plane::domain::SystemClock;
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gate::{KNOWN, Says, gated};
use crate::support::server::{Server, quick};

async fn snapshot(server: &Server, keyspace: &str) -> Value {
    server.api.get(&format!("/v1/keyspaces/{keyspace}/snapshot")).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_keyspace_is_published_even_without_a_gate() {
    let server = Server::start().await;
    let freshness = json!({ "fresh_seconds": 10, "valid_seconds": 60 });
    let keyspace =
        server.api.keyspace(json!({ "name": "Demo", "environment": "live", "freshness": freshness })).await;
    let view = eventually("it is published", async || {
        Some(snapshot(&server, &keyspace).await).filter(|view| view["seq"].as_u64() > Some(0))
    })
    .await;
    assert_eq!(view["audience"], format!("{keyspace}/live"));
    assert_eq!((&view["epoch"], &view["change_seq"], &view["key_count"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(view["tag_scheme"], "sha256");
    assert_eq!(view["head_hash"].as_str().unwrap().len(), 64);
    assert_eq!(view["base"]["shard_bits"], 0);
    assert_eq!(view["segments"], json!([]));
    let seconds = |name: &str| view[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    assert_eq!(seconds("fresh_until") - seconds("issued_at"), 10);
    assert_eq!(seconds("valid_until") - seconds("issued_at"), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_sign_anew_without_any_change() {
    let config =
        latchkey_control_plane::config::PublisherConfig { heartbeat: Duration::from_millis(50), ..quick() };
    let server = Server::start_with(Arc::new(SystemClock), config).await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    eventually("several heads were signed", async || {
        let view = snapshot(&server, &keyspace).await;
        (view["seq"].as_u64() >= Some(4) && view["change_seq"] == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_the_history_tells_what_each_snapshot_brought_and_counts_heartbeats() {
    let config =
        latchkey_control_plane::config::PublisherConfig { heartbeat: Duration::from_millis(50), ..quick() };
    let server = Server::start_with(Arc::new(SystemClock), config).await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let path = format!("/v1/keyspaces/{keyspace}/snapshots");
    let kinds = async || -> Vec<(String, u64)> {
        let list = server.api.get(&path).await.expect(200);
        let heads = list["data"].as_array().unwrap().iter();
        heads
            .map(|head| (head["kind"].as_str().unwrap().to_owned(), head["change_seq"].as_u64().unwrap()))
            .collect()
    };
    eventually("the first snapshot is out", async || (kinds().await == [("base".into(), 1)]).then_some(()))
        .await;
    server.api.key(&keyspace, json!({})).await;
    eventually("the key is out", async || (kinds().await[0] == ("segment".into(), 2)).then_some(())).await;
    server.api.post(&format!("/v1/keyspaces/{keyspace}/roles"), json!({ "name": "R", "grants": [] })).await;
    eventually("the role is out", async || (kinds().await[0] == ("settings".into(), 3)).then_some(())).await;
    let newest = eventually("it was signed anew", async || {
        let newest = server.api.get(&path).await.expect(200)["data"][0].clone();
        (newest["last_seq"].as_u64() > newest["seq"].as_u64().map(|seq| seq + 3)).then_some(newest)
    })
    .await;
    assert_eq!(kinds().await.len(), 3, "heartbeats are no rows of their own");
    assert_eq!((&newest["rows"], &newest["segments"]), (&json!(0), &json!(1)));
    let shown = snapshot(&server, &keyspace).await;
    let signer = server.api.get(&format!("/v1/keyspaces/{keyspace}/signing-keys")).await.expect(200);
    assert_eq!(newest["signers"], json!([signer["keys"][0]["key_id"]]));
    assert!(newest["bytes"].as_u64() > shown["head_bytes"].as_u64());
    let first = server.api.get(&format!("{path}?limit=1")).await.expect(200);
    let rest = format!("{path}?limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(server.api.get(&rest).await.expect(200)["data"][1]["kind"], "base");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_travels_with_its_role_numbers() {
    let (server, gate, keyspace) = gated().await;
    let roles = format!("/v1/keyspaces/{keyspace}/roles");
    let before = snapshot(&server, &keyspace).await["policy_hash"].clone();
    let role = |name: &str| json!({ "name": name, "grants": ["hello:*"] });
    let reader = server.api.post(&roles, role("reader")).await.header("location").to_owned();
    server.api.post(&roles, role("writer")).await.expect(201);
    server.api.delete(&reader).await.expect(204);
    let key = server.api.key(&keyspace, json!({ "roles": ["writer"], "permissions": ["b:c", "a:*"] })).await;
    let token = key["secret"].as_str().unwrap();
    gate.says(token, KNOWN).await;
    let wanted: (Vec<u16>, Vec<String>) = (vec![2], vec!["a:*".into(), "b:c".into()]);
    assert_eq!(gate.profile(token), wanted);
    assert_ne!(snapshot(&server, &keyspace).await["policy_hash"], before);
}

/// More changes than segments may hold: bases are built beside, pushed and used, and nothing is lost meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_base_is_built_when_segments_grow_and_every_key_stays_as_it_is() {
    let (server, gate, keyspace) = gated().await;
    let makers = (0..8).map(|maker| {
        let (api, keyspace) = (server.api.clone(), keyspace.clone());
        tokio::spawn(async move {
            let mut keys = Vec::new();
            for count in 0..100 {
                // Metadata of their own makes profiles that cannot be shared.
                let metadata = json!({ "for": format!("{maker}/{count}"), "note": "x".repeat(900) });
                let key = api.key(&keyspace, json!({ "metadata": metadata })).await;
                let (id, token) =
                    (key["id"].as_str().unwrap().to_owned(), key["secret"].as_str().unwrap().to_owned());
                let revoked = count % 3 == 0;
                if revoked {
                    api.delete(&format!("/v1/keys/{id}")).await.expect(200);
                }
                keys.push((token, revoked));
            }
            keys
        })
    });
    let mut keys = Vec::new();
    for maker in makers.collect::<Vec<_>>() {
        keys.extend(maker.await.unwrap());
    }
    let last = server.api.post(&format!("/v1/keyspaces/{keyspace}/keys"), json!({})).await.change_seq();
    gate.has(last).await;
    let view = snapshot(&server, &keyspace).await;
    assert!(view["key_count"].as_u64() > Some(100), "a base was built: {view}");
    for (token, revoked) in keys {
        let wanted = if revoked { Says::Revoked } else { KNOWN };
        assert_eq!(gate.ask(&token), wanted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_environment_is_another_audience_and_the_old_gate_says_so() {
    let (server, gate, keyspace) = gated().await;
    let token = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    gate.says(&token, KNOWN).await;
    server
        .api
        .patch(&format!("/v1/keyspaces/{keyspace}"), json!({ "environment": "test" }))
        .await
        .expect(200);
    eventually("the gate refuses the other audience", async || {
        let view = server.api.get(&format!("/v1/keyspaces/{keyspace}/propagation")).await.expect(200);
        (view["gates"][0]["last_error"]["code"] == "AUDIENCE_MISMATCH").then_some(())
    })
    .await;
    gate.trust(&server.api, &keyspace).await;
    let second = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    gate.says(&second, KNOWN).await;
    assert_eq!(snapshot(&server, &keyspace).await["audience"], format!("{keyspace}/test"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_cannot_be_taken_up_is_replaced_by_a_new_base() {
    let (server, gate, keyspace) = gated().await;
    let token = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    gate.says(&token, KNOWN).await;
    let before = gate.taken().last().unwrap().seq;
    let server = server.rebased().await;
    eventually("a newer head arrives", async || (gate.taken().last().unwrap().seq > before).then_some(()))
        .await;
    assert_eq!(gate.ask(&token), KNOWN);
    let view = snapshot(&server, &keyspace).await;
    assert_eq!((&view["key_count"], &view["segments"]), (&json!(1), &json!([])));
}
