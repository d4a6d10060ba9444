use latchkey_control_plane::storage::sqlite::SqliteStore;
use latchkey_control_plane::storage::{PublicationStore, WorkspaceStore};
use rusqlite::Connection;
use tempfile::TempDir;

fn folder_with_database() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    folder
}

fn database(folder: &TempDir) -> Connection {
    Connection::open(folder.path().join("latchkey.db")).unwrap()
}

fn why_not(folder: &TempDir) -> String {
    SqliteStore::open(folder.path()).unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    let folders = tempfile::tempdir().unwrap();
    let count = std::sync::atomic::AtomicU32::new(0);
    super::contract::holds(async || {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        SqliteStore::open(&folders.path().join(number.to_string())).unwrap()
    })
    .await;
}

#[test]
fn a_damaged_database_is_named_with_the_way_out() {
    let folder = folder_with_database();
    let path = folder.path().join("latchkey.db");
    for damage in ["not a database at all, but long enough to be looked at as one".repeat(4).into_bytes(), {
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4_096..8_192].fill(0xa5);
        bytes
    }] {
        for rest in ["latchkey.db-wal", "latchkey.db-shm"] {
            let _ = std::fs::remove_file(folder.path().join(rest));
        }
        std::fs::write(&path, damage).unwrap();
        let message = why_not(&folder);
        assert!(message.contains("latchkey.db is damaged") && message.contains("backup"), "{message}");
    }
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let folder = folder_with_database();
    database(&folder).pragma_update(None, "user_version", 999).unwrap();
    let message = why_not(&folder);
    assert!(message.contains("newer latchkey (schema 999"), "{message}");
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    database(&folder).execute_batch("CREATE TABLE theirs (x)").unwrap();
    let message = why_not(&folder);
    assert!(message.contains("another program"), "{message}");
    assert_eq!(
        database(&folder)
            .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, u32>(0))
            .unwrap(),
        1
    );
}

#[test]
fn a_folder_serves_one_store_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    assert!(why_not(&folder).contains("in use by another latchkey"));
    drop(store);
    SqliteStore::open(folder.path()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let message = SqliteStore::open(&file.join("below")).unwrap_err().to_string();
    assert!(message.contains("data folder"), "{message}");
}

#[test]
fn migrations_may_run_again_and_change_nothing() {
    let folder = folder_with_database();
    let schema = || {
        let database = database(&folder);
        let mut statement = database.prepare("SELECT sql FROM sqlite_master ORDER BY name").unwrap();
        let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let before = schema();
    database(&folder).pragma_update(None, "user_version", 0).unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    assert_eq!(schema(), before);
}

#[test]
fn a_signing_key_of_before_rotations_goes_on_signing_without_limits() {
    let folder = folder_with_database();
    database(&folder)
        .execute_batch(
            "INSERT INTO workspaces VALUES (1, 'W', 0);
             INSERT INTO keyspaces (id, workspace_id, name, prefix, environment, gates, fresh_seconds, valid_seconds, on_expired, \
             created_at, updated_at) VALUES (7, 1, 'Old', 'lk', 'any', '[]', 5, 5, 'deny', 0, 0);
             DROP TABLE head_keys;
             CREATE TABLE signing_keys (keyspace_id INTEGER PRIMARY KEY, public_key BLOB, sealed_seed BLOB, created_at INTEGER);
             INSERT INTO signing_keys VALUES (7, zeroblob(32), x'5e', 1234);
             PRAGMA user_version = 0;",
        )
        .unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let columns = "keyspace_id, hex(sealed_seed), state, not_before, not_after, created_at";
    let row = database(&folder).query_row(&format!("SELECT {columns} FROM head_keys"), [], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
    });
    let wanted: (i64, String, String, i64, Option<i64>, i64) =
        (7, "5E".into(), "current".into(), 0, None, 1234);
    assert_eq!(row.unwrap(), wanted);
}

#[test]
fn logs_are_append_only_and_revocations_and_numbers_final_whoever_writes() {
    let folder = folder_with_database();
    let database = database(&folder);
    database
        .execute_batch(
            "PRAGMA foreign_keys = OFF;
             INSERT INTO changes VALUES (1, 1, 'key.created', 1, 0);
             INSERT INTO audit VALUES (1, 1, 0, 'a', 'r', 'x', 'o', 'null', 'null', zeroblob(32), zeroblob(32));
             INSERT INTO publications VALUES (1, 1, 5, 1, x'00', 0, 0);
             INSERT INTO keys VALUES (1, 1, 'n', '', 'test', NULL, '[]', '{}', 1, NULL, '[]', '[]', 1, 0, 0, 7, 'leaked');
             INSERT INTO keys VALUES (3, 1, 'o', '', 'test', NULL, '[]', '{}', 1, NULL, '[]', '[]', 1, 0, 0, NULL, NULL);
             INSERT INTO secrets VALUES (1, 2, 1, zeroblob(32), zeroblob(16), 's', 0, NULL);
             INSERT INTO purged_secrets VALUES (1, randomblob(32), 1, 9, randomblob(16), 1);
             INSERT INTO keys VALUES (2, 1, 'm', '', 'test', NULL, '[]', '{}', 1, NULL, '[]', '[]', 1, 0, 0, 7, 'admin');",
        )
        .unwrap();
    for refused in [
        "UPDATE changes SET kind = 'key.updated'",
        "DELETE FROM changes",
        "UPDATE audit SET actor = 'b'",
        "DELETE FROM audit",
        "UPDATE publications SET seq = 4",
        "UPDATE publications SET seq = 5",
        "UPDATE keys SET revoked_at = NULL, revoked_reason = NULL WHERE id = 1",
        "UPDATE keys SET revoked_reason = 'admin' WHERE id = 1",
        "UPDATE keys SET revoked_at = 8 WHERE id = 2",
        "DELETE FROM secrets",
        "DELETE FROM keys WHERE id = 3",
        "UPDATE purged_secrets SET change_seq = 0",
        "DELETE FROM purged_secrets",
    ] {
        assert!(database.execute_batch(refused).is_err(), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_opened_answers_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    store.ping().await.unwrap();
    assert_eq!(store.master_key_check().await.unwrap(), None);
}

#[test]
fn roles_move_out_of_policies_with_their_numbers_and_old_admin_keys_keep_their_rights() {
    let folder = folder_with_database();
    database(&folder)
        .execute_batch(
            "PRAGMA foreign_keys = OFF;
             INSERT INTO workspaces VALUES (1, 'W', 0);
             INSERT INTO admin_keys (id, workspace_id, name, digest, start, created_at) VALUES (5, 1, 'A', zeroblob(32), 's', 0);
             INSERT INTO keyspaces (id, workspace_id, name, prefix, environment, gates, fresh_seconds, valid_seconds, on_expired,
                                    created_at, updated_at) VALUES (7, 1, 'K', 'lk', 'any', '[]', 90, 100, 'deny', 0, 0);
             INSERT INTO policies VALUES (7, '{\"default\":\"deny\",\"routes\":[],\"roles\":[{\"name\":\"reader\",\"grants\":[\"a:b\"]}]}',
                                          '{\"gone\":2,\"reader\":1}', 1800000000000);
             PRAGMA user_version = 2;",
        )
        .unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let database = database(&folder);
    let mut statement = database
        .prepare("SELECT number, name, grants, deleted_at IS NULL FROM roles ORDER BY number")
        .unwrap();
    let roles =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    let roles: Vec<(u16, String, String, bool)> = roles.map(Result::unwrap).collect();
    let role = |number, name: &str, grants: &str, lives| (number, name.to_owned(), grants.to_owned(), lives);
    assert_eq!(roles, [role(1, "reader", "[\"a:b\"]", true), role(2, "gone", "[]", false)]);
    let text = |sql: &str| database.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("SELECT document FROM policies"), "{\"default\":\"deny\",\"routes\":[]}");
    assert_eq!(text("SELECT scopes FROM admin_key_rights WHERE admin_key_id = 5"), "[\"*\"]");
}
