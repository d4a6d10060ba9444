use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::process::Process;

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_found_in_any_file_log_or_later_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(folder.path());
    let admin_key = process.admin_key();
    let api = process.api(&admin_key);
    let keyspace = api.keyspace(json!({ "name": "Demo", "gates": [{ "url": "http://127.0.0.1:9" }] })).await;
    let mut secrets = vec![admin_key.clone()];
    let mut answers = String::new();
    for _ in 0..20 {
        let key = api.key(&keyspace, json!({})).await;
        secrets.push(key["secret"].as_str().unwrap().to_owned());
        let path = format!("/v1/keys/{}", key["id"].as_str().unwrap());
        answers += &api.get(&path).await.text;
        answers += &api.patch(&path, json!({ "enabled": false })).await.text;
        answers += &api.delete(&path).await.text;
    }
    for path in ["keys?limit=100&status=revoked", "snapshot", "propagation", "policy"] {
        answers += &api.get(&format!("/v1/keyspaces/{keyspace}/{path}")).await.text;
    }
    // Tokens in places where they do not belong must not be logged either.
    let misplaced = &secrets[1];
    api.get(&format!("/v1/keyspaces?key={misplaced}")).await.wrong_fields(400, "INVALID_QUERY");
    api.with_key(Some(&misplaced[..misplaced.len() - 1]))
        .get("/v1/whoami")
        .await
        .problem(401, "UNAUTHORIZED");
    let log = process.log();
    assert!(log.contains("answered POST"), "the log is on");
    let files = files_below(folder.path());
    assert!(files.iter().any(|file| file.ends_with("latchkey.db")));
    let files: Vec<_> = files.into_iter().map(|file| (std::fs::read(&file).unwrap(), file)).collect();
    for secret in &secrets {
        // The part behind the recognisable start: whoever finds it has the token.
        let hidden = &secret[secret.len() - 30..];
        assert!(!answers.contains(hidden), "an answer holds a token");
        assert!(!log.contains(hidden), "the log holds a token");
        for (content, file) in &files {
            assert!(!holds(content, hidden), "{} holds a token", file.display());
        }
    }
    let (_, rest) = process.terminate();
    assert_eq!(rest, "");
}
