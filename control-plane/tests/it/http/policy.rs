use serde_json::json;

use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a7_a_new_keyspace_denies_everything() {
    let server = Server::start().await;
    let path = format!("/v1/keyspaces/{}/policy", server.api.keyspace(json!({ "name": "Demo" })).await);
    assert_eq!(server.api.get(&path).await.expect(200), json!({ "default": "deny", "routes": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a7_a_policy_is_replaced_as_a_whole() {
    let server = Server::start().await;
    let path = format!("/v1/keyspaces/{}/policy", server.api.keyspace(json!({ "name": "Demo" })).await);
    let policy = json!({
        "default": "allow",
        "routes": [
            { "method": "GET", "path": "/v1/hello", "permission": "hello:read", "environment": "live" },
            { "method": "*", "path": "/items/{id}" },
            { "method": "POST", "path": "/public/*" }
        ]
    });
    let put = server.api.put(&path, policy.clone()).await;
    assert_eq!(put.change_seq(), 2);
    assert_eq!(put.expect(200), policy);
    assert_eq!(server.api.get(&path).await.expect(200), policy);
    let shorter = server.api.put(&path, json!({ "routes": [{ "path": "/" }] })).await.expect(200);
    assert_eq!(shorter, json!({ "default": "deny", "routes": [{ "method": "*", "path": "/" }] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a7_every_wrong_part_is_named_and_nothing_is_replaced() {
    let server = Server::start().await;
    let path = format!("/v1/keyspaces/{}/policy", server.api.keyspace(json!({ "name": "Demo" })).await);
    let before = server.api.get(&path).await.expect(200);
    let wrong = json!({
        "default": "maybe",
        "routes": [
            { "method": "get", "path": "/a" }, { "path": "a" }, { "path": "/a", "permission": "a:*" },
            { "path": "/a", "environment": "prod" }, { "path": "/a/*/b" }, { "path": 7 }, { "path": "/x", "cost": 1 }
        ],
        "roles": []
    });
    let mut fields = server.api.put(&path, wrong).await.wrong_fields(422, "INVALID_FIELDS");
    fields.sort();
    fields.dedup();
    assert_eq!(
        fields,
        [
            "/default",
            "/roles",
            "/routes/0/method",
            "/routes/1/path",
            "/routes/2/permission",
            "/routes/3/environment",
            "/routes/4/path",
            "/routes/5/path",
            "/routes/6/cost"
        ]
    );
    let shadowed = json!({ "routes": [{ "path": "/a/{x}" }, { "path": "/a/{y}" }] });
    assert_eq!(server.api.put(&path, shadowed).await.wrong_fields(422, "INVALID_FIELDS"), ["/routes/1"]);
    assert_eq!(server.api.get(&path).await.expect(200), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a7_a_policy_may_have_512_routes_and_no_more() {
    let server = Server::start().await;
    let path = format!("/v1/keyspaces/{}/policy", server.api.keyspace(json!({ "name": "Demo" })).await);
    let routes = |count: usize| json!({ "routes": (0..count).map(|number| json!({ "path": format!("/r{number}") })).collect::<Vec<_>>() });
    server.api.put(&path, routes(512)).await.expect(200);
    assert_eq!(server.api.put(&path, routes(513)).await.wrong_fields(422, "INVALID_FIELDS"), ["/routes"]);
}
