use latchkey_snapshot::{HashedBody, Kind};
use rusqlite::params;
use serde_json::{Value, json};

use super::{path, token};
use crate::support::eventually;
use crate::support::gate::{Gate, KNOWN, Says, gated};
use crate::support::server::Server;

const KEYS: i64 = 40_000;

/// What the database calls a keyspace.
fn number_of(keyspace: &str) -> i64 {
    keyspace.parse::<latchkey_control_plane::domain::KeyspaceId>().unwrap().0 as i64
}

/// Many keys at once, as an import will make them: straight into the tables, because one by one would take minutes.
pub(super) fn insert_keys(server: &Server, keyspace: &str) {
    let number = number_of(keyspace);
    let database = server.database();
    database
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
             INSERT INTO keys (id, keyspace_id, name, description, environment, tags, metadata, enabled, permissions, roles,
                               change_seq, created_at, updated_at)
             SELECT i, ?1, 'k' || i, '', 'test', '[]', json_object('number', i, 'note', hex(randomblob(50))), 1, '[\"a:b\"]', '[]',
                    i + 1, 0, 0 FROM n",
            params![number, KEYS],
        )
        .unwrap();
    database
        .execute(
            "WITH random AS MATERIALIZED (SELECT id, keyspace_id, randomblob(32) AS digest FROM keys WHERE keyspace_id = ?1)
             INSERT INTO secrets (id, key_id, keyspace_id, digest, tag, start, created_at)
             SELECT id, id, keyspace_id, digest, substr(digest, 1, 16), 's', 0 FROM random",
            [number],
        )
        .unwrap();
    database
        .execute("UPDATE keyspaces SET change_seq = ?2 + 1 WHERE id = ?1", params![number, KEYS])
        .unwrap();
}

/// A server, a gate that has a base of many keys, their keyspace, and one key more that the gate knows.
pub(super) async fn gated_with_many_keys() -> (Server, Gate, String, Value) {
    let (server, gate, keyspace) = gated().await;
    insert_keys(&server, &keyspace);
    let key = server.api.key(&keyspace, json!({})).await;
    gate.says(token(&key), KNOWN).await;
    (server, gate, keyspace, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_too_large_for_one_bundle_is_pushed_in_parts_and_healed_as_a_whole() {
    let (server, gate, keyspace, key) = gated_with_many_keys().await;
    let view = server.api.get(&format!("/v1/keyspaces/{keyspace}/snapshot")).await.expect(200);
    assert_eq!(view["key_count"], KEYS + 1);
    assert!(view["base"]["bytes"].as_u64() > Some(4 << 20), "{view}");
    assert_eq!(view["base"]["shard_bits"], 5);

    let before = gate.taken().len();
    let revoked = server.api.key(&keyspace, json!({})).await;
    server.api.delete(&path(&revoked)).await.expect(200);
    gate.says(token(&revoked), Says::Revoked).await;
    assert!(
        gate.taken()[before..].iter().all(|push| push.bytes < 4_096),
        "the base was sent again for a small change"
    );

    gate.lose_storage();
    server.api.delete(&path(&key)).await.expect(200);
    gate.says(token(&key), Says::Revoked).await;

    // A restart neither builds the base again nor sends it to a gate that has it.
    let pushes = gate.taken().len();
    let server = server.restart().await;
    let first = eventually("the gate hears of the restart", async || gate.taken().get(pushes).cloned()).await;
    assert!(first.bytes < 4_096);
    let number = keyspace.parse().unwrap();
    assert!(server.app.store.publication(number).await.unwrap().is_some());
}

/// Gives so many keys of the first two of 32 shards more metadata, which makes the segments too large for what they are.
fn change_keys_of_two_shards(server: &Server, keyspace: &str) {
    let number = number_of(keyspace);
    let database = server.database();
    let changed = database
        .execute(
            "UPDATE keys SET metadata = json_object('note', hex(randomblob(60))),
                 change_seq = (SELECT change_seq + 1 FROM keyspaces WHERE id = ?1)
             WHERE id IN (SELECT key_id FROM secrets WHERE keyspace_id = ?1 AND tag < x'10' LIMIT 2000)",
            [number],
        )
        .unwrap();
    assert_eq!(changed, 2_000);
    database.execute("UPDATE keyspaces SET change_seq = change_seq + 1 WHERE id = ?1", [number]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_new_base_only_what_changed_is_written_and_pushed_and_it_is_what_would_be_built_anew() {
    let (server, gate, keyspace, _) = gated_with_many_keys().await;
    let (first, before) = (gate.base_root().unwrap(), gate.received());
    assert!(before > 4 << 20, "{before} bytes");

    change_keys_of_two_shards(&server, &keyspace);
    server.api.key(&keyspace, json!({})).await;
    eventually("the gate has the next base", async || (gate.base_root()? != first).then_some(())).await;
    let pushed = gate.received() - before;
    assert!(pushed < 2 << 20, "{pushed} bytes were pushed for 2,000 changed keys");
    let second = gate.base_root().unwrap();

    // Without anything to begin from, all of it is built anew.
    let number: latchkey_control_plane::domain::KeyspaceId = keyspace.parse().unwrap();
    server.app.store.forget_bodies_except(number, Vec::new()).await.unwrap();
    gate.lose_storage();
    let server = server.restart().await;
    let again = eventually("the gate has a base again", async || gate.base_root()).await;
    assert_eq!(again, second);
    assert!(server.app.store.publication(number).await.unwrap().is_some());
}

fn revoke_keys(server: &Server, keyspace: &str, count: u32) {
    let number = number_of(keyspace);
    let database = server.database();
    let changed = database
        .execute(
            "UPDATE keys SET revoked_at = 4000000000000, revoked_reason = 'admin',
                 change_seq = (SELECT change_seq FROM keyspaces WHERE id = ?1) + id
             WHERE keyspace_id = ?1 AND id <= ?2",
            params![number, count],
        )
        .unwrap();
    assert_eq!(changed, count as usize);
    database
        .execute("UPDATE keyspaces SET change_seq = change_seq + ?2 WHERE id = ?1", params![number, count])
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_missed_twenty_thousand_revocations_catches_up_without_a_new_base() {
    let (server, gate, keyspace, key) = gated_with_many_keys().await;
    let (root, before) = (gate.base_root(), gate.received());

    revoke_keys(&server, &keyspace, 20_000);
    server.api.delete(&path(&key)).await.expect(200);
    gate.says(token(&key), Says::Revoked).await;
    assert_eq!(gate.base_root(), root);
    let received = gate.received() - before;
    assert!((240_000..242_000).contains(&received), "{received} bytes");
}

/// Of a large base a question reads one shard, as a gate does: with half of the shards gone about half of the keys can still be
/// asked about.
#[tokio::test(flavor = "multi_thread")]
async fn verifying_a_token_reads_the_shard_of_its_key_and_no_other() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let mut tokens = Vec::new();
    for _ in 0..24 {
        tokens.push(server.api.key(&keyspace, json!({})).await["secret"].clone());
    }
    insert_keys(&server, &keyspace);
    let last = server.api.key(&keyspace, json!({})).await;
    let verify = async |token| server.api.post("/v1/keys:verify", json!({ "token": token })).await;
    eventually("the new base is published", async || {
        let view = server.api.get(&format!("/v1/keyspaces/{keyspace}/snapshot")).await.expect(200);
        (view["base"]["shard_bits"] == 5).then_some(())
    })
    .await;
    assert_eq!(verify(last["secret"].clone()).await.expect(200)["code"], "VALID");

    lose_every_other_shard(&server);
    let mut answered = 0;
    for token in tokens {
        let answer = verify(token).await;
        if answer.status == 200 {
            assert_eq!(answer.expect(200)["code"], "VALID");
            answered += 1;
        } else {
            answer.problem(500, "INTERNAL");
        }
    }
    assert!((1..24).contains(&answered), "{answered} of 24 were answered");
}

fn lose_every_other_shard(server: &Server) {
    let database = server.database();
    let mut bodies = database.prepare("SELECT rowid, bytes FROM bodies").unwrap();
    let bodies = bodies.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap();
    let bodies = bodies.map(Result::unwrap);
    // The base before, of which there may be one with a few keys, is kept until the next.
    let is_large = |bytes: &Vec<u8>| bytes.len() > 16 << 10;
    let is_shard =
        |bytes: Vec<u8>| is_large(&bytes) && HashedBody::compute(bytes).kind().unwrap() == Kind::Shard;
    let shards: Vec<_> = bodies.filter_map(|(rowid, bytes)| is_shard(bytes).then_some(rowid)).collect();
    assert_eq!(shards.len(), 32);
    for rowid in shards.into_iter().step_by(2) {
        database.execute("DELETE FROM bodies WHERE rowid = ?1", [rowid]).unwrap();
    }
}
