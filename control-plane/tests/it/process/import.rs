use std::time::Duration;

use serde_json::{Value, json};

use crate::support::process::Process;

/// Without optimisation a line takes more than a millisecond.
const LINES: u32 = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
/// Spaces that make the lines long but not the keys: the body is many times what the server may hold.
const PADDING: usize = if cfg!(debug_assertions) { 12_288 } else { 3_072 };
/// Caches that fill whatever the lines are, with room for what the allocator keeps.
const GROWTH: u64 = 80 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn k12_as_many_lines_as_you_like_in_one_call_take_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(folder.path());
    let admin_key = process.admin_key();
    let api = process.api(&admin_key);
    let keyspace = api.keyspace(json!({ "name": "Demo" })).await;
    let before = process.resident_bytes();
    let body: String = (1..=LINES)
        .map(|n| {
            let digest = hex::encode(latchkey_token::digest(&n.to_le_bytes()).0);
            format!("{{\"external_id\":\"{n}\",{:PADDING$}\"digest\":\"{digest}\"}}\n", "")
        })
        .collect();
    assert!(body.len() as u64 > 2 * GROWTH);
    let request = api.import_request(&keyspace, body);
    let importing = tokio::spawn(async move { request.send().await.unwrap().text().await.unwrap() });
    let mut most = before;
    while !importing.is_finished() {
        most = most.max(process.resident_bytes());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let answer = importing.await.unwrap();

    let mut lines = 0;
    for (at, line) in (1..).zip(answer.lines()) {
        let line: Value = serde_json::from_str(line).unwrap();
        if at <= LINES {
            assert_eq!((&line["line"], &line["outcome"]), (&json!(at), &json!("created")));
        } else {
            let sum = json!({ "done": true, "created": LINES, "unchanged": 0, "updated": 0, "errors": 0 });
            assert_eq!(line, sum);
        }
        lines = at;
    }
    assert_eq!(lines, LINES + 1);
    assert!(most - before < GROWTH, "it took {} MiB more", (most - before) >> 20);
}
