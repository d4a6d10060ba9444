use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gate::{Gate, Says};
use crate::support::server::Server;

fn met(view: &Value) -> Vec<(String, bool)> {
    let requirements = view["live"]["requirements"].as_array().unwrap().iter();
    requirements
        .map(|one| (one["name"].as_str().unwrap().to_owned(), one["met"].as_bool().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_live_is_off_until_its_requirements_are_met_and_live_keys_work_only_while_it_is_on() {
    let (server, gate) = (Server::start().await, Gate::start().await);
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let environments = format!("/v1/keyspaces/{keyspace}/environments");
    let live = format!("{environments}/live");
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    let shown = server.api.get(&environments).await.expect(200);
    assert_eq!((&shown["test"]["enabled"], &shown["live"]["enabled"]), (&json!(true), &json!(false)));
    let named = |policy, gate, second| {
        [("policy", policy), ("gate", gate), ("second_admin_key", second)]
            .map(|(name, met)| (name.to_owned(), met))
    };
    assert_eq!(met(&shown), named(false, false, false));
    let problem =
        server.api.put(&live, json!({ "enabled": true })).await.problem(409, "REQUIREMENTS_NOT_MET");
    for name in ["policy:", "gate:", "second_admin_key:"] {
        assert!(problem["detail"].as_str().unwrap().contains(name), "{problem}");
    }
    server.api.post(&keys, json!({ "environment": "live" })).await.problem(409, "LIVE_NOT_ENABLED");

    let policy = json!({ "routes": [{ "path": "/a" }] });
    server.api.put(&format!("/v1/keyspaces/{keyspace}/policy"), policy).await.expect(200);
    server.admin(json!({ "scopes": ["*"] })).await;
    let gates = json!({ "gates": [{ "url": gate.url }] });
    server.api.patch(&format!("/v1/keyspaces/{keyspace}"), gates).await.expect(200);
    gate.trust(&server.api, &keyspace).await;
    eventually("the gate has acknowledged", async || {
        (met(&server.api.get(&environments).await.expect(200)) == named(true, true, true)).then_some(())
    })
    .await;
    assert_eq!(server.api.put(&live, json!({ "enabled": true })).await.expect(200)["live"]["enabled"], true);

    let key = server.api.key(&keyspace, json!({ "environment": "live" })).await;
    let test_key = server.api.key(&keyspace, json!({})).await;
    let says = async |key: &Value, disabled: bool| {
        let token = key["secret"].as_str().unwrap();
        gate.says(token, Says::Known { disabled }).await;
    };
    says(&key, false).await;
    server.api.put(&live, json!({ "enabled": false })).await.expect(200);
    says(&key, true).await;
    says(&test_key, false).await;
    server.api.put(&live, json!({ "enabled": true })).await.expect(200);
    says(&key, false).await;
    let actions: Vec<_> = server.audit_rows().await.into_iter().map(|row| row.action).collect();
    assert_eq!(actions.iter().filter(|action| action.starts_with("live.")).count(), 3, "{actions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_switching_to_what_it_is_leaves_no_trace() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let live = format!("/v1/keyspaces/{keyspace}/environments/live");
    let before = server.audit_rows().await.len();
    assert_eq!(server.api.put(&live, json!({ "enabled": false })).await.change_seq(), 1);
    assert_eq!(server.audit_rows().await.len(), before);
    assert_eq!(server.api.put(&live, json!({})).await.wrong_fields(422, "INVALID_FIELDS"), ["/enabled"]);
}
