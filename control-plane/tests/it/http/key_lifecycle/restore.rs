use latchkey_control_plane::domain::Timestamp;
use serde_json::{Value, json};

use super::path;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn k7_a_revoked_key_can_be_restored_for_the_retention_time() {
    let (server, clock) = Server::start_at(Timestamp::parse("2027-01-01T00:00:00Z").unwrap()).await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "retention_days": 2 })).await;
    let key = server.api.key(&keyspace, json!({ "name": "A" })).await;
    let restore = format!("{}:restore", path(&key));
    server.api.post(&restore, json!({})).await.problem(409, "NOT_REVOKED");
    let revoked = server.api.delete(&format!("{}?reason=admin&note=oops", path(&key))).await.expect(200);
    assert_eq!((&revoked["revoked_reason"], &revoked["revoked_note"]), (&json!("admin"), &json!("oops")));
    let rotate = format!("{}:rotate", path(&key));
    server.api.post(&rotate, json!({})).await.problem(409, "KEY_REVOKED");
    clock.advance_seconds(2 * 86_400 - 1);
    let restored = server.api.post(&restore, json!({})).await.expect(200);
    assert_eq!((&restored["status"], &restored["revoked_at"]), (&json!("active"), &Value::Null));
    assert_eq!((&restored["revoked_reason"], &restored["revoked_note"]), (&Value::Null, &Value::Null));
    assert_eq!(restored["secrets"], key["secrets"]);
    server.api.delete(&path(&key)).await.expect(200);
    // Its name may have been given away meanwhile.
    let heir = server.api.key(&keyspace, json!({ "name": "A" })).await;
    let problem = server.api.post(&restore, json!({})).await.problem(409, "NAME_TAKEN");
    assert!(problem["detail"].as_str().unwrap().contains(heir["id"].as_str().unwrap()));
    server.api.delete(&path(&heir)).await.expect(200);
    clock.advance_seconds(2 * 86_400);
    server.api.post(&restore, json!({})).await.problem(409, "RETENTION_PASSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn k7_a_key_that_leaked_is_never_restored_even_if_that_was_learnt_later() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    for first_reason in ["leaked", "holder"] {
        let key = server.api.key(&keyspace, json!({})).await;
        let first = server.api.delete(&format!("{}?reason={first_reason}", path(&key))).await.expect(200);
        let leaked = server.api.delete(&format!("{}?reason=leaked", path(&key))).await.expect(200);
        assert_eq!(
            (&leaked["revoked_reason"], &leaked["revoked_at"]),
            (&json!("leaked"), &first["revoked_at"])
        );
        let restore = format!("{}:restore", path(&key));
        server.api.post(&restore, json!({})).await.problem(409, "LEAKED_KEY");
        // And no later reason makes it look harmless.
        let kept = server.api.delete(&format!("{}?reason=admin", path(&key))).await.expect(200);
        assert_eq!(kept["revoked_reason"], "leaked");
    }
}
