use serde_json::json;

use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a4_a8_l1_l3_u1_what_routes_ask_for_is_kept_as_it_was_written() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let policy = format!("/v1/keyspaces/{keyspace}/policy");
    let route = json!({
        "method": "GET", "path": "/v1/{network}/addresses/{id}",
        "constraints": {
            "currency": { "in": "query", "name": "currency" },
            "network": { "in": "path", "name": "network" },
            "region": { "in": "header", "name": "x-region" },
        },
        "cost": [{ "unit": "requests", "amount": 1 }, { "unit": "ada", "amount": 2 }],
        "rate_cost": 0,
        "signature": { "required": false, "nonce": true, "max_age_seconds": 60, "components": ["content-digest", "@query"] },
        "upstream_credential": "blockfrost-{network}",
    });
    let plain = json!({ "method": "*", "path": "/public/*" });
    let document = json!({ "default": "deny", "routes": [route, plain] });
    assert_eq!(server.api.put(&policy, document.clone()).await.expect(200), document);
    assert_eq!(server.api.get(&policy).await.expect(200), document);

    let short =
        json!({ "path": "/{network}", "constraints": { "network": { "in": "path" } }, "signature": {} });
    let shown = server.api.put(&policy, json!({ "routes": [short] })).await.expect(200);
    assert_eq!(shown["routes"][0]["constraints"]["network"]["name"], "network");
    let signature = json!({ "required": true, "nonce": false, "max_age_seconds": 300, "components": [] });
    assert_eq!(shown["routes"][0]["signature"], signature);
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_a8_l1_u1_everything_wrong_with_a_route_is_named() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let policy = format!("/v1/keyspaces/{keyspace}/policy");
    let network = json!({ "network": { "in": "path" } });
    for (route, wanted) in [
        (json!({ "constraints": { "network": {} } }), "constraints/network/in"),
        (json!({ "constraints": { "network": { "in": "body" } } }), "constraints/network/in"),
        (
            json!({ "constraints": { "network": { "in": "path", "name": "net" } } }),
            "constraints/network/name",
        ),
        (
            json!({ "constraints": { "network": { "in": "header", "name": "X-Net" } } }),
            "constraints/network/name",
        ),
        (json!({ "constraints": { "network": { "in": "query", "name": "" } } }), "constraints/network/name"),
        (json!({ "constraints": { "network": "path" } }), "constraints/network"),
        (json!({ "constraints": { "lk_live_SECRET": { "in": "path" } } }), "constraints"),
        (json!({ "cost": [{ "unit": "a" }] }), "cost/0/amount"),
        (json!({ "cost": [{ "unit": "A", "amount": 1 }] }), "cost/0/unit"),
        (json!({ "cost": [{ "unit": "a", "amount": 0 }] }), "cost/0/amount"),
        (json!({ "cost": [{ "unit": "a", "amount": 1 }, { "unit": "a", "amount": 1 }] }), "cost/1/unit"),
        (json!({ "rate_cost": 1_000_000_001 }), "rate_cost"),
        (json!({ "rate_cost": -1 }), "rate_cost"),
        (json!({ "signature": { "max_age_seconds": 3_601 } }), "signature/max_age_seconds"),
        (json!({ "signature": { "components": ["Content-Digest"] } }), "signature/components/0"),
        (json!({ "signature": { "components": ["@status"] } }), "signature/components/0"),
        (json!({ "signature": { "components": ["signature"] } }), "signature/components/0"),
        (json!({ "signature": { "components": ["date", "date"] } }), "signature/components/1"),
        (json!({ "signature": { "algorithm": "rsa" } }), "signature/algorithm"),
        (json!({ "upstream_credential": "a-{network}" }), "upstream_credential"),
        (json!({ "upstream_credential": "a-{network", "constraints": network }), "upstream_credential"),
        (json!({ "upstream_credential": "a b" }), "upstream_credential"),
        (json!({ "upstream_credential": "" }), "upstream_credential"),
    ] {
        let mut route = route;
        route["path"] = "/{network}/x".into();
        let answer = server.api.put(&policy, json!({ "routes": [route] })).await;
        assert!(!answer.text.contains("SECRET"));
        assert_eq!(answer.wrong_fields(422, "INVALID_FIELDS"), [format!("/routes/0/{wanted}")], "{route}");
    }
    let headers = |from: usize| {
        let source =
            |n: usize| (format!("c{n}"), json!({ "in": "header", "name": format!("x-{}", from + n) }));
        let constraints: serde_json::Map<_, _> = (0..5).map(source).collect();
        json!({ "path": format!("/{from}"), "constraints": constraints })
    };
    let answer = server.api.put(&policy, json!({ "routes": [headers(0), headers(5)] })).await;
    let problem = answer.problem(422, "INVALID_FIELDS");
    assert!(problem["detail"].as_str().unwrap().contains("header"), "{problem}");
    server.api.put(&policy, json!({ "routes": [headers(0), headers(3)] })).await.expect(200);
}
