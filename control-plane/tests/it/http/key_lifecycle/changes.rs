use reqwest::Method;
use serde_json::json;

use super::{if_match, path};
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn k5_a_change_that_expects_another_state_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let made = server.api.post(&format!("/v1/keyspaces/{keyspace}/keys"), json!({})).await;
    let old = made.header("etag").to_owned();
    let key = made.expect(201);
    assert_eq!(old, "\"2\"");
    let changed = if_match(&server.api, Method::PATCH, &path(&key), &old, Some(json!({ "name": "A" }))).await;
    let new = changed.header("etag").to_owned();
    assert_eq!(changed.expect(200)["name"], "A");
    assert_ne!(old, new);
    assert_eq!(server.api.get(&path(&key)).await.header("etag"), new);
    let rotate = format!("{}:rotate", path(&key));
    for (method, path, body) in [
        (Method::GET, path(&key), None),
        (Method::PATCH, path(&key), Some(json!({ "name": "B" }))),
        (Method::DELETE, path(&key), None),
        (Method::POST, rotate, Some(json!({}))),
    ] {
        for stale in [old.as_str(), "\"other\"", "W/\"3\"", "\"1\", \"2\""] {
            let answer = if_match(&server.api, method.clone(), &path, stale, body.clone()).await;
            answer.problem(412, "PRECONDITION_FAILED");
        }
    }
    let shown = server.api.get(&path(&key)).await.expect(200);
    assert_eq!((&shown["name"], &shown["status"]), (&json!("A"), &json!("active")));
    assert_eq!(shown["secrets"].as_array().unwrap().len(), 1);
    let list = format!("\"1\", {new}");
    if_match(&server.api, Method::GET, &path(&key), &list, None).await.expect(200);
    if_match(&server.api, Method::GET, &path(&key), "*", None).await.expect(200);
    if_match(&server.api, Method::GET, &path(&key), "3", None).await.wrong_fields(400, "INVALID_HEADER");
    let revoked = if_match(&server.api, Method::DELETE, &path(&key), &new, None).await;
    let restore = format!("{}:restore", path(&key));
    let tag = revoked.header("etag").to_owned();
    if_match(&server.api, Method::POST, &restore, &new, None).await.problem(412, "PRECONDITION_FAILED");
    if_match(&server.api, Method::POST, &restore, &tag, None).await.expect(200);
}
