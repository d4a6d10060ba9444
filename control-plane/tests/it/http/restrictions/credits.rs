use rusqlite::params;
use serde_json::{Value, json};

use super::path;
use crate::support::server::Server;

fn unit(name: &str, granted: u64, consumed: u64, written_off: u64) -> Value {
    let remaining = granted - consumed;
    json!({ "unit": name, "granted": granted, "consumed": consumed, "written_off": written_off, "remaining": remaining })
}

/// What a gate would report.
fn report(server: &Server, key: &Value, unit: &str, consumed: i64, written_off: i64) {
    let number = latchkey_snapshot::id::parse("key", key["id"].as_str().unwrap()).unwrap() as i64;
    let database = server.database();
    let sql = "INSERT OR REPLACE INTO reported_credits (key_id, unit, consumed, written_off, reported_at) \
               VALUES (?1, ?2, ?3, ?4, 0)";
    database.execute(sql, params![number, unit, consumed, written_off]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_key_without_credits_is_not_limited_and_one_with_them_gets_more_by_deltas() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    assert_eq!(server.api.key(&keyspace, json!({})).await["credits"], Value::Null);
    let grants = json!([{ "unit": "requests", "amount": 100 }]);
    let key = server.api.key(&keyspace, json!({ "credits": grants })).await;
    assert_eq!(key["credits"], json!([unit("requests", 100, 0, 0)]));

    let credits = format!("{}:credits", path(&key));
    let deltas = json!([{ "unit": "requests", "amount": 50 }, { "unit": "ada", "amount": 7 }]);
    let answer = server.api.post(&credits, json!({ "deltas": deltas, "note": "invoice 17" })).await;
    assert_eq!((answer.change_seq(), answer.header("etag").to_owned()), (4, "\"4\"".to_owned()));
    let wanted = json!([unit("ada", 7, 0, 0), unit("requests", 150, 0, 0)]);
    assert_eq!(answer.expect(200)["credits"], wanted);
    let row = server.audit_rows().await.pop().unwrap();
    let after: Value = serde_json::from_str(&row.after).unwrap();
    assert_eq!(
        (row.action.as_str(), &after["note"], &after["deltas"]),
        ("key.credited", &json!("invoice 17"), &deltas)
    );

    report(&server, &key, "requests", 120, 3);
    let wanted = json!([unit("ada", 7, 0, 0), unit("requests", 150, 120, 3)]);
    assert_eq!(server.api.get(&path(&key)).await.expect(200)["credits"], wanted);
    let listed = server.api.get(&format!("/v1/keyspaces/{keyspace}/keys")).await.expect(200);
    assert_eq!(listed["data"][0]["credits"], wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_what_was_used_cannot_be_taken_and_one_bad_delta_spoils_all() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let grants = json!([{ "unit": "requests", "amount": 100 }]);
    let key = server.api.key(&keyspace, json!({ "credits": grants })).await;
    let credits = format!("{}:credits", path(&key));
    report(&server, &key, "requests", 60, 0);
    let take = |amount: i64| json!({ "deltas": [{ "unit": "new", "amount": 5 }, { "unit": "requests", "amount": amount }] });
    let problem = server.api.post(&credits, take(-41)).await.problem(409, "CREDITS_BELOW_ZERO");
    assert!(problem["detail"].as_str().unwrap().contains("40 of requests"), "{problem}");
    assert_eq!(
        server.api.get(&path(&key)).await.expect(200)["credits"],
        json!([unit("requests", 100, 60, 0)])
    );
    let taken = server.api.post(&credits, take(-40)).await.expect(200);
    assert_eq!(taken["credits"], json!([unit("new", 5, 0, 0), unit("requests", 60, 60, 0)]));

    for (body, wanted) in [
        (json!({}), "/deltas"),
        (json!({ "deltas": [] }), "/deltas"),
        (json!({ "deltas": [{ "unit": "Requests", "amount": 1 }] }), "/deltas/0/unit"),
        (json!({ "deltas": [{ "unit": "a", "amount": 0 }] }), "/deltas/0/amount"),
        (json!({ "deltas": [{ "unit": "a", "amount": 1.5 }] }), "/deltas/0/amount"),
        (json!({ "deltas": [{ "unit": "a", "amount": 1_u64 << 53 }] }), "/deltas/0/amount"),
        (json!({ "deltas": [{ "unit": "requests", "amount": (1_u64 << 53) - 1 }] }), "/deltas/0/amount"),
        (json!({ "deltas": [{ "unit": "a", "amount": 1 }, { "unit": "a", "amount": 1 }] }), "/deltas/1/unit"),
    ] {
        let answer = server.api.post(&credits, body.clone()).await;
        let fields = answer.wrong_fields(422, "INVALID_FIELDS");
        assert_eq!(fields.first().map(String::as_str), Some(wanted), "{body}");
    }
    let patch = json!({ "credits": grants });
    assert_eq!(server.api.patch(&path(&key), patch).await.wrong_fields(422, "INVALID_FIELDS"), ["/credits"]);
    server.api.delete(&path(&key)).await.expect(200);
    server.api.post(&credits, take(1)).await.problem(409, "KEY_REVOKED");
}

/// A gate goes on counting what a key used, so what it was granted must not begin again at nothing.
#[tokio::test(flavor = "multi_thread")]
async fn l1_a_key_that_is_limited_again_goes_on_with_what_it_had_left() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({ "credits": [{ "unit": "requests", "amount": 100 }] })).await;
    report(&server, &key, "requests", 30, 0);
    let lifted = server.api.patch(&path(&key), json!({ "credits": null })).await.expect(200);
    assert_eq!((&lifted["credits"], &lifted["refills"]), (&Value::Null, &json!([])));
    let deltas = json!({ "deltas": [{ "unit": "requests", "amount": 5 }] });
    let again = server.api.post(&format!("{}:credits", path(&key)), deltas).await.expect(200);
    assert_eq!(again["credits"], json!([unit("requests", 105, 30, 0)]));
}
