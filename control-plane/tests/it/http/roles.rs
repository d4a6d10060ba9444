use serde_json::{Value, json};

use crate::support::gate::gated;
use crate::support::server::Server;

async fn served() -> (Server, String, String) {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let roles = format!("/v1/keyspaces/{keyspace}/roles");
    (server, keyspace, roles)
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_a_role_is_made_shown_listed_changed_and_deleted() {
    let (server, _, roles) = served().await;
    let answer = server
        .api
        .post(&roles, json!({ "name": "reader", "description": "Looks", "grants": ["items:*"] }))
        .await;
    let location = answer.header("location").to_owned();
    assert!(answer.change_seq() > 1);
    let made = answer.expect(201);
    assert!(made["id"].as_str().unwrap().starts_with("role_"));
    assert_eq!(server.api.get(&location).await.expect(200), made);
    let patched =
        server.api.patch(&location, json!({ "grants": ["*"], "description": null })).await.expect(200);
    assert_eq!(
        (&patched["grants"], &patched["description"], &patched["name"]),
        (&json!(["*"]), &json!(""), &json!("reader"))
    );
    let listed = server.api.get(&roles).await.expect(200);
    assert_eq!(listed["data"], json!([patched]));
    server.api.delete(&location).await.expect(204);
    server.api.get(&location).await.problem(404, "NOT_FOUND");
    assert_eq!(server.api.get(&roles).await.expect(200)["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_every_wrong_field_of_a_role_is_named_and_names_are_unique() {
    let (server, _, roles) = served().await;
    for (body, fields) in [
        (json!({}), vec!["/name", "/grants"]),
        (json!({ "name": " r", "grants": ["a:b", "A", "a:b"] }), vec!["/name", "/grants/1", "/grants/2"]),
        (json!({ "name": "r", "grants": "a:b", "x": 1 }), vec!["/grants", "/x"]),
    ] {
        assert_eq!(server.api.post(&roles, body).await.wrong_fields(422, "INVALID_FIELDS"), fields);
    }
    let made = server.api.post(&roles, json!({ "name": "r", "grants": [] })).await.expect(201);
    let problem =
        server.api.post(&roles, json!({ "name": "r", "grants": [] })).await.problem(409, "NAME_TAKEN");
    assert!(problem["detail"].as_str().unwrap().contains(made["id"].as_str().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_several_roles_per_key_and_renames_reach_keys_and_gates_under_the_same_number() {
    let (server, gate, keyspace) = gated().await;
    let roles = format!("/v1/keyspaces/{keyspace}/roles");
    let first = server
        .api
        .post(&roles, json!({ "name": "a", "grants": ["a:*"] }))
        .await
        .header("location")
        .to_owned();
    server.api.post(&roles, json!({ "name": "b", "grants": ["b:*"] })).await.expect(201);
    let key = server.api.key(&keyspace, json!({ "roles": ["a", "b"] })).await;
    let (path, token) =
        (format!("/v1/keys/{}", key["id"].as_str().unwrap()), key["secret"].as_str().unwrap());
    let renamed = server.api.patch(&first, json!({ "name": "z" })).await.change_seq();
    let shown = server.api.get(&path).await.expect(200);
    assert_eq!((&shown["roles"], &shown["change_seq"]), (&json!(["z", "b"]), &json!(renamed)));
    gate.has(renamed).await;
    assert_eq!(gate.profile(token).0, [1, 2]);
    // Deleted by force and made again, it is another role: no key has it.
    let deleted = server.api.delete(&format!("{first}?force=true")).await.change_seq();
    server.api.post(&roles, json!({ "name": "z", "grants": ["*"] })).await.expect(201);
    assert_eq!(server.api.get(&path).await.expect(200)["roles"], json!(["b"]));
    gate.has(deleted + 1).await;
    assert_eq!(gate.profile(token).0, [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_a_role_in_use_is_not_deleted_unless_forced_and_its_users_are_named() {
    let (server, keyspace, roles) = served().await;
    let role = server
        .api
        .post(&roles, json!({ "name": "r", "grants": ["a:b"] }))
        .await
        .header("location")
        .to_owned();
    let mut keys = Vec::new();
    for _ in 0..12 {
        keys.push(
            server.api.key(&keyspace, json!({ "roles": ["r"] })).await["id"].as_str().unwrap().to_owned(),
        );
    }
    let problem = server.api.delete(&role).await.problem(409, "ROLE_IN_USE");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("12 keys") && detail.contains(&keys[0]) && detail.contains(&keys[9]), "{detail}");
    assert!(!detail.contains(&keys[10]), "{detail}");
    server.api.delete(&format!("{role}?force=true")).await.expect(204);
    for key in keys {
        assert_eq!(server.api.get(&format!("/v1/keys/{key}")).await.expect(200)["roles"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_a_keyspace_can_begin_with_read_pay_admin() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "preset": "read-pay-admin" })).await;
    let listed = server.api.get(&format!("/v1/keyspaces/{keyspace}/roles")).await.expect(200);
    let roles: Vec<(Value, Value)> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| (role["name"].clone(), role["grants"].clone()))
        .collect();
    let wanted =
        [("Admin", json!(["*"])), ("ReadAndPay", json!(["*:read", "*:pay"])), ("Read", json!(["*:read"]))];
    assert_eq!(roles, wanted.map(|(name, grants)| (json!(name), grants)));
    let wrong = server.api.post("/v1/keyspaces", json!({ "name": "D", "preset": "all" })).await;
    assert_eq!(wrong.wrong_fields(422, "INVALID_FIELDS"), ["/preset"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_a_preview_shows_what_a_choice_would_grant_and_which_role_each_grant_comes_from() {
    let (server, keyspace, roles) = served().await;
    let policy = json!({ "routes": [
        { "method": "GET", "path": "/items", "permission": "items:read" },
        { "method": "POST", "path": "/items", "permission": "items:write" },
        { "path": "/open" }
    ] });
    server.api.put(&format!("/v1/keyspaces/{keyspace}/policy"), policy).await.expect(200);
    server.api.post(&roles, json!({ "name": "reader", "grants": ["*:read"] })).await.expect(201);
    server.api.post(&roles, json!({ "name": "both", "grants": ["*:read", "items:write"] })).await.expect(201);
    let preview = format!("/v1/keyspaces/{keyspace}/permissions:preview");
    let shown = server
        .api
        .post(&preview, json!({ "roles": ["reader", "both"], "permissions": ["x:y"] }))
        .await
        .expect(200);
    assert_eq!(
        shown["grants"],
        json!([
            { "grant": "x:y", "granted_by": ["key"] },
            { "grant": "*:read", "granted_by": ["role reader", "role both"] },
            { "grant": "items:write", "granted_by": ["role both"] }
        ])
    );
    let allowed = |view: &Value| -> Vec<bool> {
        view["routes"].as_array().unwrap().iter().map(|route| route["allowed"].as_bool().unwrap()).collect()
    };
    assert_eq!(allowed(&shown), [true, true, true]);
    assert_eq!(shown["routes"][0]["granted_by"], json!(["*:read"]));
    let reader = server.api.post(&preview, json!({ "roles": ["reader"] })).await.expect(200);
    assert_eq!(allowed(&reader), [true, false, true]);
    let fields = server.api.post(&preview, json!({ "roles": ["nobody"], "permissions": ["A"] })).await;
    assert_eq!(fields.wrong_fields(422, "INVALID_FIELDS"), ["/permissions/0", "/roles/0"]);

    let listed = server.api.get(&format!("/v1/keyspaces/{keyspace}/permissions")).await.expect(200);
    assert_eq!(
        listed["permissions"][0],
        json!({ "permission": "items:read", "routes": [{ "method": "GET", "path": "/items" }], "granted_by": ["reader", "both"] })
    );
    assert_eq!(listed["grants"][1], json!({ "grant": "items:write", "granted_by": ["role both"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_a_key_without_a_role_can_do_nothing_unless_a_route_asks_for_nothing() {
    let (server, keyspace, roles) = served().await;
    let policy = json!({ "routes": [{ "path": "/a", "permission": "a:b" }, { "path": "/open" }, { "path": "/live", "environment": "live" }] });
    server.api.put(&format!("/v1/keyspaces/{keyspace}/policy"), policy).await.expect(200);
    server.api.post(&roles, json!({ "name": "r", "grants": ["a:*"] })).await.expect(201);
    let may = async |body: Value| -> (Value, Vec<bool>) {
        let key = server.api.key(&keyspace, body).await["id"].as_str().unwrap().to_owned();
        let view = server.api.get(&format!("/v1/keys/{key}/permissions")).await.expect(200);
        let allowed =
            view["routes"].as_array().unwrap().iter().map(|route| route["allowed"].as_bool().unwrap());
        (view["permissions"].clone(), allowed.collect())
    };
    assert_eq!(may(json!({})).await, (json!([]), vec![false, true, false]));
    let granted = json!([{ "grant": "a:*", "granted_by": ["role r"] }]);
    assert_eq!(may(json!({ "roles": ["r"] })).await, (granted, vec![true, true, false]));
}
