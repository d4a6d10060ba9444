//! What bases are built from says the same as the keys themselves, whichever statements changed those.

use latchkey_control_plane::domain::{KeyspaceId, Timestamp};
use latchkey_control_plane::storage::sqlite::SqliteStore;
use latchkey_control_plane::storage::{BasePage, PublicationStore, StoreError, TagRange};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::{Connection, params};
use tempfile::TempDir;

const KEYSPACE: i64 = 7;
const STEPS: usize = 1_500;
const TRIGGERS: [&str; 6] = [
    "packed_rows_come",
    "packed_rows_go",
    "packed_rows_follow_secrets",
    "packed_rows_follow_keys",
    "packed_rows_are_restricted",
    "packed_rows_are_free",
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
    let from_keys = "SELECT t.keyspace_id, t.tag, k.id, \
         iif(k.environment = 'live', 1, 0) + 2 * k.enabled + iif(k.revoked_at IS NULL, 0, 4) + 8 * (k.id IN (SELECT key_id FROM key_restrictions)), \
         (SELECT min(at) FROM (SELECT k.revoked_at AS at UNION ALL SELECT k.expires_at UNION ALL SELECT t.expires_at)), \
         (SELECT min(at) FROM (SELECT k.expires_at AS at UNION ALL SELECT t.expires_at)), \
         concat_ws(char(31), k.permissions, k.roles, k.metadata, k.owner) \
         FROM secrets AS t JOIN keys AS k ON k.id = t.key_id";
    let sides = ["packed_rows", "rows_to_pack"].map(|side| {
        format!(
            "(SELECT count(*) FROM ({from_keys} EXCEPT SELECT * FROM {side})) \
             + (SELECT count(*) FROM (SELECT * FROM {side} EXCEPT {from_keys}))"
        )
    });
    let sql = format!("SELECT {}", sides.join(" + "));
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

fn add_key(connection: &Connection, number: i64, owner: Option<&str>) {
    connection
        .prepare_cached(
            r#"INSERT INTO keys (id, keyspace_id, name, description, environment, owner, tags, metadata, enabled, permissions, roles, change_seq,
             created_at, updated_at)
             VALUES (?1, 7, 'Key ' || ?1, '', 'test', ?2, '[]', '{"plan":"gold"}', 1, '["hello:read"]', '["reader","writer"]', ?1, 0, 0)"#,
        )
        .unwrap()
        .execute(params![number, owner])
        .unwrap();
    add_secret(connection, number, &mut StdRng::seed_from_u64(number as u64));
}

async fn read(store: &SqliteStore, range: TagRange, limit: u32) -> Result<BasePage, StoreError> {
    store.base_rows(KeyspaceId(KEYSPACE as u64), range, limit, Timestamp(0)).await
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
    let rows: i64 = connection.query_row("SELECT count(*) FROM packed_rows", [], |row| row.get(0)).unwrap();
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
        || connection.query_row("SELECT count(*) FROM packed_rows", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = count();
    for trigger in TRIGGERS {
        connection.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    connection.execute_batch("DELETE FROM packed_rows; PRAGMA user_version = 0;").unwrap();
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
    connection.execute_batch("DROP TRIGGER packed_rows_are_free; DELETE FROM key_restrictions; UPDATE packed_rows SET flags = flags & 7").unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let read = async || read(&store, TagRange::default(), 1_000).await;
    assert!(read().await.unwrap().rows.len() > 3);
    connection
        .execute_batch(
            "UPDATE packed_rows SET flags = flags | 8 WHERE tag = (SELECT max(tag) FROM packed_rows)",
        )
        .unwrap();
    assert!(read().await.is_err());
}

#[tokio::test]
async fn a_profile_comes_out_of_its_row_as_it_went_in() {
    let (folder, connection) = database();
    let owners = [None, Some(""), Some("o"), Some("a\u{1f}[]\u{1f}{}\nb")];
    for (number, owner) in (1..).zip(owners) {
        add_key(&connection, number, owner);
    }
    let store = SqliteStore::open(folder.path()).unwrap();
    let mut rows = read(&store, TagRange::default(), 10).await.unwrap().rows;
    rows.sort_by_key(|row| row.key_id);
    let found: Vec<_> = rows.iter().map(|row| row.profile.owner.as_deref()).collect();
    assert_eq!(found, owners);
    for row in rows {
        assert_eq!(row.profile.permissions, ["hello:read"]);
        assert_eq!(row.profile.roles, ["reader", "writer"]);
        assert_eq!(row.profile.metadata, r#"{"plan":"gold"}"#);
    }
}

#[tokio::test]
async fn a_page_ends_before_it_holds_many_profiles() {
    let (folder, connection) = database();
    connection.execute_batch("BEGIN").unwrap();
    for number in 1..=20_000 {
        add_key(&connection, number, Some(&format!("owner-{number}")));
    }
    connection.execute_batch("COMMIT").unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let (mut range, mut pages) = (TagRange::default(), Vec::new());
    loop {
        let page = read(&store, range, 20_000).await.unwrap();
        pages.push(page.rows.len());
        match page.rows.last() {
            Some(last) if !page.is_last => range.after = Some(last.tag),
            _ => break,
        }
    }
    assert_eq!(pages, [8_192, 8_192, 20_000 - 2 * 8_192]);
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
