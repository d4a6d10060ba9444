use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use latchkey_snapshot::UnverifiedHead;
use latchkey_snapshot::bundle::UnverifiedBundle;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::shell::{Shell, run};
use crate::support::eventually;

type Pushed = Arc<Mutex<Vec<Bytes>>>;

/// Takes every bundle and keeps it.
async fn ingest(State(pushed): State<Pushed>, bundle: Bytes) -> Json<Value> {
    let parsed = UnverifiedBundle::parse(&bundle).unwrap();
    let head = UnverifiedHead::parse(parsed.head).unwrap();
    let fields = head.unverified_fields();
    let answer = json!({ "seq": fields.seq, "change_seq": fields.change_seq, "isolates": [] });
    pushed.lock().unwrap().push(bundle.clone());
    Json(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_what_a_gate_was_sent_is_inspected_and_verified_without_a_server() {
    let pushed = Pushed::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gate = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/.well-known/latchkey/ingest", post(ingest)).with_state(pushed.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let shell = Shell::start();
    let keyspace = shell.keyspace(&["--gate", &gate]);
    shell.key(&keyspace, &["--allow-ip", "10.0.0.0/8"]);
    let snapshot = eventually("the key is published", async || {
        let snapshot = shell.json(&["snapshot", "get", &keyspace]);
        let sent = pushed.lock().unwrap().len();
        (snapshot["change_seq"] == 2 && sent > 1).then_some(snapshot)
    })
    .await;
    let bundle = eventually("the gate has it", async || {
        pushed.lock().unwrap().iter().find(|bundle| change_seq(bundle) == 2).cloned()
    })
    .await;
    let path = shell.file("bundle", &bundle);
    let head = shell.file("head", UnverifiedBundle::parse(&bundle).unwrap().head);

    for file in [&path, &head] {
        let inspected = run(&["snapshot", "inspect", file], &[], "").ok();
        inspected.shows(&["verified", "false", &keyspace, "segments:", "base.shard_bits", "valid_until"]);
    }
    let inspected = run(&["snapshot", "inspect", &path, "--output", "json"], &[], "").ok().json();
    let contents: Vec<_> = inspected["bodies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|body| body["content"].as_str().unwrap())
        .collect();
    assert!(contents.iter().any(|content| content.contains("1 rows, 0 revoked")), "{contents:?}");
    assert!(contents.iter().any(|content| content.ends_with(", 1 rows with address rules")), "{contents:?}");

    let audience = snapshot["audience"].as_str().unwrap();
    let key = snapshot["trusted_keys"][0].as_str().unwrap();
    for file in [&path, &head] {
        let verified = ["snapshot", "verify", file, "--audience", audience, "--trusted-key", key];
        let verdict = run(&[&verified[..], &["--output", "json"]].concat(), &[], "").ok().json();
        assert_eq!((&verdict["verified"], &verdict["signed_by"][0]), (&true.into(), &key.into()));
        let later = [&verified[..], &["--now", "2100-01-01T00:00:00Z"]].concat();
        run(&later, &[], "").ends(1).says(&["EXPIRED"]);
        let earlier = [&verified[..], &["--now", "2020-01-01T00:00:00Z"]].concat();
        run(&earlier, &[], "").ends(1).says(&["ISSUED_IN_FUTURE"]);
    }
    refuses_strangers_and_changes(&shell, &path, audience, key);
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_what_was_published_is_listed_and_taken_along() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let listed = eventually("the keyspace is published", async || {
        let list = shell.json(&["snapshot", "list", &keyspace]);
        (list["data"][0]["kind"] == "base").then_some(list)
    })
    .await;
    assert_eq!((&listed["data"][0]["overridden"], &listed["has_more"]), (&false.into(), &false.into()));
    shell.run(&["snapshot", "list", &keyspace]).ok().shows(&["KIND", "SIGNERS", "base"]);

    let file = shell.file("taken-along", "");
    assert_eq!(shell.run(&["snapshot", "export", &keyspace, "--out", &file]).ok().stdout, "");
    let snapshot = shell.json(&["snapshot", "get", &keyspace]);
    let (audience, key) =
        (snapshot["audience"].as_str().unwrap(), snapshot["trusted_keys"][0].as_str().unwrap());
    run(&["snapshot", "verify", &file, "--audience", audience, "--trusted-key", key], &[], "").ok();
    shell.run(&["snapshot", "export", &keyspace, "--out", &file, "--parts"]).ok();
    assert!(!std::path::Path::new(&format!("{file}.2")).exists(), "what fits into one bundle comes in one");
    run(&["snapshot", "verify", &file, "--audience", audience, "--trusted-key", key], &[], "").ok();
    shell.run(&["snapshot", "export", &keyspace, "--parts"]).ends(2).says(&["--out"]);
    shell
        .run(&["snapshot", "export", &keyspace, "--out", "/no/such/folder/x"])
        .ends(1)
        .says(&["cannot be written"]);
}

fn refuses_strangers_and_changes(shell: &Shell, path: &str, audience: &str, key: &str) {
    let other_audience = audience.replace("/any", "/live");
    let verify = |file: &str, audience: &str, key: &str| {
        run(&["snapshot", "verify", file, "--audience", audience, "--trusted-key", key], &[], "")
    };
    verify(path, &other_audience, key).ends(1).says(&["AUDIENCE_MISMATCH"]);
    // RFC 8032, test 1.
    let stranger = "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    verify(path, audience, stranger).ends(1).says(&["KEY_NOT_TRUSTED"]);
    verify(path, audience, "ed25519:short").ends(2).says(&["43 characters"]);
    verify(path, "somebody", key).ends(2).says(&["--audience"]);

    let mut bytes = std::fs::read(path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    verify(&shell.file("changed", &bytes), audience, key).ends(1).says(&["refused: body"]);
    bytes.truncate(last - 10);
    verify(&shell.file("cut", &bytes), audience, key).ends(1).says(&["TRUNCATED"]);
    run(&["snapshot", "inspect", &shell.file("junk", "junk")], &[], "")
        .ends(1)
        .says(&["neither a head nor a bundle"]);
}

fn change_seq(bundle: &[u8]) -> u64 {
    let head = UnverifiedBundle::parse(bundle).unwrap().head;
    UnverifiedHead::parse(head).unwrap().unverified_fields().change_seq
}
