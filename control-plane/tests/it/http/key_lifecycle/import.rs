use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};

use crate::support::api::{Answer, Api};
use crate::support::server::Server;

/// The results of the lines, and the sum.
async fn imported(api: &Api, keyspace: &str, lines: &[Value]) -> (Vec<Value>, Value) {
    let body = lines.iter().map(|line| format!("{line}\n")).collect();
    results(&api.import(keyspace, body).await)
}

fn results(answer: &Answer) -> (Vec<Value>, Value) {
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let mut lines = answer.lines();
    let sum = lines.pop().unwrap();
    (lines, sum)
}

fn sum(created: u64, unchanged: u64, updated: u64, errors: u64) -> Value {
    json!({ "done": true, "created": created, "unchanged": unchanged, "updated": updated, "errors": errors })
}

fn sha256(text: &str) -> [u8; 32] {
    latchkey_token::digest(text.as_bytes()).0
}

fn line(external_id: &str) -> Value {
    json!({ "external_id": external_id, "digest": hex::encode(sha256(external_id)) })
}

fn outcomes(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| result["outcome"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn k12_keys_are_imported_by_the_hash_of_their_token_in_hex_or_base64() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let token = |n: u8| format!("a-token-of-another-system-{n}");
    let digests = [
        hex::encode(sha256(&token(0))),
        STANDARD.encode(sha256(&token(1))),
        URL_SAFE.encode(sha256(&token(2))),
    ];
    let lines: Vec<_> = (0..3)
        .map(|n| json!({ "external_id": format!("e{n}"), "digest": digests[n], "name": format!("N{n}"), "start": "a-tok" }))
        .collect();
    let (results, done) = imported(&server.api, &keyspace, &lines).await;
    assert_eq!(done, sum(3, 0, 0, 0));
    for (n, result) in results.iter().enumerate() {
        assert_eq!((&result["line"], &result["outcome"]), (&json!(n + 1), &json!("created")));
        let found = server.api.post("/v1/keys:lookup", json!({ "token": token(n as u8) })).await.expect(200);
        assert_eq!((&found["id"], &found["name"]), (&result["key_id"], &json!(format!("N{n}"))));
        assert_eq!(
            (&found["external_id"], &found["secrets"][0]["start"]),
            (&json!(format!("e{n}")), &json!("a-tok"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k12_importing_again_changes_nothing_but_what_differs() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let full = json!({
        "external_id": "full", "digest": hex::encode(sha256("full")), "name": "Full", "owner": "o", "environment": "test",
        "permissions": ["a:b"], "roles": [], "expires_at": "2099-01-01T00:00:00.5Z", "metadata": { "plan": "x" }, "tags": ["t"]
    });
    let mut lines = vec![line("bare"), full];
    let (first, done) = imported(&server.api, &keyspace, &lines).await;
    assert_eq!(done, sum(2, 0, 0, 0));
    let rows = server.audit_rows().await.len();
    let (again, done) = imported(&server.api, &keyspace, &lines).await;
    assert_eq!(done, sum(0, 2, 0, 0));
    assert_eq!((&again[0]["key_id"], &again[1]["key_id"]), (&first[0]["key_id"], &first[1]["key_id"]));
    assert_eq!(server.audit_rows().await.len(), rows);

    lines[1]["permissions"] = json!(["a:*"]);
    lines[0]["expires_at"] = json!(null);
    let (results, done) = imported(&server.api, &keyspace, &lines).await;
    assert_eq!((outcomes(&results), done), (vec!["updated", "updated"], sum(0, 0, 2, 0)));
    let key = server.api.get(&format!("/v1/keys/{}", first[1]["key_id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&key["permissions"], &key["name"]), (&json!(["a:*"]), &json!("Full")));
    let added = server.audit_rows().await.split_off(rows);
    assert_eq!(
        added.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(),
        ["key.updated", "key.updated"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn k12_a_bad_line_is_answered_in_its_place_and_does_not_stop_the_rest() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let secret = "hunter2hunter2hunter2";
    let with = |external_id: &str, more: Value| {
        let mut line = line(external_id);
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line.to_string()
    };
    let mut near = sha256("good");
    near[31] ^= 1;
    let body = [
        line("good").to_string(),
        "{ not json".into(),
        "[1]".into(),
        String::new(),
        json!({ "external_id": "x", "digest": secret }).to_string(),
        json!({ "digest": hex::encode(sha256("x")) }).to_string(),
        with("x", json!({ "permissions": ["Not one"], "expires_at": "2001-01-01T00:00:00Z" })),
        with("x", json!({ "colour": "blue" })),
        with("x", json!({ "roles": ["nobody"] })),
        with("x", json!({ "environment": "live" })),
        with("x", json!({ "name": "n".repeat(70_000) })),
        json!({ "external_id": "good", "digest": hex::encode(sha256("other")) }).to_string(),
        json!({ "external_id": "thief", "digest": hex::encode(sha256("good")) }).to_string(),
        json!({ "external_id": "near", "digest": hex::encode(near) }).to_string(),
        json!({ "external_id": "x", "digest": hex::encode(sha256("tok")), "start": "tok" }).to_string(),
        "\u{0}".into(),
        line("last").to_string(),
    ];
    // The last line has no end.
    let answer = server.api.import(&keyspace, body.join("\n")).await;
    assert!(!answer.text.contains("hunter2"), "{}", answer.text);
    let (results, done) = results(&answer);
    assert_eq!(done, sum(2, 0, 0, 14));
    let got: Vec<_> = results
        .iter()
        .map(|result| {
            let code = result["code"].as_str().unwrap_or_default();
            (
                result["line"].as_u64().unwrap(),
                code,
                result["errors"][0]["field"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    let wanted = [
        (1, "", ""),
        (2, "MALFORMED_JSON", "/"),
        (3, "MALFORMED_JSON", "/"),
        (5, "INVALID_FIELDS", "/digest"),
        (6, "INVALID_FIELDS", "/external_id"),
        (7, "INVALID_FIELDS", "/expires_at"),
        (8, "INVALID_FIELDS", "/colour"),
        (9, "INVALID_FIELDS", "/roles/0"),
        (10, "LIVE_NOT_ENABLED", "/"),
        (11, "BODY_TOO_LARGE", "/"),
        (12, "INVALID_FIELDS", "/digest"),
        (13, "TOKEN_ALREADY_USED", "/"),
        (14, "TOKEN_ALREADY_USED", "/"),
        (15, "INVALID_FIELDS", "/start"),
        (16, "MALFORMED_JSON", "/"),
        (17, "", ""),
    ];
    assert_eq!(got, wanted);
    assert_eq!(results[6 - 1]["errors"].as_array().unwrap().len(), 2, "every wrong field: {}", results[5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn k12_every_imported_key_has_its_own_row_in_the_audit_log_and_quotas_hold() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "quotas": { "keys": 600 } })).await;
    let rows = server.audit_rows().await.len();
    let lines: Vec<_> = (0..601).map(|n| line(&n.to_string())).collect();
    let (results, done) = imported(&server.api, &keyspace, &lines).await;
    assert_eq!(done, sum(600, 0, 0, 1));
    assert_eq!(results[600]["code"], "KEY_QUOTA_REACHED");
    assert!(results.iter().enumerate().all(|(at, result)| result["line"] == at + 1), "in their order");
    let rows = server.audit_rows().await.split_off(rows);
    assert_eq!(rows.len(), 600);
    assert!(rows.iter().all(|row| row.action == "key.created" && row.request_id == rows[0].request_id));
    assert_eq!(server.api.get("/v1/audit:verify").await.expect(200)["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn k12_an_import_does_not_bring_a_revoked_key_back() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let (results, _) = imported(&server.api, &keyspace, &[line("a")]).await;
    let key = format!("/v1/keys/{}", results[0]["key_id"].as_str().unwrap());
    server.api.delete(&key).await.expect(200);
    let mut renamed = line("a");
    renamed["name"] = "Other".into();
    let (results, _) = imported(&server.api, &keyspace, &[line("a"), renamed]).await;
    assert_eq!((&results[0]["outcome"], &results[1]["code"]), (&json!("unchanged"), &json!("KEY_REVOKED")));
    assert_eq!(server.api.get(&key).await.expect(200)["status"], "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn k12_what_is_no_ndjson_or_no_keyspace_is_refused_before_anything_is_read() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let path = format!("/v1/keyspaces/{keyspace}/keys:import");
    server.api.post(&path, line("a")).await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    server.api.import("ks_0000000000001", line("a").to_string()).await.problem(404, "NOT_FOUND");
    let (results, done) = results(&server.api.import(&keyspace, String::new()).await);
    assert_eq!((results.len(), done), (0, sum(0, 0, 0, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn k12_a_line_whose_key_fits_into_no_snapshot_changes_nothing_and_the_others_count() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let (made, _) = imported(&server.api, &keyspace, &[line("kept")]).await;
    let path = format!("/v1/keys/{}", made[0]["key_id"].as_str().unwrap());
    let before = server.api.get(&path).await.expect(200);

    // Each field is within its own bounds; together they are more than a profile holds.
    let grants: Vec<String> =
        (0..64).map(|n| [format!("area{n:028}"), "a".repeat(32), "b".repeat(32)].join(":")).collect();
    let rules: Vec<Value> =
        (0..256).map(|n| json!({ "action": "allow", "cidr": format!("2001:db8::{n:x}:0/128") })).collect();
    let values: Vec<String> = (0..64).map(|n| format!("{n:060}")).collect();
    let too_large = |id: &str| {
        let mut line = line(id);
        line["name"] = json!("Renamed");
        line["permissions"] = json!(grants);
        line["ip_rules"] = json!(rules);
        line["constraints"] = json!({ "network": values });
        line
    };
    let lines = [too_large("kept"), line("good"), too_large("new")];
    let (results, done) = imported(&server.api, &keyspace, &lines).await;
    assert_eq!(outcomes(&results), ["error", "created", "error"], "{results:?}");
    assert_eq!(done, sum(1, 0, 0, 2));
    let reasons =
        results.iter().filter(|result| result["outcome"] == "error").map(|result| &result["errors"]);
    for reason in reasons {
        assert!(reason.to_string().contains("all that narrows it"), "{reason}");
    }
    assert_eq!(server.api.get(&path).await.expect(200), before);
    let listed = server.api.get(&format!("/v1/keyspaces/{keyspace}/keys")).await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
}
