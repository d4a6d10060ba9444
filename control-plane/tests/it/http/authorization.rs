use reqwest::Method;
use serde_json::json;

use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_keyspace_is_no_admin_key() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "prefix": "lkadm" })).await;
    server.force_live_on(&keyspace).await;
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
