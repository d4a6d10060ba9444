use serde_json::json;

use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn e2_a_new_keyspace_has_one_key_without_limits() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let keys = server.api.get(&format!("/v1/keyspaces/{keyspace}/signing-keys")).await.expect(200);
    let [key] = keys["keys"].as_array().unwrap().as_slice() else { panic!("{keys}") };
    assert_eq!((&key["state"], &key["signs"]), (&json!("current"), &json!(true)));
    assert_eq!((&key["not_before"], &key["not_after"]), (&json!(null), &json!(null)));
    assert_eq!(keys["trusted_keys"], json!([key["public_key"]]));
    let snapshot = server.api.get(&format!("/v1/keyspaces/{keyspace}/snapshot")).await.expect(200);
    assert_eq!(snapshot["trusted_keys"], keys["trusted_keys"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_one_rotation_at_a_time_and_none_is_completed_that_was_not_begun() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let path = |verb: &str| format!("/v1/keyspaces/{keyspace}/signing-keys:{verb}");
    server.api.post(&path("complete"), json!({})).await.problem(409, "NOT_ROTATING");
    server.api.post(&path("rotate"), json!({ "overlap_days": 1 })).await.expect(200);
    server.api.post(&path("rotate"), json!({})).await.problem(409, "ROTATION_UNDER_WAY");
    let keys = server.api.get(&format!("/v1/keyspaces/{keyspace}/signing-keys")).await.expect(200);
    let lines = keys["trusted_keys"].as_array().unwrap();
    assert!(lines[0].as_str().unwrap().contains(";not_after="), "{keys}");
    assert!(lines[1].as_str().unwrap().contains(";not_before="), "{keys}");
    server.api.post(&path("complete"), json!({})).await.expect(200);
    server.api.post(&path("complete"), json!({})).await.problem(409, "NOT_ROTATING");
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_a_replacement_asks_for_the_keyspace_once_more_and_for_a_reason() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let other = server.api.keyspace(json!({ "name": "Other" })).await;
    let path = format!("/v1/keyspaces/{keyspace}/signing-keys:replace");
    for (body, field) in [
        (json!({ "reason": "leaked" }), "/confirm"),
        (json!({ "confirm": other, "reason": "leaked" }), "/confirm"),
        (json!({ "confirm": keyspace }), "/reason"),
        (json!({ "confirm": keyspace, "reason": "  " }), "/reason"),
    ] {
        let answer = server.api.post(&path, body).await;
        assert_eq!(answer.wrong_fields(422, "INVALID_FIELDS"), [field]);
    }
    for days in [0, 366] {
        let rotate = format!("/v1/keyspaces/{keyspace}/signing-keys:rotate");
        let answer = server.api.post(&rotate, json!({ "overlap_days": days })).await;
        assert_eq!(answer.wrong_fields(422, "INVALID_FIELDS"), ["/overlap_days"]);
    }
    let keys = server.api.get(&format!("/v1/keyspaces/{keyspace}/signing-keys")).await.expect(200);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn g5_the_audit_log_names_the_keys_and_the_reason_and_never_a_private_half() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let path = |verb: &str| format!("/v1/keyspaces/{keyspace}/signing-keys:{verb}");
    let rotated = server.api.post(&path("rotate"), json!({})).await.expect(200);
    let body = json!({ "confirm": keyspace, "reason": "the laptop is gone" });
    let replaced = server.api.post(&path("replace"), body).await.expect(200);
    let rows = server.audit_rows().await;
    let [rotation, replacement] = &rows[rows.len() - 2..] else { panic!("{rows:?}") };
    assert_eq!(
        (rotation.action.as_str(), replacement.action.as_str()),
        ("keyspace.signing_key_rotated", "keyspace.signing_key_replaced")
    );
    let (before, after) = (replacement.before.to_string(), replacement.after.to_string());
    for key in 0..2 {
        assert!(before.contains(rotated["keys"][key]["key_id"].as_str().unwrap()), "{before}");
    }
    assert!(
        after.contains(replaced["keys"][0]["key_id"].as_str().unwrap())
            && after.contains("the laptop is gone")
    );
    assert!(!format!("{before}{after}").contains("seed"));
}
