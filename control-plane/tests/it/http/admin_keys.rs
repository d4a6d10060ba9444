use serde_json::json;

use crate::support::server::Server;
use latchkey_control_plane::domain::Timestamp;

#[tokio::test(flavor = "multi_thread")]
async fn g2_an_admin_key_is_made_shown_listed_and_revoked() {
    let server = Server::start().await;
    let answer =
        server.api.post("/v1/admin-keys", json!({ "name": "CI", "scopes": ["keyspaces:read"] })).await;
    let location = answer.header("location").to_owned();
    let made = answer.expect(201);
    let token = made["secret"].as_str().unwrap();
    assert!(token.starts_with("lkadm_live_") && token.starts_with(made["start"].as_str().unwrap()));
    let shown = server.api.get(&location).await;
    assert!(!shown.text.contains(token));
    let shown = shown.expect(200);
    assert_eq!((&shown["scopes"], &shown["keyspaces"]), (&json!(["keyspaces:read"]), &json!(null)));
    let caller = server.api.with_key(Some(token));
    assert_eq!(caller.get("/v1/whoami").await.expect(200)["admin_key"]["id"], made["id"]);
    caller.get("/v1/keyspaces").await.expect(200);
    caller.post("/v1/keyspaces", json!({ "name": "X" })).await.problem(403, "INSUFFICIENT_SCOPE");

    let list = server.api.get("/v1/admin-keys").await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    let revoked = server.api.delete(&location).await.expect(200);
    assert!(revoked["revoked_at"].is_string());
    let refused = caller.get("/v1/keyspaces").await.problem(401, "UNAUTHORIZED");
    assert!(refused["detail"].as_str().unwrap().contains("was revoked at"), "{refused}");
    assert_eq!(server.api.delete(&location).await.expect(200), revoked);
    assert_eq!(server.api.get("/v1/admin-keys").await.expect(200)["data"].as_array().unwrap().len(), 1);
    let actions: Vec<_> = server.audit_rows().await.into_iter().map(|row| row.action).collect();
    assert_eq!(actions, ["workspace.created", "admin_key.created", "admin_key.revoked"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_an_admin_key_stops_at_its_expiry() {
    let (server, clock) = Server::start_at(Timestamp(1_800_000_000_000)).await;
    let caller =
        server.admin(json!({ "scopes": ["keyspaces:read"], "expires_at": "2027-01-15T08:01:00Z" })).await;
    clock.advance_seconds(59);
    caller.get("/v1/keyspaces").await.expect(200);
    clock.advance_seconds(1);
    let refused = caller.get("/v1/keyspaces").await.problem(401, "UNAUTHORIZED");
    assert!(refused["detail"].as_str().unwrap().contains("has expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_nobody_makes_an_admin_key_with_more_rights_than_its_own() {
    let server = Server::start().await;
    let own = server.api.keyspace(json!({ "name": "Own" })).await;
    let other = server.api.keyspace(json!({ "name": "Other" })).await;
    let narrow = json!({
        "scopes": ["keys:read", "admin-keys:write"], "keyspaces": [own], "expires_at": "2099-01-01T00:00:00Z"
    });
    let narrow = server.admin(narrow).await;
    let make = async |body| narrow.post("/v1/admin-keys", body).await;
    for (body, field) in [
        (json!({ "name": "N", "scopes": ["*"] }), "/scopes"),
        (json!({ "name": "N", "scopes": ["keys:write"] }), "/scopes"),
        (json!({ "name": "N", "scopes": ["keys:read"], "keyspaces": [other] }), "/keyspaces/0"),
        (
            json!({ "name": "N", "scopes": ["keys:read"], "expires_at": "2099-01-01T00:00:01Z" }),
            "/expires_at",
        ),
    ] {
        assert_eq!(make(body).await.wrong_fields(422, "INVALID_FIELDS"), [field]);
    }
    let made = make(json!({ "name": "N", "scopes": ["keys:read"] })).await.expect(201);
    assert_eq!(
        (&made["keyspaces"], &made["expires_at"]),
        (&json!([own]), &json!("2099-01-01T00:00:00.000Z"))
    );
    // A foreign or deleted keyspace is none, also for those who may do everything.
    for keyspace in ["ks_0000000000001", "key_0000000000001"] {
        let body = json!({ "name": "N", "scopes": ["keys:read"], "keyspaces": [keyspace] });
        let fields = server.api.post("/v1/admin-keys", body).await.wrong_fields(422, "INVALID_FIELDS");
        assert_eq!(fields, ["/keyspaces/0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_the_last_admin_key_that_may_do_everything_stays() {
    let server = Server::start().await;
    let me = server.api.get("/v1/whoami").await.expect(200)["admin_key"]["id"].as_str().unwrap().to_owned();
    server.admin(json!({ "scopes": ["admin-keys:write"] })).await;
    let path = format!("/v1/admin-keys/{me}");
    server.api.delete(&path).await.problem(409, "LAST_ADMIN_KEY");
    let second = server.admin(json!({ "scopes": ["*"] })).await;
    second.delete(&path).await.expect(200);
    server.api.get("/v1/whoami").await.problem(401, "UNAUTHORIZED");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_of_an_admin_key_is_named() {
    let server = Server::start().await;
    for (body, fields) in [
        (json!({}), vec!["/name", "/scopes"]),
        (json!({ "name": "N", "scopes": [] }), vec!["/scopes"]),
        (json!({ "name": "N", "scopes": ["keys:read", "keys:all"] }), vec!["/scopes/1"]),
        (json!({ "name": "N", "scopes": ["keys:read", "keys:read"] }), vec!["/scopes/1"]),
        (
            json!({ "name": "N", "scopes": ["*"], "keyspaces": [], "expires_at": "1999-01-01T00:00:00Z" }),
            vec!["/keyspaces", "/expires_at"],
        ),
    ] {
        assert_eq!(server.api.post("/v1/admin-keys", body).await.wrong_fields(422, "INVALID_FIELDS"), fields);
    }
}
