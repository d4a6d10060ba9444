use serde_json::{Value, json};

use super::path;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a6_rules_are_set_with_the_key_or_by_themselves_and_say_what_happens_to_others() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({ "name": "A" })).await;
    let rules = format!("{}/ip-rules", path(&key));
    assert_eq!(key["ip_rules"], json!([]));
    assert_eq!(server.api.get(&rules).await.expect(200), json!({ "rules": [], "default": "allow" }));

    let wanted = json!([
        { "action": "deny", "cidr": "10.1.0.0/16", "note": "the old office" },
        { "action": "allow", "cidr": "10.0.0.0/8" },
        { "action": "allow", "cidr": "2001:db8::1/128" },
    ]);
    let given = json!([
        { "action": "deny", "cidr": "10.1.0.0/16", "note": "the old office" },
        { "action": "allow", "cidr": "::ffff:10.0.0.0/104" },
        { "action": "allow", "cidr": "2001:db8::1" },
    ]);
    let put = server.api.put(&rules, json!({ "rules": given })).await;
    assert_eq!((put.change_seq(), put.header("etag").to_owned()), (3, "\"3\"".to_owned()));
    assert_eq!(put.expect(200), json!({ "rules": wanted, "default": "deny" }));
    assert_eq!(server.api.get(&path(&key)).await.expect(200)["ip_rules"], wanted);

    let other = server.api.key(&keyspace, json!({ "ip_rules": given })).await;
    assert_eq!(other["ip_rules"], wanted);
    let changed = server.api.patch(&path(&other), json!({ "name": "B" })).await.expect(200);
    assert_eq!(changed["ip_rules"], wanted, "what is not named stays");
    let changed = server.api.patch(&path(&other), json!({ "ip_rules": null })).await.expect(200);
    assert_eq!(changed["ip_rules"], json!([]));
    let row = server.audit_rows().await.pop().unwrap();
    let (before, after): (Value, Value) =
        (serde_json::from_str(&row.before).unwrap(), serde_json::from_str(&row.after).unwrap());
    assert_eq!((row.action.as_str(), &before["ip_rules"]), ("key.updated", &wanted));
    assert!(after.get("ip_rules").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_the_preview_names_the_rule_that_decides_and_changes_nothing() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server
        .api
        .key(
            &keyspace,
            json!({ "ip_rules": [
        { "action": "deny", "cidr": "10.1.0.0/16" },
        { "action": "allow", "cidr": "10.0.0.0/8" },
    ] }),
        )
        .await;
    let preview = format!("{}/ip-rules:preview", path(&key));
    let ask = async |body: Value| server.api.post(&preview, body).await.expect(200);
    let denied = json!({ "index": 0, "action": "deny", "cidr": "10.1.0.0/16" });
    let allowed = json!({ "index": 1, "action": "allow", "cidr": "10.0.0.0/8" });
    for (address, wanted) in [
        ("10.1.2.3", json!({ "allowed": false, "matched": denied, "default": "deny" })),
        ("::ffff:10.1.2.3", json!({ "allowed": false, "matched": denied, "default": "deny" })),
        ("10.2.0.1", json!({ "allowed": true, "matched": allowed, "default": "deny" })),
        ("192.0.2.1", json!({ "allowed": false, "matched": null, "default": "deny" })),
        ("2001:db8::1", json!({ "allowed": false, "matched": null, "default": "deny" })),
    ] {
        assert_eq!(ask(json!({ "address": address })).await, wanted, "{address}");
    }
    let tried = ask(json!({ "address": "10.1.2.3", "rules": [{ "action": "deny", "cidr": "::/0" }] })).await;
    assert_eq!(tried, json!({ "allowed": true, "matched": null, "default": "allow" }));
    assert_eq!(server.api.get(&path(&key)).await.expect(200)["change_seq"], key["change_seq"]);
    for (body, wanted) in [
        (json!({}), "/address"),
        (json!({ "address": "10.0.0.0/8" }), "/address"),
        (json!({ "address": "::1", "rules": [{ "action": "deny" }] }), "/rules/0/cidr"),
    ] {
        assert_eq!(server.api.post(&preview, body).await.wrong_fields(422, "INVALID_FIELDS"), [wanted]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_rules_are_tried_before_there_is_a_key_that_has_them() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let preview = format!("/v1/keyspaces/{keyspace}/ip-rules:preview");
    let rules = json!([{ "action": "allow", "cidr": "10.0.0.0/8" }]);
    let allowed = json!({ "index": 0, "action": "allow", "cidr": "10.0.0.0/8" });
    for (address, wanted) in [
        ("10.2.0.1", json!({ "allowed": true, "matched": allowed, "default": "deny" })),
        ("192.0.2.1", json!({ "allowed": false, "matched": null, "default": "deny" })),
    ] {
        let answer =
            server.api.post(&preview, json!({ "address": address, "rules": rules })).await.expect(200);
        assert_eq!(answer, wanted, "{address}");
    }
    for (body, wanted) in [
        (json!({ "rules": rules }), "/address"),
        (json!({ "address": "::1" }), "/rules"),
        (json!({ "address": "::1", "rules": [{ "action": "deny" }] }), "/rules/0/cidr"),
    ] {
        assert_eq!(server.api.post(&preview, body).await.wrong_fields(422, "INVALID_FIELDS"), [wanted]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_wrong_rules_are_named_where_they_stand_and_stale_writers_are_refused() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({})).await;
    let rules = format!("{}/ip-rules", path(&key));
    let rule = |cidr: &str| json!({ "action": "allow", "cidr": cidr });
    let bad =
        json!([rule("10.0.0.1/8"), rule("10.0.0.1/33"), { "action": "block", "cidr": "::/0", "weight": 1 }]);
    assert_eq!(
        server.api.put(&rules, json!({ "rules": bad })).await.wrong_fields(422, "INVALID_FIELDS"),
        ["/rules/2/weight", "/rules/0/cidr", "/rules/1/cidr", "/rules/2/action"]
    );
    assert_eq!(server.api.put(&rules, json!({})).await.wrong_fields(422, "INVALID_FIELDS"), ["/rules"]);
    let in_key = server.api.patch(&path(&key), json!({ "ip_rules": [rule("x")] })).await;
    assert_eq!(in_key.wrong_fields(422, "INVALID_FIELDS"), ["/ip_rules/0/cidr"]);

    let many: Vec<_> = (0..=256).map(|n| rule(&format!("10.{}.{}.0/24", n / 256, n % 256))).collect();
    assert_eq!(
        server.api.put(&rules, json!({ "rules": many })).await.wrong_fields(422, "INVALID_FIELDS"),
        ["/rules"]
    );
    server.api.put(&rules, json!({ "rules": many[..256] })).await.expect(200);
    let stale = server
        .api
        .request(reqwest::Method::PUT, &rules)
        .header("if-match", "\"2\"")
        .header("content-type", "application/json")
        .body(json!({ "rules": [] }).to_string());
    crate::support::api::read(stale.send().await.unwrap()).await.problem(412, "PRECONDITION_FAILED");
    server.api.delete(&path(&key)).await.expect(200);
    server.api.put(&rules, json!({ "rules": [] })).await.problem(409, "KEY_REVOKED");
}
