use latchkey_snapshot::RateLimitMode;
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gate::{Gate, gated};
use crate::support::server::Server;

/// Once in a segment, and once in a base: what narrows a key must be in both.
#[tokio::test(flavor = "multi_thread")]
async fn a4_a6_a8_l1_l3_what_narrows_a_key_reaches_gates() {
    let (server, gate, keyspace) = gated().await;
    let plain = server.api.key(&keyspace, json!({})).await;
    let key = server
        .api
        .key(
            &keyspace,
            json!({
                "ip_rules": [
                    { "action": "deny", "cidr": "10.1.0.0/16" }, { "action": "allow", "cidr": "10.0.0.0/8" },
                ],
                "constraints": { "network": ["Preprod", "Mainnet"] },
                "rate_limits": [{ "name": "burst", "limit": 5, "window_seconds": 60, "mode": "exact" }],
                "credits": [{ "unit": "requests", "amount": 100 }],
                "signature_required": true,
            }),
        )
        .await;
    let path = format!("/v1/keys/{}", key["id"].as_str().unwrap());
    let pair = server.api.post(&format!("{path}/signing-keys"), json!({})).await.expect(201);
    let deltas = json!({ "deltas": [{ "unit": "requests", "amount": 20 }] });
    let last = server.api.post(&format!("{path}:credits"), deltas).await.change_seq();
    gate.has(last).await;
    let (token, plain) = (key["secret"].as_str().unwrap(), plain["secret"].as_str().unwrap());
    check(&gate, token, plain, &pair);

    let server = server.rebased().await;
    eventually("a new base is there", async || {
        let view = server.api.get(&format!("/v1/keyspaces/{keyspace}/snapshot")).await.expect(200);
        (view["key_count"] == 2 && view["segments"] == json!([])).then_some(())
    })
    .await;
    let last = server.api.patch(&path, json!({ "credits": null, "name": "B" })).await.change_seq();
    gate.has(last).await;
    gate.with_profile(token, |profile| assert!(profile.credits.is_none()));
    let last = server.api.patch(&path, json!({ "name": "C" })).await.change_seq();
    gate.has(last).await;
}

fn check(gate: &Gate, token: &str, plain: &str, pair: &Value) {
    gate.with_profile(token, |profile| {
        let allows = |address: &str| profile.ip_ranges.unwrap().allows(address.parse().unwrap());
        assert!(allows("10.2.0.1") && !allows("10.1.0.1") && !allows("192.0.2.1"));
        let values: Vec<_> = profile.constraints.get("network").unwrap().iter().collect();
        assert_eq!(values, ["Mainnet", "Preprod"]);
        let limit = profile.rate_limits.iter().next().unwrap();
        assert_eq!((limit.name, limit.limit, limit.mode), ("burst", 5, RateLimitMode::Exact));
        let credits = profile.credits.unwrap();
        assert_eq!((credits.grant_seq(), credits.granted("requests")), (2, Some(120)));
        let keys = profile.signing_keys.unwrap();
        let public_key = keys.get(pair["id"].as_str().unwrap()).unwrap();
        let text = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, public_key);
        assert_eq!((keys.required(), pair["public_key"].as_str()), (true, Some(text.as_str())));
    });
    gate.with_profile(plain, |profile| {
        assert!(profile.credits.is_none() && profile.signing_keys.is_none());
        assert!(profile.rate_limits.is_empty() && profile.constraints.is_empty());
        assert!(profile.ip_ranges.is_none());
    });
}

/// One key that fits into no snapshot would keep its whole keyspace from being published.
#[tokio::test(flavor = "multi_thread")]
async fn a6_a_key_that_fits_into_no_snapshot_is_refused() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let rule = |n: usize| json!({ "action": "deny", "cidr": format!("2001:db8:{:x}::/48", 2 * n) });
    let rules: Vec<_> = (0..256).map(rule).collect();
    let permission = |n: usize| format!("{}:{}", vec!["x".repeat(30); 4].join(":"), 100 + n);
    let permissions: Vec<_> = (0..64).map(permission).collect();
    let fits = json!({ "ip_rules": rules });
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    let key = server.api.post(&keys, fits).await.expect(201);
    let patch = json!({ "permissions": permissions });
    let path = format!("/v1/keys/{}", key["id"].as_str().unwrap());
    let refused = server.api.patch(&path, patch.clone()).await.problem(422, "INVALID_FIELDS");
    assert!(refused["detail"].as_str().unwrap().contains("narrows it"), "{refused}");
    let both = json!({ "ip_rules": rules, "permissions": permissions });
    server.api.post(&keys, both).await.problem(422, "INVALID_FIELDS");
    server.api.post(&keys, patch).await.expect(201);
}
