//! What bases are built from says the same as the keys themselves, whichever statements changed those.

use latchkey_control_plane::domain::{KeyspaceId, Timestamp};
use latchkey_control_plane::storage::sqlite::SqliteStore;
use latchkey_control_plane::storage::{PublicationStore, TagRange};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::{Connection, params};
use tempfile::TempDir;

const KEYSPACE: i64 = 7;
const STEPS: usize = 1_500;
const TRIGGERS: [&str; 6] = [
    "base_rows_come",
    "base_rows_go",
    "base_rows_follow_secrets",
    "base_rows_follow_keys",
    "base_rows_are_restricted",
    "base_rows_are_free",
];

fn database() -> (TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let connection = Connection::open(folder.path().join("latchkey.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA synchronous = OFF;
             INSERT INTO workspaces VALUES (1, 'W', 0);
             INSERT INTO keyspaces (id, workspace_id, name, prefix, environment, gates, fresh_seconds, valid_seconds, on_expired, \
             created_at, updated_at) VALUES (7, 1, 'Demo', 'lk', 'any', '[]', 5, 5, 'deny', 0, 0);",
        )
        .unwrap();
    (folder, connection)
}

/// How many rows only one side has.
fn differences(connection: &Connection) -> u64 {
    let from_keys = "SELECT t.keyspace_id, t.tag, k.id, k.environment = 'live', k.enabled, k.revoked_at, k.expires_at, t.expires_at, \
         k.owner, k.permissions, k.roles, k.metadata, k.id IN (SELECT key_id FROM key_restrictions) \
         FROM secrets AS t JOIN keys AS k ON k.id = t.key_id";
    let sql = format!(
        "SELECT (SELECT count(*) FROM ({from_keys} EXCEPT SELECT * FROM base_rows)) \
             + (SELECT count(*) FROM (SELECT * FROM base_rows EXCEPT {from_keys}))"
    );
    connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap() as u64
}

/// A change such as the program makes, of a random key.
fn step(connection: &Connection, rng: &mut StdRng, number: i64) {
    let key: i64 = connection
        .query_row(
            "SELECT ifnull((SELECT id FROM keys WHERE id >= ?1 ORDER BY id LIMIT 1), 0)",
            [rng.random_range(0..number + 1)],
            |row| row.get(0),
        )
        .unwrap();
    let run = |sql: &str| connection.execute_batch(&sql.replace("?K", &key.to_string())).unwrap();
    match rng.random_range(0..14) {
        0..=2 => {
            let environment = if rng.random() { "live" } else { "test" };
            connection
                .execute(
                    "INSERT INTO keys (id, keyspace_id, name, description, environment, tags, metadata, enabled, permissions, roles, change_seq, \
                     created_at, updated_at) VALUES (?1, 7, 'Key ' || ?1, '', ?2, '[]', '{}', 1, '[]', '[]', ?1, 0, 0)",
                    params![number, environment],
                )
                .unwrap();
            add_secret(connection, number, rng);
        }
        3 => add_secret(connection, key, rng),
        4 => run("UPDATE keys SET enabled = 1 - enabled WHERE id = ?K"),
        5 => run(
            "UPDATE keys SET revoked_at = 5, revoked_reason = 'admin' WHERE id = ?K AND revoked_at IS NULL",
        ),
        6 => run("UPDATE keys SET revoked_at = NULL, revoked_reason = NULL WHERE id = ?K"),
        7 => run("UPDATE keys SET owner = iif(owner IS NULL, 'o' || abs(random() % 5), NULL) WHERE id = ?K"),
        8 => run(
            r#"UPDATE keys SET roles = '["r' || abs(random() % 9) || '"]', permissions = '["p' || abs(random() % 9) || '"]' WHERE id = ?K"#,
        ),
        9 => run(
            r#"UPDATE keys SET metadata = '{"n":' || abs(random() % 9) || '}', expires_at = abs(random() % 9) WHERE id = ?K"#,
        ),
        10 => run("UPDATE secrets SET expires_at = iif(expires_at IS NULL, 9, NULL) WHERE key_id = ?K"),
        11 if key > 0 => run("INSERT OR REPLACE INTO key_restrictions (key_id, document) VALUES (?K, '{}')"),
        12 => run("DELETE FROM key_restrictions WHERE key_id = ?K"),
        13 => run(
            "UPDATE keys SET revoked_at = 5, revoked_reason = 'admin' WHERE id = ?K AND revoked_at IS NULL; \
             INSERT INTO purged_secrets SELECT 1, digest, keyspace_id, key_id, tag, 1 FROM secrets WHERE key_id = ?K; \
             DELETE FROM secrets WHERE key_id = ?K; DELETE FROM key_restrictions WHERE key_id = ?K; DELETE FROM keys WHERE id = ?K",
        ),
        _ => {}
    }
}

fn add_secret(connection: &Connection, key: i64, rng: &mut StdRng) {
    let digest: [u8; 32] = rng.random();
    if key > 0 {
        connection
            .execute(
                "INSERT INTO secrets (key_id, keyspace_id, digest, tag, start, created_at) VALUES (?1, ?2, ?3, ?4, 'lk_test_abcd', 0)",
                params![key, KEYSPACE, digest, &digest[..16]],
            )
            .unwrap();
    }
}

#[test]
fn rows_of_bases_follow_whatever_happens_to_keys() {
    let (_folder, connection) = database();
    let mut rng = StdRng::seed_from_u64(11);
    for number in 1..=STEPS as i64 {
        step(&connection, &mut rng, number);
        if number % 10 == 0 {
            assert_eq!(differences(&connection), 0, "after step {number}");
        }
    }
    let rows: i64 = connection.query_row("SELECT count(*) FROM base_rows", [], |row| row.get(0)).unwrap();
    assert!(rows > 100, "{rows}");
}

#[test]
fn without_any_one_of_the_triggers_they_do_not() {
    for trigger in TRIGGERS {
        let (_folder, connection) = database();
        connection.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
        let mut rng = StdRng::seed_from_u64(11);
        let found = (1..=STEPS as i64).any(|number| {
            step(&connection, &mut rng, number);
            number % 10 == 0 && differences(&connection) > 0
        });
        assert!(found, "{trigger} is not needed");
    }
}

#[test]
fn a_database_of_before_has_them_after_its_migration() {
    let (folder, connection) = database();
    let mut rng = StdRng::seed_from_u64(12);
    for number in 1..=300 {
        step(&connection, &mut rng, number);
    }
    let count =
        || connection.query_row("SELECT count(*) FROM base_rows", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = count();
    for trigger in TRIGGERS {
        connection.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    connection.execute_batch("DELETE FROM base_rows; PRAGMA user_version = 0;").unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    assert_eq!((count(), differences(&connection)), (before, 0));
}

#[tokio::test]
async fn a_restricted_key_whose_restrictions_are_lost_goes_into_no_base() {
    let (folder, connection) = database();
    let mut rng = StdRng::seed_from_u64(14);
    for number in 1..=200 {
        step(&connection, &mut rng, number);
    }
    connection.execute_batch("DROP TRIGGER base_rows_are_free; DELETE FROM key_restrictions; UPDATE base_rows SET restricted = 0").unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let read =
        async || store.base_rows(KeyspaceId(KEYSPACE as u64), TagRange::default(), 1_000, Timestamp(0)).await;
    assert!(read().await.unwrap().len() > 3);
    connection
        .execute_batch("UPDATE base_rows SET restricted = 1 WHERE tag = (SELECT max(tag) FROM base_rows)")
        .unwrap();
    assert!(read().await.is_err());
}

#[test]
fn a_secret_never_changes_its_key_or_its_tag() {
    let (_folder, connection) = database();
    let mut rng = StdRng::seed_from_u64(13);
    for number in 1..=20 {
        step(&connection, &mut rng, number);
    }
    for change in ["tag = randomblob(16)", "key_id = key_id + 1", "keyspace_id = 8"] {
        let error =
            connection.execute_batch(&format!("UPDATE secrets SET {change}")).unwrap_err().to_string();
        assert!(error.contains("belongs to one key for ever"), "{change}: {error}");
    }
}
