//! kill -9 under load, over and over, on one database.

use std::collections::HashMap;
use std::time::Duration;

use latchkey_control_plane::domain::audit::ChainVerifier;
use latchkey_control_plane::storage::AuditStore;
use latchkey_control_plane::storage::sqlite::SqliteStore;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::eventually;
use crate::support::gate::{Gate, Says};
use crate::support::process::Process;

const ROUNDS: u64 = 100;
const WRITERS: usize = 4;

/// What the server has acknowledged of a key.
#[derive(Clone, Debug)]
struct Acknowledged {
    token: String,
    name: String,
    revoked: bool,
    change_seq: u64,
}

type Keys = HashMap<String, Acknowledged>;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_acknowledged_survives_kill_9_at_any_moment() {
    let seed: u64 = std::env::var("LATCHKEY_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random);
    println!("seed {seed}: repeat with LATCHKEY_TEST_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::start().await;
    let mut process = Process::serve(folder.path());
    let admin_key = process.admin_key();
    let api = process.api(&admin_key);
    let keyspace = api.keyspace(json!({ "name": "Demo", "gates": [{ "url": gate.url }] })).await;
    gate.trust(&api, &keyspace).await;

    let mut keys = Keys::new();
    let mut published = 0;
    for round in 0..ROUNDS {
        let api = process.api(&admin_key);
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                tokio::spawn(write_until_it_dies(
                    api.clone(),
                    keyspace.clone(),
                    StdRng::seed_from_u64(rng.random()),
                ))
            })
            .collect();
        tokio::time::sleep(Duration::from_micros(rng.random_range(1_000..60_000))).await;
        process.kill();
        let mut fresh = Keys::new();
        for writer in writers {
            fresh.extend(writer.await.unwrap());
        }
        process = Process::serve(folder.path());
        let api = process.api(&admin_key);
        check_keys(&api, &fresh, round).await;
        keys.extend(fresh);
        published = check_published(&api, &keyspace, published, round).await;
    }

    println!(
        "{} keys were acknowledged, {} of them revoked",
        keys.len(),
        keys.values().filter(|key| key.revoked).count()
    );
    assert!(keys.len() > 50, "the writers hardly wrote");
    let api = process.api(&admin_key);
    check_keys(&api, &keys, ROUNDS).await;
    let last = api.post(&format!("/v1/keyspaces/{keyspace}/keys"), json!({})).await.change_seq();
    eventually("the gate is healed", async || {
        gate.taken().iter().any(|taken| taken.change_seq >= last).then_some(())
    })
    .await;
    for key in keys.values() {
        let wanted = if key.revoked { Says::Revoked } else { Says::Known { disabled: false } };
        assert_eq!(gate.ask(&key.token), wanted);
    }
    let heads = gate.taken();
    assert!(heads.windows(2).all(|two| two[0].seq < two[1].seq), "two heads with one number");
    process.kill();
    check_trail(folder.path(), &keyspace).await;
}

/// Makes and revokes keys until the server is gone; returns what it was told is done.
async fn write_until_it_dies(api: Api, keyspace: String, mut rng: StdRng) -> Keys {
    let mut keys = Keys::new();
    loop {
        let name = format!("{:016x}", rng.random::<u64>());
        let path = format!("/v1/keyspaces/{keyspace}/keys");
        let Some(made) = try_send(&api, Method::POST, &path, Some(json!({ "name": name }))).await else {
            return keys;
        };
        let id = made["id"].as_str().unwrap().to_owned();
        let mut key = Acknowledged {
            token: made["secret"].as_str().unwrap().to_owned(),
            name,
            revoked: false,
            change_seq: made["change_seq"].as_u64().unwrap(),
        };
        if rng.random_bool(0.5) {
            let Some(revoked) = try_send(&api, Method::DELETE, &format!("/v1/keys/{id}"), None).await else {
                // Unanswered: it may have happened or not, so nothing can be asked of it.
                return keys;
            };
            key.revoked = true;
            key.change_seq = revoked["change_seq"].as_u64().unwrap();
        }
        keys.insert(id, key);
    }
}

async fn try_send(api: &Api, method: Method, path: &str, body: Option<Value>) -> Option<Value> {
    let request = api.request(method, path).header("content-type", "application/json");
    let request = if let Some(body) = body { request.body(body.to_string()) } else { request };
    let text = request.send().await.ok()?.text().await.ok()?;
    let answer: Value = serde_json::from_str(&text).ok()?;
    assert!(answer.get("code").is_none(), "{answer}");
    Some(answer)
}

async fn check_keys(api: &Api, keys: &Keys, round: u64) {
    for (id, key) in keys {
        let found = api.get(&format!("/v1/keys/{id}")).await.expect(200);
        let wanted = if key.revoked { "revoked" } else { "active" };
        assert_eq!(
            (found["status"].as_str(), found["name"].as_str()),
            (Some(wanted), Some(key.name.as_str())),
            "round {round}"
        );
        assert_eq!(found["change_seq"].as_u64(), Some(key.change_seq), "round {round}");
    }
}

async fn check_published(api: &Api, keyspace: &str, before: u64, round: u64) -> u64 {
    let view = api.get(&format!("/v1/keyspaces/{keyspace}/snapshot")).await.expect(200);
    let seq = view["seq"].as_u64().unwrap();
    assert!(seq >= before, "round {round}: the published number fell from {before} to {seq}");
    seq
}

/// The audit chain verifies, and the change log has no gap and one audit row for each of its rows.
async fn check_trail(folder: &std::path::Path, keyspace: &str) {
    let store = SqliteStore::open(folder).unwrap();
    let workspace = store.audited_workspaces().await.unwrap()[0];
    let mut chain = ChainVerifier::default();
    loop {
        let page = store.audit_entries(workspace, chain.rows(), 1_000).await.unwrap();
        if page.is_empty() {
            break;
        }
        page.iter().try_for_each(|entry| chain.take(entry)).unwrap();
    }
    let database = rusqlite::Connection::open(folder.join("latchkey.db")).unwrap();
    let (rows, newest): (i64, i64) = database
        .query_row("SELECT count(*), max(seq) FROM changes", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(rows, newest, "the change log of {keyspace} has gaps");
    // One row is that of the workspace itself.
    assert_eq!(chain.rows() as i64, rows + 1);
}
