//! Events that wait for a webhook: a receiver that is gone costs no delivery for each event, and hears of all of it when it is back.

use latchkey_control_plane::domain::webhook::WINDOW;
use latchkey_control_plane::jobs;
use serde_json::json;

use super::{Failing, START, hook, key, keyspace, noted, of_keys};
use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::server::Server;

const DAY: i64 = 86_400;

/// What a look into the database counts.
fn count(server: &Server, sql: &str) -> i64 {
    server.database().query_row(&format!("SELECT count(*) FROM {sql}"), [], |row| row.get(0)).unwrap()
}

/// Takes in so many keys at once. The keyspace has to take foreign tokens.
async fn import(server: &Server, keyspace: &str, keys: i64) {
    let line = |number: i64| {
        let digest = hex::encode(latchkey_token::digest(&number.to_le_bytes()).0);
        format!("{}\n", json!({ "external_id": number.to_string(), "digest": digest }))
    };
    let answer = server.api.import(keyspace, (0..keys).map(line).collect()).await;
    assert_eq!(answer.lines().pop().unwrap()["created"], keys, "{}", answer.text);
}

async fn keys(server: &Server, keyspace: &str, count: usize) -> Vec<String> {
    let mut made = Vec::new();
    for _ in 0..count {
        made.push(key(server, keyspace).await);
    }
    made
}

async fn come(receiver: &Receiver, keys: &[String]) {
    for key in keys {
        eventually("it has come", async || (!receiver.taken_of(key).is_empty()).then_some(())).await;
    }
}

/// The ids of what came, and how many of them there are.
fn distinct(receiver: &Receiver) -> (usize, usize) {
    let mut ids: Vec<_> = receiver.received().into_iter().map(|one| one.id).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    (ids.len(), all)
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_for_a_receiver_that_fails_events_wait_without_deliveries_until_it_answers() {
    let (server, clock) = Server::start_at(START).await;
    let (failing, other) = (Receiver::start().await, Receiver::start().await);
    failing.always_answer(Some(500));
    let path = hook(&server, &failing, of_keys()).await;
    hook(&server, &other, of_keys()).await;
    let keyspace = keyspace(&server).await;
    let first = key(&server, &keyspace).await;
    noted(&server, &path, 1).await;
    let waiting = keys(&server, &keyspace, 60).await;
    come(&other, &waiting).await;
    let tried = failing.received().len() as i64;
    let made = count(&server, "deliveries") - 61;
    assert!(made <= tried + 3, "of 61 events {made} have deliveries, and {tried} were tried");
    failing.always_answer(None);
    clock.advance_seconds(7);
    come(&failing, &waiting).await;
    come(&failing, &[first]).await;
    let none_waits = async || (count(&server, "webhook_backlogs") == 0).then_some(());
    eventually("it has caught up", none_waits).await;
    let last = keys(&server, &keyspace, 1).await;
    come(&failing, &last).await;
    assert_eq!(count(&server, "deliveries"), 2 * 62, "each event had one delivery for each of the two");
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_no_more_deliveries_wait_for_a_receiver_than_may_and_the_rest_comes_too_once_each() {
    let server = Server::start().await;
    let (silent, quick) = (Receiver::start().await, Receiver::start().await);
    silent.fall_silent();
    hook(&server, &silent, of_keys()).await;
    hook(&server, &quick, of_keys()).await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "foreign_tokens": true })).await;
    let events = 10 * i64::from(WINDOW);
    import(&server, &keyspace, events).await;
    quick.wait_for(events as usize).await;
    let none_waits = async || (count(&server, "webhook_backlogs WHERE until IS NULL") == 1).then_some(());
    eventually("only the silent one is behind", none_waits).await;
    assert_eq!(distinct(&quick), (events as usize, events as usize));
    assert_eq!(count(&server, "deliveries"), events + i64::from(WINDOW));
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_what_waited_when_a_webhook_was_switched_off_by_itself_can_be_sent_again_since_a_time() {
    let Failing { server, clock, receiver, path, keyspace, .. } = Failing::start().await;
    let early = keys(&server, &keyspace, 20).await;
    clock.advance_seconds(DAY);
    let late = keys(&server, &keyspace, 20).await;
    clock.advance_seconds(5 * DAY);
    eventually("it is switched off", async || {
        (server.api.get(&path).await.expect(200)["enabled"] == false).then_some(())
    })
    .await;
    receiver.always_answer(None);
    key(&server, &keyspace).await;
    server.api.patch(&path, json!({ "enabled": true })).await.expect(200);
    let now = keys(&server, &keyspace, 1).await;
    come(&receiver, &now).await;
    let taken = |keys: &[String]| keys.iter().filter(|key| !receiver.taken_of(key).is_empty()).count();
    assert_eq!((taken(&early), taken(&late)), (0, 0), "what was given up is not sent by itself");
    for (since, waited) in [(START.plus_days(1), &late), (START, &early)] {
        let since = json!({ "since": since.to_string() });
        server.api.post(&format!("{path}:resend-failed"), since).await.expect(202);
        come(&receiver, waited).await;
        if waited[0] == late[0] {
            assert!(taken(&early) < 20, "what waited since before that time came too");
        }
    }
    let all = receiver.received().into_iter().filter(|one| one.answered.is_success()).count();
    assert_eq!(all, 1 + 20 + 20 + 1, "each once, and what happened while it was off not at all");
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_what_waits_when_somebody_switches_a_webhook_off_comes_first_when_it_is_on_again() {
    let Failing { server, clock, receiver, path, key: first, .. } = Failing::start().await;
    let key_path = format!("/v1/keys/{first}");
    server.api.patch(&key_path, json!({ "name": "Waits" })).await.expect(200);
    server.api.patch(&path, json!({ "enabled": false })).await.expect(200);
    server.api.patch(&key_path, json!({ "name": "Nobody hears of this" })).await.expect(200);
    receiver.always_answer(None);
    clock.advance_seconds(7);
    server.api.patch(&path, json!({ "enabled": true })).await.expect(200);
    server.api.delete(&key_path).await.expect(200);
    let wanted = ["key.created", "key.updated", "key.revoked"];
    eventually("all has come", async || (receiver.taken_of(&first).len() >= wanted.len()).then_some(()))
        .await;
    assert_eq!(receiver.taken_of(&first), wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_webhook_that_was_moved_sends_nothing_more_to_its_old_address() {
    let (server, clock) = Server::start_at(START).await;
    let (old, new) = (Receiver::start().await, Receiver::start().await);
    old.always_answer(Some(500));
    let path = hook(&server, &old, of_keys()).await;
    let keyspace = keyspace(&server).await;
    let made = keys(&server, &keyspace, 40).await;
    noted(&server, &path, 2).await;
    server.api.patch(&path, json!({ "url": new.url })).await.expect(200);
    come(&new, &made[20..]).await;
    let before = old.received().len();
    clock.advance_seconds(7);
    come(&new, &made).await;
    assert_eq!(old.received().len(), before);
    assert!(before < 20, "what was read before the change went on to the old address: {before}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_an_event_is_kept_as_long_as_its_youngest_delivery() {
    let Failing { server, clock, receiver, path, key: first, .. } = Failing::start().await;
    server.api.patch(&format!("/v1/keys/{first}"), json!({ "name": "Waits" })).await.expect(200);
    server.api.patch(&path, json!({ "enabled": false })).await.expect(200);
    receiver.always_answer(None);
    clock.advance_seconds(29 * DAY);
    server.api.patch(&path, json!({ "enabled": true })).await.expect(200);
    eventually("both have come", async || (receiver.taken_of(&first).len() == 2).then_some(())).await;
    noted(&server, &path, 3).await;
    clock.advance_seconds(2 * DAY);
    jobs::forget_deliveries(&server.app).await.unwrap();
    let list = server.api.get(&format!("{path}/deliveries")).await.expect(200);
    let kinds: Vec<_> = list["data"].as_array().unwrap().iter().map(|one| one["type"].clone()).collect();
    assert!(kinds.contains(&json!("key.updated")), "the log has lost one: {kinds:?}");
}
