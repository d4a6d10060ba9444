use latchkey_token::{Environment, Prefix, generate};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::server::Server;

/// Operations that need no admin key. This list only ever shrinks.
const OPEN: [&str; 3] = ["/", "/healthz", "/readyz"];

/// Every operation of the OpenAPI document, so that a new one is covered without being listed here.
async fn operations(api: &Api) -> Vec<(Method, String)> {
    let document = api.get("/openapi.json").await.expect(200);
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            operations.push((Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), path.clone()));
        }
    }
    assert!(operations.len() >= 18, "the document lost operations");
    operations
}

/// A body that no operation has a reason to look at before it knows the caller.
fn body_for(method: &Method) -> Option<Value> {
    (method != Method::GET && method != Method::DELETE).then(|| json!({}))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_but_the_open_ones_wants_an_admin_key() {
    let server = Server::start().await;
    let stranger = generate(&Prefix::new("lkadm").unwrap(), Environment::Live, &mut rand::rng());
    let callers = [None, Some("junk"), Some(stranger.expose())].map(|key| server.api.with_key(key));
    for (method, path) in operations(&server.api).await {
        if OPEN.contains(&path.as_str()) {
            continue;
        }
        let path = path.replace("{keyspace_id}", "ks_0000000000001").replace("{key_id}", "key_0000000000001");
        for caller in &callers {
            let answer = caller.send(method.clone(), &path, body_for(&method).as_ref()).await;
            assert!(
                answer.header("www-authenticate").starts_with("Bearer"),
                "{method} {path}: {}",
                answer.text
            );
            answer.problem(401, "UNAUTHORIZED");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_workspace_finds_nothing_of_ours_and_learns_nothing() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Ours" })).await;
    let key = server.api.key(&keyspace, json!({})).await["id"].as_str().unwrap().to_owned();
    let other = server.other_workspace();
    for (method, template) in operations(&server.api).await {
        if !template.contains('{') {
            continue;
        }
        let ours = template.replace("{keyspace_id}", &keyspace).replace("{key_id}", &key);
        let nobodys =
            template.replace("{keyspace_id}", "ks_0000000000001").replace("{key_id}", "key_0000000000001");
        let asked =
            other.send(method.clone(), &ours, body_for(&method).as_ref()).await.problem(404, "NOT_FOUND");
        let control =
            other.send(method.clone(), &nobodys, body_for(&method).as_ref()).await.problem(404, "NOT_FOUND");
        assert_eq!(asked["detail"], control["detail"], "{method} {template} tells the two apart");
    }
    assert_eq!(other.get("/v1/keyspaces").await.expect(200)["data"], json!([]));
    // And nothing of it has had an effect.
    assert_eq!(server.api.get(&format!("/v1/keys/{key}")).await.expect(200)["status"], "active");
    assert_eq!(server.api.get(&format!("/v1/keyspaces/{keyspace}")).await.expect(200)["name"], "Ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_keyspace_is_no_admin_key() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "prefix": "lkadm" })).await;
    let key = server.api.key(&keyspace, json!({ "environment": "live" })).await;
    let caller = server.api.with_key(key["secret"].as_str());
    caller.get("/v1/whoami").await.problem(401, "UNAUTHORIZED");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_credentials_in_one_request_are_refused() {
    let server = Server::start().await;
    let request = server.api.request(Method::GET, "/v1/whoami").header("authorization", "Bearer other");
    crate::support::api::read(request.send().await.unwrap()).await.problem(401, "UNAUTHORIZED");
}
