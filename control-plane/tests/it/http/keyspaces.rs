use serde_json::{Value, json};

use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_keyspace_is_made_shown_and_listed() {
    let server = Server::start().await;
    let made = server.api.post("/v1/keyspaces", json!({ "name": "Demo" })).await;
    let location = made.header("location").to_owned();
    assert_eq!(made.change_seq(), 1);
    let made = made.expect(201);
    assert_eq!(location, format!("/v1/keyspaces/{}", made["id"].as_str().unwrap()));
    assert_eq!(
        (&made["prefix"], &made["environment"], &made["gates"]),
        (&json!("lk"), &json!("any"), &json!([]))
    );
    assert_eq!(
        made["freshness"],
        json!({ "fresh_seconds": 90, "valid_seconds": 86_400, "on_expired": "deny" })
    );
    assert_eq!(server.api.get(&location).await.expect(200), made);
    assert_eq!(server.api.get("/v1/keyspaces").await.expect(200)["data"], json!([made]));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_on_where_they_stopped_newest_first() {
    let server = Server::start().await;
    for number in 1..=25 {
        server.api.keyspace(json!({ "name": format!("{number}") })).await;
    }
    let mut names = Vec::new();
    let mut path = "/v1/keyspaces".to_owned();
    let mut sizes = Vec::new();
    loop {
        let page = server.api.get(&path).await.expect(200);
        let data = page["data"].as_array().unwrap();
        sizes.push(data.len());
        names.extend(data.iter().map(|keyspace| keyspace["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/keyspaces?cursor={cursor}"),
            None => break assert_eq!(page["has_more"], false),
        }
        assert_eq!(page["has_more"], true);
    }
    assert_eq!(sizes, [10, 10, 5]);
    assert_eq!(names, (1..=25).rev().map(|number| number.to_string()).collect::<Vec<_>>());
    let page = server.api.get("/v1/keyspaces?limit=25").await.expect(200);
    assert_eq!((page["data"].as_array().unwrap().len(), &page["has_more"]), (25, &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_changes_what_it_names_and_null_goes_back_to_the_default() {
    let server = Server::start().await;
    let body = json!({
        "name": "Demo", "prefix": "demo", "environment": "live", "gates": [{ "url": "http://127.0.0.1:9/" }],
        "freshness": { "fresh_seconds": 10, "valid_seconds": 20, "on_expired": "allow" }
    });
    let path = format!("/v1/keyspaces/{}", server.api.keyspace(body).await);
    let patched =
        server.api.patch(&path, json!({ "name": "New", "freshness": { "valid_seconds": 30 } })).await;
    assert_eq!(patched.change_seq(), 2);
    let patched = patched.expect(200);
    assert_eq!((&patched["name"], &patched["prefix"]), (&json!("New"), &json!("demo")));
    assert_eq!(patched["gates"], json!([{ "url": "http://127.0.0.1:9" }]));
    assert_eq!(
        patched["freshness"],
        json!({ "fresh_seconds": 10, "valid_seconds": 30, "on_expired": "allow" })
    );
    let patched = server
        .api
        .patch(&path, json!({ "prefix": null, "environment": null, "gates": null, "freshness": null }))
        .await
        .expect(200);
    assert_eq!((&patched["name"], &patched["prefix"]), (&json!("New"), &json!("lk")));
    assert_eq!((&patched["environment"], &patched["gates"]), (&json!("any"), &json!([])));
    assert_eq!(patched["freshness"]["fresh_seconds"], 90);
    server.api.patch(&path, json!({ "name": null })).await.wrong_fields(422, "INVALID_FIELDS");
    assert_eq!(server.api.get(&path).await.expect(200), patched);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyspace_with_live_keys_is_deleted_only_by_force() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let (path, key) = (format!("/v1/keyspaces/{keyspace}"), server.api.key(&keyspace, json!({})).await);
    let problem = server.api.delete(&path).await.problem(409, "KEYSPACE_IN_USE");
    assert!(problem["detail"].as_str().unwrap().contains("1 live keys"), "{problem}");
    server.api.delete(&format!("{path}?force=maybe")).await.wrong_fields(400, "INVALID_QUERY");
    let deleted = server.api.delete(&format!("{path}?force=true")).await;
    assert_eq!(deleted.change_seq(), 3);
    assert_eq!(deleted.expect(204), Value::Null);
    for gone in [
        path.clone(),
        format!("{path}/keys"),
        format!("{path}/policy"),
        format!("/v1/keys/{}", key["id"].as_str().unwrap()),
    ] {
        server.api.get(&gone).await.problem(404, "NOT_FOUND");
    }
    server.api.delete(&path).await.problem(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyspace_whose_keys_are_all_revoked_needs_no_force() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({})).await;
    server.api.delete(&format!("/v1/keys/{}", key["id"].as_str().unwrap())).await.expect(200);
    server.api.delete(&format!("/v1/keyspaces/{keyspace}")).await.expect(204);
}
