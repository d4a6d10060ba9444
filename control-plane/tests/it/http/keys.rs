use latchkey_control_plane::domain::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::gate::{Says, gated};
use crate::support::server::Server;

async fn served() -> (Server, String, String) {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "prefix": "demo" })).await;
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    (server, keyspace, keys)
}

fn path(key: &Value) -> String {
    format!("/v1/keys/{}", key["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn k2_a_key_shows_its_secret_once() {
    let (server, keyspace, keys) = served().await;
    let made = server.api.post(&keys, json!({})).await;
    let location = made.header("location").to_owned();
    let mut made = made.expect(201);
    assert_eq!(location, path(&made));
    let secret = made.as_object_mut().unwrap().remove("secret").unwrap();
    let secret = secret.as_str().unwrap();
    assert!(latchkey_token::parse(secret.as_bytes()).is_ok() && secret.starts_with("demo_test_"));
    assert_eq!(made["secrets"][0]["start"], secret[.."demo_test_".len() + 4]);
    assert_eq!(
        (&made["name"], &made["status"], &made["keyspace_id"]),
        (&json!("Key 1"), &json!("active"), &json!(keyspace))
    );
    let shown = server.api.get(&location).await;
    assert!(!shown.text.contains(secret));
    assert_eq!(shown.expect(200), made);
    assert!(!server.api.get(&keys).await.text.contains(secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn k1_a_key_keeps_everything_it_was_given() {
    let (server, keyspace, _) = served().await;
    let role = json!({ "name": "reader", "grants": ["hello:*"] });
    server.api.post(&format!("/v1/keyspaces/{keyspace}/roles"), role).await.expect(201);
    server.force_live_on(&keyspace).await;
    let given = json!({
        "name": "CI", "description": "two\nlines", "environment": "live", "owner": "team", "tags": ["b", "a"],
        "metadata": { "plan": "free", "n": 1 }, "enabled": false, "expires_at": "2099-01-01T01:00:00.7+01:00",
        "permissions": ["x:*"], "roles": ["reader"]
    });
    let made = server.api.key(&keyspace, given.clone()).await;
    for (name, value) in given.as_object().unwrap() {
        let wanted = if name == "expires_at" { json!("2099-01-01T00:00:00.000Z") } else { value.clone() };
        assert_eq!(made[name], wanted, "{name}");
    }
    assert_eq!(made["status"], "disabled");
    assert!(made["secret"].as_str().unwrap().starts_with("demo_live_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn k1_names_are_unique_among_an_owners_keys_that_are_not_revoked() {
    let (server, keyspace, keys) = served().await;
    let first = server.api.key(&keyspace, json!({ "name": "A", "owner": "x" })).await;
    let problem =
        server.api.post(&keys, json!({ "name": "A", "owner": "x" })).await.problem(409, "NAME_TAKEN");
    assert!(problem["detail"].as_str().unwrap().contains(first["id"].as_str().unwrap()), "{problem}");
    let second = server.api.key(&keyspace, json!({ "name": "A", "owner": "y" })).await;
    server.api.patch(&path(&second), json!({ "owner": "x" })).await.problem(409, "NAME_TAKEN");
    server.api.patch(&path(&first), json!({ "name": "A" })).await.expect(200);
    server.api.delete(&path(&first)).await.expect(200);
    server.api.patch(&path(&second), json!({ "owner": "x" })).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn k1_default_names_step_over_those_that_are_taken() {
    let (server, keyspace, _) = served().await;
    server.api.key(&keyspace, json!({ "name": "Key 1" })).await;
    let names = [
        server.api.key(&keyspace, json!({})).await,
        server.api.key(&keyspace, json!({ "name": null })).await,
    ];
    assert_eq!(names.map(|key| key["name"].clone()), ["Key 2", "Key 3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn k5_a_patch_changes_what_it_names() {
    let (server, keyspace, _) = served().await;
    let key = server
        .api
        .key(&keyspace, json!({ "name": "A", "owner": "x", "tags": ["t"], "metadata": { "a": 1, "b": 2 } }))
        .await;
    let patched = server
        .api
        .patch(&path(&key), json!({ "enabled": false, "expires_at": null, "metadata": { "c": 3 } }))
        .await;
    assert_eq!(patched.change_seq(), 3);
    let patched = patched.expect(200);
    assert_eq!((&patched["enabled"], &patched["status"]), (&json!(false), &json!("disabled")));
    assert_eq!((&patched["expires_at"], &patched["metadata"]), (&Value::Null, &json!({ "c": 3 })));
    assert_eq!(
        (&patched["name"], &patched["owner"], &patched["change_seq"]),
        (&json!("A"), &json!("x"), &json!(3))
    );
    let reset = json!({ "enabled": null, "owner": null, "tags": null, "metadata": null, "description": null, "permissions": null });
    let patched = server.api.patch(&path(&key), reset).await.expect(200);
    assert_eq!((&patched["enabled"], &patched["owner"]), (&json!(true), &Value::Null));
    assert_eq!((&patched["tags"], &patched["metadata"]), (&json!([]), &json!({})));
    assert_eq!(server.api.get(&path(&key)).await.expect(200), patched);
    let fields = server
        .api
        .patch(
            &path(&key),
            json!({ "name": null, "environment": "live", "expires_at": "2001-01-01T00:00:00Z" }),
        )
        .await;
    assert_eq!(fields.wrong_fields(422, "INVALID_FIELDS"), ["/environment"]);
    let fields =
        server.api.patch(&path(&key), json!({ "name": null, "expires_at": "2001-01-01T00:00:00Z" })).await;
    assert_eq!(fields.wrong_fields(422, "INVALID_FIELDS"), ["/name", "/expires_at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn k6_a_key_is_switched_off_and_on_again_and_gates_follow() {
    let (server, gate, keyspace) = gated().await;
    let key = server.api.key(&keyspace, json!({ "enabled": false, "permissions": ["a:b"] })).await;
    let token = key["secret"].as_str().unwrap();
    for (enabled, status) in [(false, "disabled"), (true, "active"), (false, "disabled")] {
        let switched = server.api.patch(&path(&key), json!({ "enabled": enabled })).await.expect(200);
        assert_eq!((&switched["enabled"], &switched["status"]), (&json!(enabled), &json!(status)));
        assert_eq!((&switched["permissions"], &switched["secrets"]), (&key["permissions"], &key["secrets"]));
        gate.says(token, Says::Known { disabled: !enabled }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k7_a_revoked_key_stays_revoked_and_doing_it_again_changes_nothing() {
    let (server, keyspace, keys) = served().await;
    let key = server.api.key(&keyspace, json!({})).await;
    let first = server.api.send(Method::DELETE, &path(&key), Some(&json!({ "reason": "leaked" }))).await;
    assert_eq!(first.change_seq(), 3);
    let first = first.expect(200);
    assert_eq!((&first["status"], &first["revoked_reason"]), (&json!("revoked"), &json!("leaked")));
    assert!(first["revoked_at"].is_string());
    let again = server.api.delete(&format!("{}?reason=admin", path(&key))).await;
    assert_eq!(again.change_seq(), 3);
    assert_eq!(again.expect(200), first);
    server.api.patch(&path(&key), json!({ "enabled": true })).await.problem(409, "KEY_REVOKED");
    assert_eq!(server.api.get(&keys).await.expect(200)["data"], json!([]));
    assert_eq!(server.api.get(&format!("{keys}?status=revoked")).await.expect(200)["data"], json!([first]));
}

#[tokio::test(flavor = "multi_thread")]
async fn k7_a_reason_may_stand_in_the_query() {
    let (server, keyspace, _) = served().await;
    let key = server.api.key(&keyspace, json!({})).await;
    let revoked = server.api.delete(&format!("{}?reason=holder&note=no%20longer%20used", path(&key))).await;
    let revoked = revoked.expect(200);
    assert_eq!(
        (&revoked["revoked_reason"], &revoked["revoked_note"]),
        (&json!("holder"), &json!("no longer used"))
    );
    let other = server.api.key(&keyspace, json!({})).await;
    let wrong = server.api.delete(&format!("{}?reason=because", path(&other))).await;
    assert_eq!(wrong.wrong_fields(400, "INVALID_QUERY"), ["/reason"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn k4_a_key_expires_with_the_clock() {
    let (server, clock) = Server::start_at(Timestamp::parse("2027-01-01T00:00:00Z").unwrap()).await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    let default = server.api.key(&keyspace, json!({})).await;
    assert_eq!(default["expires_at"], "2027-04-01T00:00:00.000Z");
    let key = server.api.key(&keyspace, json!({ "expires_at": "2027-01-01T00:00:10Z" })).await;
    clock.advance_seconds(9);
    assert_eq!(server.api.get(&path(&key)).await.expect(200)["status"], "active");
    clock.advance_seconds(1);
    assert_eq!(server.api.get(&path(&key)).await.expect(200)["status"], "expired");
    let by_status = async |status: &str| {
        let list = server.api.get(&format!("{keys}?status={status}")).await.expect(200);
        list["data"].as_array().unwrap().iter().map(|key| key["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(by_status("expired").await, [key["id"].clone()]);
    assert_eq!(by_status("active").await, [default["id"].clone()]);
    server.api.get(&format!("{keys}?status=lost")).await.wrong_fields(400, "INVALID_QUERY");
    // A later expiry brings it back.
    let patched = server.api.patch(&path(&key), json!({ "expires_at": null })).await.expect(200);
    assert_eq!(patched["status"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn k8_keys_are_listed_newest_first_in_parts() {
    let (server, keyspace, keys) = served().await;
    for _ in 0..7 {
        server.api.key(&keyspace, json!({})).await;
    }
    let first = server.api.get(&format!("{keys}?limit=4")).await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = server.api.get(&format!("{keys}?limit=4&cursor={cursor}")).await.expect(200);
    let names: Vec<_> = [first, second]
        .iter()
        .flat_map(|page| page["data"].as_array().unwrap().clone())
        .map(|key| key["name"].clone())
        .collect();
    assert_eq!(names, ["Key 7", "Key 6", "Key 5", "Key 4", "Key 3", "Key 2", "Key 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mutations_are_numbered_without_gaps_even_when_they_come_together() {
    let (server, keyspace, keys) = served().await;
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let (api, keys) = (server.api.clone(), keys.clone());
            tokio::spawn(async move { api.post(&keys, json!({})).await.change_seq() })
        })
        .collect();
    let mut seqs = Vec::new();
    for task in tasks {
        seqs.push(task.await.unwrap());
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (2..=41).collect::<Vec<u64>>());
    let _ = keyspace;
}
