//! kill -9 under load, over and over, on one database, while keys are made, imported, rotated, reported, revoked, restored and purged.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use latchkey_control_plane::domain::audit::ChainVerifier;
use latchkey_control_plane::storage::AuditStore;
use latchkey_control_plane::storage::sqlite::SqliteStore;
use latchkey_token::{Environment, Prefix, generate};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::eventually;
use crate::support::gate::{Gate, Says};
use crate::support::process::{EAGER_PURGE, Process, age_revocations};

const ROUNDS: u64 = 100;
const WRITERS: usize = 4;
/// Fewer keys than that have been through all that happens to them when a round's last moments begin.
const LIVES: u64 = 12;

/// Of 100 rounds that many begin with revocations that are old enough to be purged.
const PURGES: u32 = 10;

/// What the server has acknowledged of a key.
#[derive(Clone, Debug)]
struct Acknowledged {
    /// Those that work while the key does, and those that a rotation has ended.
    tokens: Vec<String>,
    ended: Vec<String>,
    name: String,
    revoked: bool,
    /// Revoked so long ago that it may be gone.
    aged: bool,
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
    let mut process = Process::serve_with(folder.path(), &EAGER_PURGE);
    let admin_key = process.admin_key();
    let api = process.api(&admin_key);
    let keyspace = api.keyspace(json!({ "name": "Demo", "gates": [{ "url": gate.url }] })).await;
    gate.trust(&api, &keyspace).await;

    let mut keys = Keys::new();
    let mut published = 0;
    for round in 0..ROUNDS {
        let api = process.api(&admin_key);
        let lives = Arc::new(AtomicU64::new(0));
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                tokio::spawn(write_until_it_dies(
                    api.clone(),
                    keyspace.clone(),
                    StdRng::seed_from_u64(rng.random()),
                    lives.clone(),
                ))
            })
            .collect();
        // A round on a slow machine lasts longer, so that rounds with something to lose are as many on any.
        let wanted = rng.random_range(0..LIVES);
        eventually("the writers write", async || (lives.load(Ordering::Relaxed) >= wanted).then_some(()))
            .await;
        tokio::time::sleep(Duration::from_micros(rng.random_range(0..30_000))).await;
        process.kill();
        let mut fresh = Keys::new();
        for writer in writers {
            fresh.extend(writer.await.unwrap());
        }
        keys.extend(fresh.clone());
        if rng.random_ratio(PURGES, ROUNDS as u32) {
            age_revocations(folder.path());
            keys.values_mut().filter(|key| key.revoked).for_each(|key| key.aged = true);
            fresh.retain(|id, _| !keys[id].aged);
        }
        process = Process::serve_with(folder.path(), &EAGER_PURGE);
        let api = process.api(&admin_key);
        check_keys(&api, &fresh, round).await;
        published = check_published(&api, &keyspace, published, round).await;
    }

    let count = |wanted: fn(&Acknowledged) -> bool| keys.values().filter(|key| wanted(key)).count();
    println!(
        "{} keys were acknowledged, {} rotated, {} revoked, {} of these to be purged",
        keys.len(),
        count(|key| !key.ended.is_empty()),
        count(|key| key.revoked),
        count(|key| key.aged)
    );
    assert!(keys.len() > 2 * ROUNDS as usize, "the writers hardly wrote");
    let api = process.api(&admin_key);
    check_keys(&api, &keys, ROUNDS).await;
    let last = api.post(&format!("/v1/keyspaces/{keyspace}/keys"), json!({})).await.change_seq();
    gate.has(last).await;
    for key in keys.values() {
        for token in key.tokens.iter().chain(&key.ended) {
            let says = gate.ask(token);
            match (key.aged, key.revoked) {
                (true, _) => assert!(matches!(says, Says::Revoked | Says::Unknown), "{says:?}"),
                (false, true) => assert_eq!(says, Says::Revoked),
                (false, false) => assert_eq!(says, Says::Known { disabled: false }),
            }
        }
    }
    let heads = gate.taken();
    assert!(heads.windows(2).all(|two| two[0].seq < two[1].seq), "two heads with one number");
    process.kill();
    check_trail(folder.path(), &keyspace).await;
}

/// Makes keys and does things to them until the server is gone; returns what it was told is done. A key of which something is
/// unanswered is left out: it may have happened or not, so nothing can be asked of it.
async fn write_until_it_dies(api: Api, keyspace: String, mut rng: StdRng, lives: Arc<AtomicU64>) -> Keys {
    let mut keys = Keys::new();
    while let Some((id, key)) = live_a_life(&api, &keyspace, &mut rng).await {
        keys.insert(id, key);
        lives.fetch_add(1, Ordering::Relaxed);
    }
    keys
}

async fn live_a_life(api: &Api, keyspace: &str, rng: &mut StdRng) -> Option<(String, Acknowledged)> {
    let name = format!("{:016x}", rng.random::<u64>());
    let (id, mut key) = match rng.random_range(0..4) {
        0 => import(api, keyspace, name).await?,
        _ => create(api, keyspace, name).await?,
    };
    let path = format!("/v1/keys/{id}");
    if rng.random_bool(0.3) {
        let rotated =
            try_send(api, Method::POST, &format!("{path}:rotate"), Some(json!({ "grace_seconds": 0 })))
                .await?;
        key.ended = std::mem::replace(&mut key.tokens, vec![text(&rotated, "secret")]);
        key.change_seq = rotated["change_seq"].as_u64().unwrap();
    }
    let answered = match rng.random_range(0..4) {
        0 => try_send(api, Method::DELETE, &path, None).await?,
        1 => {
            let found = json!({ "tokens": [{ "token": key.tokens[0] }] });
            let report = try_send(api, Method::POST, "/v1/keys:revoke-leaked", Some(found)).await?;
            assert_eq!(report["results"][0]["outcome"], "revoked", "{report}");
            try_send(api, Method::GET, &path, None).await?
        }
        2 => {
            try_send(api, Method::DELETE, &path, None).await?;
            try_send(api, Method::POST, &format!("{path}:restore"), Some(json!({}))).await?
        }
        _ => return Some((id, key)),
    };
    key.revoked = answered["status"] == "revoked";
    key.change_seq = answered["change_seq"].as_u64().unwrap();
    Some((id, key))
}

async fn create(api: &Api, keyspace: &str, name: String) -> Option<(String, Acknowledged)> {
    let path = format!("/v1/keyspaces/{keyspace}/keys");
    let made = try_send(api, Method::POST, &path, Some(json!({ "name": name }))).await?;
    Some((text(&made, "id"), acknowledged(&made, name, text(&made, "secret"))))
}

async fn import(api: &Api, keyspace: &str, name: String) -> Option<(String, Acknowledged)> {
    let token =
        generate(&Prefix::new("lk").unwrap(), Environment::Test, &mut rand::rng()).expose().to_owned();
    let digest = hex::encode(latchkey_token::digest(token.as_bytes()).0);
    let line = json!({ "external_id": name, "name": name, "digest": digest }).to_string();
    let answer = api.import_request(keyspace, line).send().await.ok()?.text().await.ok()?;
    // The sum comes last; without it the answer was cut off.
    let (line, sum) = answer.trim_end().split_once('\n')?;
    assert_eq!(serde_json::from_str::<Value>(sum).ok()?["created"], 1, "{answer}");
    let id = text(&serde_json::from_str(line).unwrap(), "key_id");
    let made = try_send(api, Method::GET, &format!("/v1/keys/{id}"), None).await?;
    Some((id, acknowledged(&made, name, token)))
}

fn acknowledged(made: &Value, name: String, token: String) -> Acknowledged {
    let change_seq = made["change_seq"].as_u64().unwrap();
    Acknowledged { tokens: vec![token], ended: vec![], name, revoked: false, aged: false, change_seq }
}

fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap().to_owned()
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
        let path = format!("/v1/keys/{id}");
        if key.aged {
            eventually("it is purged", async || (api.get(&path).await.status == 404).then_some(())).await;
            continue;
        }
        let found = api.get(&path).await.expect(200);
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
    let purged: i64 = database
        .query_row("SELECT count(*) FROM audit WHERE action = 'key.purged'", [], |row| row.get(0))
        .unwrap();
    let forgotten: i64 = database
        .query_row("SELECT count(DISTINCT key_id) FROM purged_secrets", [], |row| row.get(0))
        .unwrap();
    assert_eq!(purged, forgotten, "a purge left half a trail");
    // One row is that of the workspace itself; what is purged changes nothing that gates have to be told of.
    assert_eq!(chain.rows() as i64, rows + 1 + purged);
}
