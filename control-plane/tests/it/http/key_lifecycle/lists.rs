use serde_json::{Value, json};

use crate::support::server::Server;

async fn names(server: &Server, keys: &str, query: &str) -> Vec<String> {
    let list = server.api.get(&format!("{keys}?{query}")).await.expect(200);
    list["data"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn k8_lists_are_filtered_by_status_environment_owner_tag_and_text() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "prefix": "demo" })).await;
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    let a =
        json!({ "name": "Alpha", "owner": "acme", "tags": ["ci", "eu"], "description": "100% nightly_run" });
    let a = server.api.key(&keyspace, a).await;
    server
        .api
        .key(&keyspace, json!({ "name": "Beta", "owner": "acme", "tags": ["c"], "enabled": false }))
        .await;
    let c = server.api.key(&keyspace, json!({ "name": "Gamma", "tags": ["ci"] })).await;
    server.api.delete(&format!("/v1/keys/{}", c["id"].as_str().unwrap())).await.expect(200);
    let start = &a["secrets"][0]["start"].as_str().unwrap()[10..];
    let id = a["id"].as_str().unwrap();
    for (query, wanted) in [
        ("", vec!["Beta", "Alpha"]),
        ("status=all", vec!["Gamma", "Beta", "Alpha"]),
        ("status=revoked", vec!["Gamma"]),
        ("status=disabled", vec!["Beta"]),
        ("status=active", vec!["Alpha"]),
        ("owner=acme", vec!["Beta", "Alpha"]),
        ("owner=&status=all", vec!["Gamma"]),
        ("owner=other", vec![]),
        ("tag=ci", vec!["Alpha"]),
        ("tag=ci&status=all", vec!["Gamma", "Alpha"]),
        ("environment=live", vec![]),
        ("environment=test&owner=acme&tag=c", vec!["Beta"]),
        ("search=alph", vec!["Alpha"]),
        ("search=NIGHTLY", vec!["Alpha"]),
        ("search=100%25", vec!["Alpha"]),
        ("search=nightly_", vec!["Alpha"]),
        ("search=demo_test_", vec!["Beta", "Alpha"]),
        (&format!("search={start}&tag=ci"), vec!["Alpha"]),
        (&format!("search={id}"), vec!["Alpha"]),
        (&format!("search={}", &id[..9]), vec!["Beta", "Alpha"]),
        ("search=key_zzzz", vec![]),
        ("search=%25", vec!["Alpha"]),
    ] {
        assert_eq!(names(&server, &keys, query).await, wanted, "{query}");
    }
    for (query, field) in [
        ("search=", "/search"),
        ("environment=prod", "/environment"),
        ("status=gone", "/status"),
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("cursor=nonsense", "/cursor"),
        ("colour=red", "/colour"),
    ] {
        let answer = server.api.get(&format!("{keys}?{query}")).await;
        assert_eq!(answer.wrong_fields(400, "INVALID_QUERY").len(), 1, "{query} {field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k8_a_walk_through_a_list_sees_every_key_once_while_others_are_made() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    for number in 1..=25 {
        server.api.key(&keyspace, json!({ "name": format!("old {number}") })).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.api.get(&format!("{keys}?limit=10{cursor}")).await.expect(200);
        seen.extend(page["data"].as_array().unwrap().iter().map(|key| key["name"].clone()));
        server.api.key(&keyspace, json!({})).await;
        if page["has_more"] == false {
            break;
        }
        cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap());
    }
    let wanted: Vec<Value> = (1..=25).rev().map(|number| json!(format!("old {number}"))).collect();
    assert_eq!(seen, wanted);
    assert_eq!(server.api.get(&keys).await.expect(200)["data"].as_array().unwrap().len(), 10);
}
