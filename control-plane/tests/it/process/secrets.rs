use std::path::{Path, PathBuf};

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::support::api::{Api, read};
use crate::support::eventually;
use crate::support::process::{EAGER_PURGE, Process, age_revocations};

const CHOSEN: &str = "legacy:Zm9vYmFy7Qx2LkP0vTnW8sYb3HcJ6dRe5";
const IMPORTED: &str = "legacy:9Qx2LkP0vTnW8sYb3HcJ6dRe5Zm7uA1fG4hK";

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn k2_no_token_is_found_in_any_file_log_or_later_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve_with(folder.path(), &EAGER_PURGE);
    let admin_key = process.admin_key();
    let api = process.api(&admin_key);
    let gates = json!([{ "url": "http://127.0.0.1:9" }]);
    let keyspace = api.keyspace(json!({ "name": "Demo", "foreign_tokens": true, "gates": gates })).await;
    let mut life = Life { api, keyspace, secrets: vec![admin_key], answers: String::new() };
    for _ in 0..5 {
        life.of_a_key().await;
    }
    life.of_tokens_from_elsewhere().await;
    life.misplace_tokens().await;
    age_revocations(folder.path());
    life.until_purged().await;
    life.look_everywhere().await;

    let Life { secrets, answers, .. } = life;
    let log = process.log();
    assert!(log.contains("answered POST") && log.contains("purged what was kept"), "the log is on");
    let files = files_below(folder.path());
    assert!(files.iter().any(|file| file.ends_with("latchkey.db")));
    let files: Vec<_> = files.into_iter().map(|file| (std::fs::read(&file).unwrap(), file)).collect();
    assert_eq!(secrets.len(), 18);
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

/// Everything that is done with tokens, and what was answered afterwards.
struct Life {
    api: Api,
    keyspace: String,
    secrets: Vec<String>,
    answers: String,
}

impl Life {
    /// Sends a request whose answer must hold no token.
    async fn send(&mut self, method: Method, path: &str, body: Value) {
        let answer = self.api.send(method, path, Some(&body)).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
        self.answers += &answer.text;
    }

    /// Sends a request, twice under one name, whose answers show a token.
    async fn reveal(&mut self, path: &str) -> Value {
        let send = async || {
            let request = self.api.request(Method::POST, path).header("idempotency-key", self.secrets.len());
            read(request.header(CONTENT_TYPE, "application/json").body("{}").send().await.unwrap()).await
        };
        let (first, again) = (send().await, send().await);
        assert_eq!((&first.text, again.header("idempotent-replayed")), (&again.text, "true"));
        let key: Value = serde_json::from_str(&first.text).unwrap();
        self.secrets.push(key["secret"].as_str().unwrap().to_owned());
        key
    }

    async fn of_a_key(&mut self) {
        let key = self.reveal(&format!("/v1/keyspaces/{}/keys", self.keyspace)).await;
        let path = format!("/v1/keys/{}", key["id"].as_str().unwrap());
        self.reveal(&format!("{path}:rotate")).await;
        self.reveal(&format!("{path}:rotate")).await;
        let token = self.secrets[self.secrets.len() - 1].clone();
        self.send(Method::PATCH, &path, json!({ "enabled": false })).await;
        for operation in ["lookup", "verify"] {
            self.send(Method::POST, &format!("/v1/keys:{operation}"), json!({ "token": token })).await;
        }
        let change = json!({ "token": token, "changes": { "description": "by its token" } });
        self.send(Method::POST, "/v1/keys:update", change).await;
        self.send(Method::DELETE, &path, json!({ "reason": "admin", "note": "done" })).await;
        self.send(Method::POST, &format!("{path}:restore"), json!({})).await;
        let found = json!({ "tokens": [{ "token": token, "source": "a scanner" }, { "token": "never seen before" }] });
        self.send(Method::POST, "/v1/keys:revoke-leaked", found).await;
    }

    async fn of_tokens_from_elsewhere(&mut self) {
        self.secrets.extend([CHOSEN.to_owned(), IMPORTED.to_owned()]);
        let keys = format!("/v1/keyspaces/{}/keys", self.keyspace);
        self.send(Method::POST, &keys, json!({ "token": CHOSEN })).await;
        let digest = hex::encode(latchkey_token::digest(IMPORTED.as_bytes()).0);
        let line = json!({ "external_id": "1", "digest": digest }).to_string();
        self.answers += &self.api.import(&self.keyspace, line).await.text;
        self.send(Method::POST, "/v1/keys:lookup", json!({ "token": IMPORTED })).await;
    }

    /// Tokens in places where they do not belong must not be logged or repeated either.
    async fn misplace_tokens(&mut self) {
        let misplaced = self.secrets[1].clone();
        self.api.get(&format!("/v1/keyspaces?key={misplaced}")).await.wrong_fields(400, "INVALID_QUERY");
        let short = &misplaced[..misplaced.len() - 1];
        self.api.with_key(Some(short)).get("/v1/whoami").await.problem(401, "UNAUTHORIZED");
    }

    async fn until_purged(&mut self) {
        let list = format!("/v1/keyspaces/{}/keys?status=revoked", self.keyspace);
        eventually("the revoked keys are purged", async || {
            (self.api.get(&list).await.expect(200)["data"] == json!([])).then_some(())
        })
        .await;
    }

    async fn look_everywhere(&mut self) {
        let keyspace = format!("/v1/keyspaces/{}", self.keyspace);
        for path in
            ["keys?limit=100&status=all", "snapshot", "propagation", "policy", "roles", "environments"]
        {
            self.answers += &self.api.get(&format!("{keyspace}/{path}")).await.text;
        }
        for path in ["/v1/audit?limit=100", "/v1/audit:export", "/v1/admin-keys", "/metrics"] {
            self.answers += &self.api.get(path).await.text;
        }
        let verified = self.api.get("/v1/audit:verify").await.expect(200);
        assert_eq!(verified["ok"], true);
    }
}
