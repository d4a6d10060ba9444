use latchkey_control_plane::domain::Timestamp;
use latchkey_control_plane::jobs;
use serde_json::json;

use super::path;
use crate::support::server::Server;

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn l2_the_calendar_gives_once_for_every_day_week_and_month_however_often_it_is_looked_at() {
    // A Saturday.
    let start = Timestamp::parse("2027-01-30T22:00:00Z").unwrap();
    let (server, clock) = Server::start_at(start).await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server
        .api
        .key(
            &keyspace,
            json!({
                "credits": [], "expires_at": null,
                "refills": [
                    { "unit": "daily", "amount": 10, "every": "day", "up_to": 25 },
                    { "unit": "weekly", "amount": 100, "every": "week" },
                    { "unit": "monthly", "amount": 1000, "every": "month" },
                ],
            }),
        )
        .await;
    assert_eq!(key["refills"][0]["next_at"], "2027-01-31T00:00:00.000Z");
    assert_eq!(key["refills"][1]["next_at"], "2027-02-01T00:00:00.000Z");
    let other = server.api.key(&keyspace, json!({ "credits": [{ "unit": "daily", "amount": 1 }] })).await;
    let granted = async || {
        let key = server.api.get(&path(&key)).await.expect(200);
        let of = |unit: &str| {
            let all = key["credits"].as_array().unwrap();
            all.iter().find(|one| one["unit"] == unit).map_or(0, |one| one["granted"].as_u64().unwrap())
        };
        [of("daily"), of("weekly"), of("monthly")]
    };
    assert_eq!(jobs::refill(&server.app).await.unwrap(), 0);
    assert_eq!(granted().await, [0, 0, 0]);

    clock.advance_seconds(2 * 3_600 - 1);
    assert_eq!(jobs::refill(&server.app).await.unwrap(), 0);
    clock.advance_seconds(1);
    let before = server.audit_rows().await.len();
    assert_eq!(jobs::refill(&server.app).await.unwrap(), 1);
    assert_eq!(jobs::refill(&server.app).await.unwrap(), 0);
    assert_eq!(granted().await, [10, 0, 0]);
    let rows = server.audit_rows().await.split_off(before);
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.actor.as_str(), row.action.as_str()), ("system", "key.refilled"));
    assert!(row.after.contains(r#""deltas":[{"amount":10,"unit":"daily"}]"#), "{}", row.after);

    // A Monday and the first of a month at once.
    clock.advance_seconds(DAY);
    assert_eq!(jobs::refill(&server.app).await.unwrap(), 1);
    assert_eq!(granted().await, [20, 100, 1000]);

    // Ten days without anybody looking: the week comes once, the daily one up to its bound.
    clock.advance_seconds(10 * DAY);
    assert_eq!(jobs::refill(&server.app).await.unwrap(), 1);
    assert_eq!(granted().await, [25, 200, 1000]);

    // Nothing is left to give: that leaves no trace, and does not come up again.
    let (before, change_seq) = (server.audit_rows().await.len(), key["change_seq"].clone());
    clock.advance_seconds(DAY);
    assert_eq!(jobs::refill(&server.app).await.unwrap(), 0);
    assert_eq!(server.audit_rows().await.len(), before);
    assert_ne!(server.api.get(&path(&key)).await.expect(200)["change_seq"], change_seq);
    assert_eq!(server.api.get(&path(&other)).await.expect(200)["credits"][0]["granted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_clock_that_goes_back_gives_nothing_twice() {
    let start = Timestamp::parse("2027-01-01T12:00:00Z").unwrap();
    let (server, clock) = Server::start_at(start).await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let refills = json!([{ "unit": "calls", "amount": 10, "every": "day" }]);
    let key = server.api.key(&keyspace, json!({ "credits": [], "refills": refills })).await;
    let granted = async || server.api.get(&path(&key)).await.expect(200)["credits"][0]["granted"].clone();
    clock.advance_seconds(DAY);
    assert_eq!(jobs::refill(&server.app).await.unwrap(), 1);
    clock.advance_seconds(-DAY);
    assert_eq!(jobs::refill(&server.app).await.unwrap(), 0);
    // Writing the same list again must not begin the day again either.
    server.api.patch(&path(&key), json!({ "refills": refills })).await.expect(200);
    clock.advance_seconds(DAY);
    assert_eq!(jobs::refill(&server.app).await.unwrap(), 0);
    assert_eq!(granted().await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_refills_are_for_keys_with_credits_and_wait_while_a_key_is_revoked() {
    let start = Timestamp::parse("2027-01-01T12:00:00Z").unwrap();
    let (server, clock) = Server::start_at(start).await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let refill = json!([{ "unit": "calls", "amount": 10, "every": "day" }]);
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    let answer = server.api.post(&keys, json!({ "refills": refill })).await;
    assert_eq!(answer.wrong_fields(422, "INVALID_FIELDS"), ["/refills"]);
    let bad = json!([{ "unit": "calls", "amount": 0, "every": "hour", "up_to": 0 }]);
    let answer = server.api.post(&keys, json!({ "credits": [], "refills": bad })).await;
    assert_eq!(
        answer.wrong_fields(422, "INVALID_FIELDS"),
        ["/refills/0/amount", "/refills/0/up_to", "/refills/0/every"]
    );
    let key = server.api.key(&keyspace, json!({ "credits": [], "refills": refill })).await;
    server.api.delete(&path(&key)).await.expect(200);
    clock.advance_seconds(DAY);
    assert_eq!(jobs::refill(&server.app).await.unwrap(), 0);
    server.api.post(&format!("{}:restore", path(&key)), json!({})).await.expect(200);
    assert_eq!(jobs::refill(&server.app).await.unwrap(), 1);
    let unlimited = server.api.patch(&path(&key), json!({ "credits": null })).await.expect(200);
    assert_eq!(unlimited["refills"], json!([]));
    clock.advance_seconds(DAY);
    assert_eq!(jobs::refill(&server.app).await.unwrap(), 0);
}
