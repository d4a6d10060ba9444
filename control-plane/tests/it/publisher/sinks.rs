//! From a change to a sink, by the example of a folder. KV and S3 have their stories in tests/e2e.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use latchkey_control_plane::domain::{Clock, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::eventually;
use crate::support::gate::{Gate, KNOWN, Says};
use crate::support::server::Server;

fn sink(name: &str, path: &Path) -> Value {
    json!({ "type": "folder", "name": name, "path": path })
}

/// A server and a keyspace that is written to a folder.
async fn written() -> (Server, TempDir, String) {
    let (server, folder) = (Server::start().await, tempfile::tempdir().unwrap());
    let body = json!({ "name": "Demo", "sinks": [sink("disk", folder.path())] });
    let keyspace = server.api.keyspace(body).await;
    (server, folder, keyspace)
}

/// Everything in a folder, by its name.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, found);
            } else if let Ok(bytes) = std::fs::read(&path) {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                // A file has a name of its own until it is whole.
                if !name.contains('#') {
                    found.insert(name, bytes);
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(folder, folder, &mut found);
    found
}

async fn progress(server: &Server, keyspace: &str) -> Value {
    let view = server.api.get(&format!("/v1/keyspaces/{keyspace}/propagation")).await.expect(200);
    view["sinks"][0].clone()
}

async fn until_written(server: &Server, keyspace: &str, change_seq: u64) -> Value {
    eventually("the sink has the change", async || {
        let sink = progress(server, keyspace).await;
        (sink["applied_change_seq"].as_u64() >= Some(change_seq)).then_some(sink)
    })
    .await
}

async fn sink_says(server: &Server, keyspace: &str, folder: &Path, token: &str, wanted: Says) {
    eventually(&format!("a gate that reads the sink says {wanted:?}"), async || {
        let gate = Gate::reading(&server.api, keyspace, &contents(folder)).await?;
        (gate.ask(token) == wanted).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_reads_a_sink_knows_every_change() {
    let (server, folder, keyspace) = written().await;
    let key = server.api.key(&keyspace, json!({})).await;
    let (token, path) =
        (key["secret"].as_str().unwrap(), format!("/v1/keys/{}", key["id"].as_str().unwrap()));
    sink_says(&server, &keyspace, folder.path(), token, KNOWN).await;
    let revoked = server.api.delete(&path).await.change_seq();
    let state = until_written(&server, &keyspace, revoked).await;
    sink_says(&server, &keyspace, folder.path(), token, Says::Revoked).await;
    assert_eq!((&state["name"], &state["type"]), (&json!("disk"), &json!("folder")));
    assert_eq!((&state["lag_ms"], &state["last_error"]), (&json!(0), &Value::Null));
    assert!(state["written_at"].is_string() && state["last_attempt_at"].is_string(), "{state}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_cannot_be_written_says_why_and_how_far_it_lags_and_catches_up() {
    let (server, folder, keyspace) = written().await;
    let first = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    sink_says(&server, &keyspace, folder.path(), &first, KNOWN).await;
    // A file where the folder of the bodies was: no body can be written.
    let (bodies, aside) = (folder.path().join("obj"), folder.path().join("aside"));
    std::fs::rename(&bodies, &aside).unwrap();
    std::fs::write(&bodies, "in the way").unwrap();
    let second = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    let state = eventually("the failure is shown", async || {
        let state = progress(&server, &keyspace).await;
        (state["last_error"] != Value::Null && state["lag_ms"].as_u64() > Some(0)).then_some(state)
    })
    .await;
    assert_eq!(state["last_error"]["code"], "UNAVAILABLE", "{state}");
    std::fs::remove_file(&bodies).unwrap();
    std::fs::rename(&aside, &bodies).unwrap();
    sink_says(&server, &keyspace, folder.path(), &second, KNOWN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_finds_what_is_there_and_writes_only_what_is_missing() {
    let (server, folder, keyspace) = written().await;
    let key = server.api.key(&keyspace, json!({})).await;
    let token = key["secret"].as_str().unwrap();
    sink_says(&server, &keyspace, folder.path(), token, KNOWN).await;
    let before = contents(folder.path());
    let old = std::time::SystemTime::now() - Duration::from_secs(3_600);
    for name in before.keys().filter(|name| name.starts_with("obj/")) {
        let file = std::fs::File::options().append(true).open(folder.path().join(name)).unwrap();
        file.set_modified(old).unwrap();
    }
    let lost = before.keys().find(|name| name.starts_with("obj/")).unwrap();
    std::fs::remove_file(folder.path().join(lost)).unwrap();
    let server = server.restart().await;
    eventually("the head is written anew", async || {
        (progress(&server, &keyspace).await["applied_seq"].is_u64()).then_some(())
    })
    .await;
    sink_says(&server, &keyspace, folder.path(), token, KNOWN).await;
    for name in before.keys().filter(|name| name.starts_with("obj/")) {
        let modified = folder.path().join(name).metadata().unwrap().modified().unwrap();
        let is_new = modified > old + Duration::from_secs(60);
        assert_eq!(is_new, name == lost, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_stays_until_the_head_before_has_expired_and_then_goes() {
    // So that what is signed in the end is not from the future.
    let (server, clock) = Server::start_at(SystemClock.now().plus_days(-5)).await;
    let folder = tempfile::tempdir().unwrap();
    let body = json!({ "name": "Demo", "sinks": [sink("disk", folder.path())] });
    let keyspace = server.api.keyspace(body).await;
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let made = server.api.post(&format!("/v1/keyspaces/{keyspace}/keys"), json!({})).await;
        until_written(&server, &keyspace, made.change_seq()).await;
        seen.extend(contents(folder.path()).into_keys());
    }
    let now = contents(folder.path());
    assert!(seen.iter().all(|name| now.contains_key(name)), "a gate with the head before finds its bodies");
    clock.advance_seconds(2 * 86_400);
    let key = server.api.post(&format!("/v1/keyspaces/{keyspace}/keys"), json!({})).await;
    until_written(&server, &keyspace, key.change_seq()).await;
    let token = key.expect(201)["secret"].as_str().unwrap().to_owned();
    eventually("old bodies are gone", async || {
        let now = contents(folder.path());
        seen.iter().any(|name| !now.contains_key(name)).then_some(())
    })
    .await;
    sink_says(&server, &keyspace, folder.path(), &token, KNOWN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_with_another_keyspaces_head_is_not_touched() {
    let (server, folder, keyspace) = written().await;
    let token = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    sink_says(&server, &keyspace, folder.path(), &token, KNOWN).await;
    let body = json!({ "name": "Other", "sinks": [sink("disk", folder.path())] });
    let other = server.api.keyspace(body).await;
    eventually("the second is refused", async || {
        (progress(&server, &other).await["last_error"]["code"] == "SHARED").then_some(())
    })
    .await;
    assert!(contents(folder.path()).keys().all(|name| !name.contains(&other)));
    sink_says(&server, &keyspace, folder.path(), &token, KNOWN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_folder_is_written_to_that_the_operator_did_not_set_aside() {
    let server = Server::start().await;
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    // A link leads out of the folder that is set aside.
    let inside = tempfile::tempdir().unwrap();
    let link = inside.path().join("link");
    std::os::unix::fs::symlink(outside.path(), &link).unwrap();
    for path in [outside.path(), &link] {
        let body = json!({ "name": "Demo", "sinks": [sink("disk", path)] });
        let keyspace = server.api.keyspace(body).await;
        eventually("it is refused", async || {
            (progress(&server, &keyspace).await["last_error"]["code"] == "NOT_PERMITTED").then_some(())
        })
        .await;
    }
    assert_eq!(contents(outside.path()).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_keyspace_is_killed_in_its_sinks_too_and_their_secrets_go() {
    let (server, folder, keyspace) = written().await;
    let token = server.api.key(&keyspace, json!({})).await["secret"].as_str().unwrap().to_owned();
    sink_says(&server, &keyspace, folder.path(), &token, KNOWN).await;
    // Trust is asked for while the keyspace is still there.
    let gate = Gate::reading(&server.api, &keyspace, &contents(folder.path())).await.unwrap();
    let known = gate.change_seq();
    server.api.delete(&format!("/v1/keyspaces/{keyspace}?force=true")).await.expect(204);
    eventually("the sink says that every key is revoked", async || {
        let gate = gate.reread(&contents(folder.path()))?;
        (gate.change_seq() > known && gate.ask(&token) == Says::Revoked).then_some(())
    })
    .await;
    let id = keyspace.parse().unwrap();
    eventually("nothing is kept of the sink", async || {
        let database = server.database();
        let count: i64 = database.query_row("SELECT count(*) FROM sinks", [], |row| row.get(0)).unwrap();
        (count == 0 && server.app.store.sink_secrets(id).await.unwrap().is_empty()).then_some(())
    })
    .await;
}
