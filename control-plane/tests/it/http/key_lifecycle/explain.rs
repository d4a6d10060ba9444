use serde_json::{Value, json};

use super::path;
use crate::support::eventually;
use crate::support::server::Server;

fn check<'a>(explanation: &'a Value, name: &str) -> &'a Value {
    let checks = explanation["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {explanation}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn e6_an_explanation_names_each_check_its_input_and_the_seq() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let route = json!({
        "method": "GET", "path": "/{network}/blocks", "permission": "blocks:read",
        "constraints": { "network": { "in": "path" }, "region": { "in": "header", "name": "x-region" } },
        "cost": [{ "unit": "requests", "amount": 1 }],
    });
    let policy = format!("/v1/keyspaces/{keyspace}/policy");
    server.api.put(&policy, json!({ "routes": [route] })).await.expect(200);
    let body = json!({
        "permissions": ["blocks:*"], "ip_rules": [{ "action": "allow", "cidr": "10.0.0.0/8" }],
        "constraints": { "network": ["mainnet"], "region": ["eu"] },
    });
    let key = server.api.key(&keyspace, body).await;
    let explain = format!("{}:explain", path(&key));
    let ask = async |body: Value| server.api.post(&explain, body).await.expect(200);
    let good = json!({ "path": "/mainnet/blocks", "address": "10.1.2.3", "headers": { "X-Region": "eu" } });
    let allowed = eventually("the key is published", async || {
        let answer = server.api.post(&explain, good.clone()).await.expect(200);
        (answer["allowed"] == true).then_some(answer)
    })
    .await;
    assert_eq!((&allowed["code"], &allowed["conditions"]), (&json!("VALID"), &json!([])));
    let published = server.api.get(&format!("/v1/keyspaces/{keyspace}/snapshot")).await.expect(200);
    assert!(allowed["seq"].as_u64() > Some(0) && allowed["seq"].as_u64() <= published["seq"].as_u64());
    assert!(allowed["checks"].as_array().unwrap().iter().all(|check| check["passed"] == true));
    assert!(check(&allowed, "address")["input"].as_str().unwrap().contains("10.1.2.3"));
    assert!(!allowed.to_string().contains(key["secret"].as_str().unwrap()));

    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    for (body, code, failed) in [
        (with("address", json!("192.0.2.1")), "IP_DENIED", "address"),
        (with("address", Value::Null), "IP_DENIED", "address"),
        (with("path", json!("/preprod/blocks")), "CONSTRAINT_DENIED", "constraints"),
        (with("headers", json!({})), "CONSTRAINT_DENIED", "constraints"),
        (with("path", json!("/mainnet/nowhere")), "ROUTE_NOT_FOUND", "route"),
        (with("method", json!("POST")), "ROUTE_NOT_FOUND", "route"),
    ] {
        let denied = ask(body).await;
        assert_eq!((&denied["code"], &denied["allowed"]), (&json!(code), &json!(false)), "{denied}");
        assert_eq!(check(&denied, failed)["passed"], false, "{denied}");
    }

    // What a gate has to settle is named, and nothing is spent by asking.
    let deltas = json!({ "deltas": [{ "unit": "requests", "amount": 1 }] });
    server.api.post(&format!("{}:credits", path(&key)), deltas).await.expect(200);
    for _ in 0..2 {
        let conditional = eventually("the credits are published", async || {
            let answer = server.api.post(&explain, good.clone()).await.expect(200);
            (answer["code"] == Value::Null).then_some(answer)
        })
        .await;
        assert_eq!(
            (&conditional["allowed"], &conditional["conditions"]),
            (&json!(false), &json!(["credits"]))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e6_each_token_of_a_key_is_explained_and_wrong_questions_are_refused() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let policy = format!("/v1/keyspaces/{keyspace}/policy");
    server.api.put(&policy, json!({ "default": "allow", "routes": [] })).await.expect(200);
    let key = server.api.key(&keyspace, json!({})).await;
    let explain = format!("{}:explain", path(&key));
    let rotated =
        server.api.post(&format!("{}:rotate", path(&key)), json!({ "grace_seconds": 0 })).await.expect(200);
    let code = async |secret: &Value| {
        let body = json!({ "path": "/x", "secret_id": secret["id"] });
        server.api.post(&explain, body).await.expect(200)["code"].clone()
    };
    eventually("the new token is published", async || {
        (code(&rotated["secrets"][1]).await == "VALID").then_some(())
    })
    .await;
    assert_eq!(code(&rotated["secrets"][0]).await, "EXPIRED");
    assert_eq!(server.api.post(&explain, json!({ "path": "/x" })).await.expect(200)["code"], "VALID");
    let strange = json!({ "path": "/x", "secret_id": "sec_0000000000001" });
    server.api.post(&explain, strange).await.problem(404, "NOT_FOUND");
    for (body, wanted) in [
        (json!({}), "/path"),
        (json!({ "path": "" }), "/path"),
        (json!({ "path": "/x", "method": "get" }), "/method"),
        (json!({ "path": "/x", "address": "10.0.0.0/8" }), "/address"),
        (json!({ "path": "/x", "headers": { "a": 1 } }), "/headers"),
        (json!({ "path": "/x", "secret_id": "sec_x" }), "/secret_id"),
    ] {
        assert_eq!(server.api.post(&explain, body).await.wrong_fields(422, "INVALID_FIELDS"), [wanted]);
    }
}
