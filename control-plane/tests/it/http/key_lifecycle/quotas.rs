use serde_json::json;

use super::path;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn k3_at_its_quota_a_keyspace_takes_no_key_more_until_one_is_revoked() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "quotas": { "keys": 2 } })).await;
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    let first = server.api.key(&keyspace, json!({})).await;
    server.api.key(&keyspace, json!({ "owner": "other" })).await;
    let problem = server.api.post(&keys, json!({})).await.problem(409, "KEY_QUOTA_REACHED");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("keyspace") && detail.contains('2') && detail.contains("quotas.keys"),
        "{detail}"
    );
    server.api.delete(&path(&first)).await.expect(200);
    server.api.key(&keyspace, json!({})).await;
    // A key that comes back counts too.
    let restore = format!("{}:restore", path(&first));
    server.api.post(&restore, json!({})).await.problem(409, "KEY_QUOTA_REACHED");
    server.api.patch(&format!("/v1/keyspaces/{keyspace}"), json!({ "quotas": null })).await.expect(200);
    server.api.post(&restore, json!({})).await.expect(200);
    server.api.key(&keyspace, json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn k3_an_owners_quota_is_the_owners_alone_and_holds_for_keys_that_change_hands() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "quotas": { "keys_per_owner": 1 } })).await;
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    server.api.key(&keyspace, json!({ "owner": "a" })).await;
    let of_b = server.api.key(&keyspace, json!({ "owner": "b" })).await;
    server.api.key(&keyspace, json!({})).await;
    for body in [json!({ "owner": "a" }), json!({})] {
        let problem = server.api.post(&keys, body).await.problem(409, "KEY_QUOTA_REACHED");
        assert!(problem["detail"].as_str().unwrap().contains("quotas.keys_per_owner"), "{problem}");
    }
    server
        .api
        .patch(&path(&of_b), json!({ "name": "N", "owner": "a" }))
        .await
        .problem(409, "KEY_QUOTA_REACHED");
    server.api.patch(&path(&of_b), json!({ "name": "N", "owner": "c" })).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn k3_counts_stay_right_whatever_happens_to_the_keys() {
    let server = Server::start().await;
    let quotas = json!({ "keys": 4, "keys_per_owner": 2 });
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    let full = async |owner: &str| {
        server.api.post(&keys, json!({ "owner": owner })).await.problem(409, "KEY_QUOTA_REACHED")
    };
    let of = async |owner: &str| server.api.key(&keyspace, json!({ "owner": owner })).await;
    let (first, _) = (of("a").await, of("a").await);
    // Keys from before there was a quota count, and so do those that were made, moved and taken back since.
    server.api.patch(&format!("/v1/keyspaces/{keyspace}"), json!({ "quotas": quotas })).await.expect(200);
    full("a").await;
    let (moved, second) = (of("b").await, of("b").await);
    full("b").await;
    server.api.delete(&path(&second)).await.expect(200);
    server.api.patch(&path(&first), json!({ "owner": "b", "name": "Moved" })).await.expect(200);
    full("b").await;
    of("a").await;
    full("a").await;
    full("c").await;
    server.api.delete(&path(&moved)).await.expect(200);
    server.api.post(&format!("{}:restore", path(&second)), json!({})).await.expect(200);
    full("b").await;
    server.api.delete(&path(&first)).await.expect(200);
    of("c").await;
    full("c").await;
}
