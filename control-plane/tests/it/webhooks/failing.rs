use serde_json::{Value, json};

use super::{Failing, START, hook, key, keyspace, noted, of_keys};
use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn w1_what_fails_is_tried_again_under_the_same_id_and_the_log_has_every_attempt() {
    let (server, clock) = Server::start_at(START).await;
    let receiver = Receiver::start().await;
    receiver.answer(&[500, 404]);
    let path = hook(&server, &receiver, of_keys()).await;
    let keyspace = keyspace(&server).await;
    let key = key(&server, &keyspace).await;
    noted(&server, &path, 1).await;
    // Five seconds and a fifth at most, then five minutes and a fifth.
    clock.advance_seconds(7);
    noted(&server, &path, 2).await;
    clock.advance_seconds(361);
    let received = receiver.wait_for(3).await;
    assert!(received.iter().all(|one| one.id == received[0].id && one.body == received[0].body));

    let list = eventually("the log knows", async || {
        let list = server.api.get(&format!("{path}/deliveries?status=delivered")).await.expect(200);
        (list["data"].as_array().unwrap().len() == 1).then_some(list)
    })
    .await;
    let delivery = &list["data"][0];
    assert_eq!((&delivery["attempts"], &delivery["key_id"]), (&json!(3), &json!(key)));
    let record = format!("{path}/deliveries/{}", delivery["id"].as_str().unwrap());
    let record = server.api.get(&record).await.expect(200);
    let statuses: Vec<_> = record["attempts_made"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["response_status"].clone())
        .collect();
    assert_eq!(statuses, [500, 404, 200]);
    assert_eq!(record["attempts_made"][0]["response_body"], "thanks");
    assert_eq!(record["payload"], received[0].body);
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_short_outage_changes_no_order_and_one_event_that_fails_on_holds_up_nothing() {
    let (server, clock) = Server::start_at(START).await;
    let receiver = Receiver::start().await;
    let path = hook(&server, &receiver, of_keys()).await;
    let keyspace = keyspace(&server).await;
    receiver.answer(&[503]);
    let one = key(&server, &keyspace).await;
    noted(&server, &path, 1).await;
    server.api.patch(&format!("/v1/keys/{one}"), json!({ "name": "Other" })).await.expect(200);
    let other = key(&server, &keyspace).await;
    eventually("another key's event has come", async || (receiver.taken_of(&other).len() == 1).then_some(()))
        .await;
    assert!(receiver.taken_of(&one).is_empty(), "the second waits for the first");
    clock.advance_seconds(7);
    eventually("both have come", async || (receiver.taken_of(&one).len() == 2).then_some(())).await;
    assert_eq!(receiver.taken_of(&one), ["key.created", "key.updated"]);

    receiver.answer(&[503, 503]);
    server.api.patch(&format!("/v1/keys/{one}"), json!({ "name": "A third" })).await.expect(200);
    let before = receiver.received().len();
    receiver.wait_for(before + 1).await;
    noted(&server, &path, before as u64 + 1).await;
    clock.advance_seconds(7);
    noted(&server, &path, before as u64 + 2).await;
    server.api.delete(&format!("/v1/keys/{one}")).await.expect(200);
    eventually("the revocation overtakes what fails", async || {
        receiver.taken_of(&one).contains(&"key.revoked".to_owned()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_receiver_that_is_gone_is_switched_off_and_an_event_says_so() {
    let server = Server::start().await;
    let (gone, other) = (Receiver::start().await, Receiver::start().await);
    gone.always_answer(Some(410));
    let path = hook(&server, &gone, json!({ "events": ["key.created"] })).await;
    hook(&server, &other, json!({ "events": ["webhook.disabled"] })).await;
    let keyspace = keyspace(&server).await;
    key(&server, &keyspace).await;
    let told = other.wait_for(1).await.remove(0);
    assert_eq!((&told.body["data"]["disabled_reason"], told.kind()), (&json!("gone"), "webhook.disabled"));
    let webhook = server.api.get(&path).await.expect(200);
    assert_eq!((&webhook["enabled"], &webhook["disabled_reason"]), (&json!(false), &json!("gone")));
    key(&server, &keyspace).await;
    let enabled = server.api.patch(&path, json!({ "enabled": true })).await.expect(200);
    assert_eq!(enabled["disabled_reason"], Value::Null);
    gone.always_answer(None);
    let third = key(&server, &keyspace).await;
    eventually("it hears again", async || (!gone.taken_of(&third).is_empty()).then_some(())).await;
    assert_eq!(gone.received().len(), 2, "of nothing that happened meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_five_days_of_failure_switch_a_webhook_off_and_what_failed_can_be_sent_again() {
    let Failing { server, clock, receiver, path, keyspace, key: first } = Failing::start().await;
    assert!(server.api.get(&path).await.expect(200)["failing_since"].is_string());
    clock.advance_seconds(4 * 86_400);
    let second = key(&server, &keyspace).await;
    // The first again, and the second.
    noted(&server, &path, 3).await;
    assert_eq!(server.api.get(&path).await.expect(200)["enabled"], true);
    clock.advance_seconds(86_400);
    let webhook = eventually("it is switched off", async || {
        let webhook = server.api.get(&path).await.expect(200);
        (webhook["enabled"] == false).then_some(webhook)
    })
    .await;
    assert_eq!(webhook["disabled_reason"], "failing");
    let failed = server.api.get(&format!("{path}/deliveries?status=failed")).await.expect(200);
    assert_eq!(failed["data"].as_array().unwrap().len(), 2, "{failed}");

    receiver.always_answer(None);
    server.api.patch(&path, json!({ "enabled": true })).await.expect(200);
    let since = json!({ "since": START.to_string() });
    let resent = server.api.post(&format!("{path}:resend-failed"), since).await.expect(202);
    assert_eq!(resent["deliveries"], 2);
    for key in [first, second] {
        eventually("it is taken", async || (receiver.taken_of(&key).len() == 1).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_after_28_hours_a_delivery_is_given_up() {
    let Failing { server, clock, receiver: _receiver, path, .. } = Failing::start().await;
    for attempt in 1..=8 {
        noted(&server, &path, attempt).await;
        clock.advance_seconds(43_201);
    }
    let failed = eventually("it is given up", async || {
        let failed = server.api.get(&format!("{path}/deliveries?status=failed")).await.expect(200);
        failed["data"].get(0).cloned()
    })
    .await;
    assert_eq!((&failed["attempts"], &failed["next_attempt_at"]), (&json!(8), &Value::Null));
}
