use reqwest::Method;
use serde_json::json;

use crate::support::api::read;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn g4_the_program_says_what_it_is_and_that_it_is_well() {
    let server = Server::start().await;
    let open = server.api.with_key(None);
    assert!(open.get("/").await.text.contains("/openapi.json"));
    for path in ["/healthz", "/readyz"] {
        assert_eq!(open.get(path).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoami_names_the_admin_key_and_its_workspace() {
    let server = Server::start().await;
    let answer = server.api.get("/v1/whoami").await;
    assert!(!answer.text.contains(&server.admin_key));
    let answer = answer.expect(200);
    assert_eq!(answer["workspace"]["name"], "Default");
    assert!(answer["admin_key"]["id"].as_str().unwrap().starts_with("adm_"));
    assert!(server.admin_key.starts_with(answer["admin_key"]["start"].as_str().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_request_id_is_kept_if_it_is_plain() {
    let server = Server::start().await;
    let send = async |name: &str| {
        let request = server.api.request(Method::GET, "/healthz").header("x-request-id", name);
        read(request.send().await.unwrap()).await.header("x-request-id").to_owned()
    };
    assert_eq!(send("abc-DEF_1").await, "abc-DEF_1");
    for name in ["has space", "quote\"", "", &"x".repeat(65)] {
        assert!(send(name).await.starts_with("req_"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_every_mutation_leaves_an_audit_row_with_its_request() {
    let server = Server::start().await;
    let request = server.api.request(Method::POST, "/v1/keyspaces").header("x-request-id", "traced-1");
    let request =
        request.header("content-type", "application/json").body(json!({ "name": "Demo" }).to_string());
    let keyspace = read(request.send().await.unwrap()).await.expect(201);
    let keyspace = keyspace["id"].as_str().unwrap();
    let key = server.api.key(keyspace, json!({})).await;
    let path = format!("/v1/keys/{}", key["id"].as_str().unwrap());
    server.api.patch(&path, json!({ "name": "N" })).await.expect(200);
    server.api.delete(&path).await.expect(200);
    server.api.put(&format!("/v1/keyspaces/{keyspace}/policy"), json!({})).await.expect(200);
    server.api.patch(&format!("/v1/keyspaces/{keyspace}"), json!({ "name": "M" })).await.expect(200);
    server.api.delete(&format!("/v1/keyspaces/{keyspace}")).await.expect(204);
    let workspace = server.app.store.audited_workspaces().await.unwrap()[0];
    let rows = server.app.store.audit_entries(workspace, 0, 100).await.unwrap();
    let actions: Vec<_> = rows.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "workspace.created",
            "keyspace.created",
            "key.created",
            "key.updated",
            "key.revoked",
            "policy.replaced",
            "keyspace.updated",
            "keyspace.deleted"
        ]
    );
    assert_eq!((rows[1].request_id.as_str(), rows[1].object.as_str()), ("traced-1", keyspace));
    assert!(rows[1].actor.starts_with("adm_"));
    assert!(rows[3].before.contains("\"Key 1\"") && rows[3].after.contains("\"N\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_a_browser_is_led_to_the_dashboard_and_a_program_is_told_what_there_is() {
    let server = Server::start().await;
    let open = server.api.with_key(None);
    let ask = async |path: &str, accept: &str| {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let url = open.request(Method::GET, path).build().unwrap().url().clone();
        read(client.get(url).header("accept", accept).send().await.unwrap()).await
    };
    assert_eq!(ask("/", "*/*").await.status, 200);
    let led = ask("/", "text/html,application/xhtml+xml,*/*;q=0.8").await;
    assert_eq!((led.status.as_u16(), led.header("location")), (303, "/dashboard/"));
    for (path, to) in [("/dashboard", "/dashboard/"), ("/dashboard/preview", "/dashboard/preview/")] {
        assert_eq!(ask(path, "*/*").await.header("location"), to);
    }
    // Built or not: what is no file of it is never one of the machine.
    for path in ["/dashboard/..%2f..%2fCargo.toml", "/dashboard/.built-from", "/dashboard/assets/none.js"] {
        assert!(ask(path, "*/*").await.status.as_u16() >= 400, "{path}");
    }
}
