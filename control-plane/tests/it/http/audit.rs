use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::process::latchkey;
use crate::support::server::Server;

async fn busy() -> (Server, String, String) {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({})).await["id"].as_str().unwrap().to_owned();
    server.api.patch(&format!("/v1/keys/{key}"), json!({ "name": "N" })).await.expect(200);
    server.api.keyspace(json!({ "name": "Other" })).await;
    (server, keyspace, key)
}

fn actions(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_the_audit_log_says_who_did_what_to_which_object_from_where() {
    let (server, keyspace, key) = busy().await;
    let list = server.api.get("/v1/audit").await.expect(200);
    assert_eq!(
        actions(&list),
        ["keyspace.created", "key.updated", "key.created", "keyspace.created", "workspace.created"]
    );
    let row = &list["data"][1];
    assert_eq!(
        (&row["object"], &row["keyspace_id"], &row["source"]),
        (&json!(key), &json!(keyspace), &json!("127.0.0.1"))
    );
    assert_eq!((&row["before"]["name"], &row["after"]["name"]), (&json!("Key 1"), &json!("N")));
    let me = row["actor"].as_str().unwrap();
    assert!(me.starts_with("adm_") && row["request_id"].as_str().unwrap().starts_with("req_"));
    for (query, wanted) in [
        (format!("keyspace_id={keyspace}"), vec!["key.updated", "key.created", "keyspace.created"]),
        (format!("object={key}"), vec!["key.updated", "key.created"]),
        ("actor=system".to_owned(), vec!["workspace.created"]),
        (format!("actor={me}&object={keyspace}"), vec!["keyspace.created"]),
    ] {
        assert_eq!(
            actions(&server.api.get(&format!("/v1/audit?{query}")).await.expect(200)),
            wanted,
            "{query}"
        );
    }
    let first = server.api.get("/v1/audit?limit=2").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    server.api.keyspace(json!({ "name": "Later" })).await;
    let rest = server.api.get(&format!("/v1/audit?limit=100&cursor={cursor}")).await.expect(200);
    assert_eq!(actions(&rest), ["key.created", "keyspace.created", "workspace.created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_an_admin_key_that_is_limited_to_a_keyspace_sees_its_part_of_the_log() {
    let (server, keyspace, _) = busy().await;
    let limited = server.admin(json!({ "scopes": ["audit:read"], "keyspaces": [keyspace] })).await;
    let seen = limited.get("/v1/audit").await.expect(200);
    assert_eq!(actions(&seen), ["key.updated", "key.created", "keyspace.created"]);
    let other =
        server.api.get("/v1/keyspaces").await.expect(200)["data"][0]["id"].as_str().unwrap().to_owned();
    limited.get(&format!("/v1/audit?keyspace_id={other}")).await.problem(404, "NOT_FOUND");
    limited.get("/v1/audit:export").await.problem(403, "INSUFFICIENT_SCOPE");
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_the_log_is_exported_as_ndjson_and_its_hashes_chain() {
    let (server, _, _) = busy().await;
    let answer = server.api.get("/v1/audit:export").await;
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let rows: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 5);
    assert!(rows.windows(2).all(|pair| pair[1]["previous_hash"] == pair[0]["hash"]));
    let verdict = server.api.get("/v1/audit:verify").await.expect(200);
    assert_eq!(verdict, json!({ "ok": true, "rows": 5, "head": rows[4]["hash"], "fault": null }));
}

/// Whoever can write to the file can also drop the triggers that keep others from it.
const UNLOCK: &str = "DROP TRIGGER audit_stays; DROP TRIGGER audit_remains; DROP TRIGGER audit_origins_stay; DROP TRIGGER audit_origins_remain;
    PRAGMA foreign_keys = OFF;";

#[tokio::test(flavor = "multi_thread")]
async fn g1_any_edit_removal_or_reorder_is_found_in_the_database_file_and_by_the_server() {
    let (server, _, _) = busy().await;
    let source = server.database();
    for (what, change, wanted) in [
        ("nothing", "", None),
        ("actor", "UPDATE audit SET actor = 'system' WHERE seq = 3", Some("row 3 was changed")),
        ("time", "UPDATE audit SET at = at + 1 WHERE seq = 1", Some("row 1 was changed")),
        ("after", "UPDATE audit SET after = '{}' WHERE seq = 5", Some("row 5 was changed")),
        (
            "source",
            "UPDATE audit_origins SET source = '203.0.113.7' WHERE seq = 2",
            Some("row 2 was changed"),
        ),
        ("keyspace", "UPDATE audit_origins SET keyspace_id = 7 WHERE seq = 4", Some("row 4 was changed")),
        ("origin removed", "DELETE FROM audit_origins WHERE seq = 4", Some("row 4 was changed")),
        ("removed", "DELETE FROM audit WHERE seq = 2", Some("row 2 is missing")),
        ("last removed", "DELETE FROM audit WHERE seq = 5", Some("row 5 is missing")),
        ("all removed", "DELETE FROM audit", Some("row 1 is missing")),
        (
            "numbers closed",
            "DELETE FROM audit WHERE seq = 2; UPDATE audit SET seq = seq - 1 WHERE seq > 2",
            Some("row 2 does not carry"),
        ),
        (
            "swapped",
            "UPDATE audit SET seq = 99 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 99",
            Some("row 2 does not carry"),
        ),
        (
            "added",
            "INSERT INTO audit SELECT workspace_id, 6, at, actor, request_id, action, object, before, after, hash, hash FROM audit WHERE seq = 5",
            Some("row 6 was changed"),
        ),
    ] {
        let copy = tempfile::tempdir().unwrap();
        let file = copy.path().join("latchkey.db");
        source.execute("VACUUM INTO ?1", [file.to_str().unwrap()]).unwrap();
        let database = Connection::open(&file).unwrap();
        database.execute_batch(UNLOCK).unwrap();
        database.execute_batch(change).unwrap();
        drop(database);
        let output =
            latchkey(&["audit", "verify", "--data-dir", copy.path().to_str().unwrap()]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        match wanted {
            None => assert!(output.status.success() && text.contains("5 rows, unbroken"), "{what}: {text}"),
            Some(wanted) => assert!(!output.status.success() && text.contains(wanted), "{what}: {text}"),
        }
    }
    source.execute_batch(UNLOCK).unwrap();
    source.execute("UPDATE audit SET object = 'key_x' WHERE seq = 3", []).unwrap();
    let verdict = server.api.get("/v1/audit:verify").await.expect(200);
    assert_eq!((&verdict["ok"], &verdict["rows"]), (&json!(false), &json!(2)));
    assert!(verdict["fault"].as_str().unwrap().starts_with("row 3 was changed"), "{verdict}");
}
