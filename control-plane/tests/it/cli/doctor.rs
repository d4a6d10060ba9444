use std::net::TcpListener;
use std::path::Path;

use axum::http::StatusCode;
use axum::{Json, Router};
use serde_json::json;

use super::shell::{Run, Shell, open_to_all, run};
use crate::support::eventually;

fn examine(shell: &Shell, more: &[&str]) -> Run {
    let listen = shell.process.url.strip_prefix("http://").unwrap();
    let data = shell.data();
    shell.run(&[&["doctor", "--data-dir", &data, "--listen", listen], more].concat())
}

#[test]
fn c1_a_healthy_installation_has_no_problem() {
    let shell = Shell::start();
    let examined = examine(&shell, &[]).ok();
    let wanted = [
        "configuration",
        "port",
        "data folder",
        "whole, schema",
        "master key",
        "server",
        "clocks",
        "readiness",
        "is known",
    ];
    let examined = examined.shows(&wanted);
    assert!(!examined.stdout.contains("problem") && !examined.stdout.contains("warning"), "{examined:?}");

    let report = examine(&shell, &["--output", "json"]).ok().json();
    assert_eq!(report["ok"], true);
    assert!(report["checks"].as_array().unwrap().iter().all(|check| check["status"] == "ok"));
}

#[test]
fn c1_gates_that_cannot_be_reached_and_keyspaces_without_any_are_named() {
    let shell = Shell::start();
    let lonely = shell.keyspace(&[]);
    examine(&shell, &["--only", "server"]).ok().shows(&["warning", &lonely, "it has none", "--gate"]);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gate = format!("http://{free}");
    shell.keyspace(&["--gate", &gate]);
    let found = std::iter::repeat_with(|| examine(&shell, &["--only", "server"]))
        .take(200)
        .find(|run| run.code == 1)
        .expect("the first push fails soon");
    found.shows(&["problem", &gate, "UNREACHABLE", "check the gate's URL"]);
}

/// A gate that says of everything that it is bad.
async fn refusing_gate() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let refusal = json!({ "code": "UNKNOWN_VERSION", "detail": "it is of a later version" });
    let answer = (StatusCode::BAD_REQUEST, Json(refusal));
    let router = Router::new().fallback(async move || answer.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_publishing_that_no_gate_takes_is_explained_and_resumed() {
    let gate = refusing_gate().await;
    let shell = Shell::start();
    let keyspace = shell.keyspace(&["--gate", &gate]);
    let examined = eventually("publishing is paused", async || {
        let run = tokio::task::block_in_place(|| examine(&shell, &["--only", "server"]));
        run.stdout.contains("snapshot resume").then_some(run)
    })
    .await;
    examined.shows(&["problem", "only revocations go out", &gate, "UNKNOWN_VERSION", "deploy a newer one"]);
    let resume = |id: &str| shell.run(&["snapshot", "resume", id, "--reason", "the gate is newer now"]);
    assert_eq!(resume(&keyspace).ok().stdout, "");
    resume(&shell.keyspace(&[])).ends(5).says(&["NOT_PAUSED"]);
}

#[test]
fn c1_what_is_wrong_with_files_is_found_with_the_way_out() {
    let mut shell = Shell::start();
    let folder = shell.folder.path().join("data");
    open_to_all(&folder.join("master.key"));
    examine(&shell, &["--only", "local"]).ends(1).shows(&["problem", "master key file", "chmod 600"]);

    shell.process.kill();
    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    std::fs::write(folder.join("master.key"), other).unwrap();
    let wrong = examine(&shell, &["--only", "local"]).ends(1).shows(&["is not the one", "restore it"]);
    assert!(!wrong.stdout.contains(other));
    std::fs::remove_file(folder.join("master.key")).unwrap();
    examine(&shell, &["--only", "local"]).ends(1).shows(&["does not exist"]);

    damage(&folder.join("latchkey.db"));
    examine(&shell, &["--only", "local"]).ends(1).shows(&["problem", "database", "backup"]);
    examine(&shell, &["--only", "server"]).ends(1).shows(&["problem", "cannot reach", "latchkey serve"]);
}

#[test]
fn an_installation_that_was_never_started_is_no_problem_but_a_wrong_setting_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = port.local_addr().unwrap().to_string();
    let local = ["doctor", "--only", "local", "--data-dir", data.to_str().unwrap()];
    run(&[&local[..], &["--listen", "127.0.0.1:0"]].concat(), &[], "")
        .ok()
        .shows(&["warning", "data folder"]);
    assert!(!data.exists(), "it changes nothing");
    run(&[&local[..], &["--listen", &listen]].concat(), &[], "").ok().shows(&["a program listens"]);
    run(&local, &[("LATCHKEY_LISTEN", "nowhere")], "").ends(1).shows(&[
        "problem",
        "listen is wrong",
        "latchkey config",
    ]);
}

/// Writes nonsense over everything but the header, and takes away the log that could repair it.
fn damage(database: &Path) {
    let mut bytes = std::fs::read(database).unwrap();
    bytes[100..].fill(0xff);
    std::fs::write(database, bytes).unwrap();
    let _ = std::fs::remove_file(database.with_extension("db-wal"));
    let _ = std::fs::remove_file(database.with_extension("db-shm"));
}
