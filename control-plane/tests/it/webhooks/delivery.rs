use std::time::{Duration, Instant};

use serde_json::json;

use super::{Failing, hook, key, keyspace, of_keys};
use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn w3_everything_that_happens_to_a_key_is_told_once_and_in_order() {
    let (server, receiver) = (Server::start().await, Receiver::start().await);
    hook(&server, &receiver, of_keys()).await;
    let keyspace = keyspace(&server).await;
    let key = key(&server, &keyspace).await;
    let path = format!("/v1/keys/{key}");
    for patch in
        [json!({ "name": "Other" }), json!({ "enabled": false }), json!({ "enabled": true, "tags": ["ci"] })]
    {
        server.api.patch(&path, patch).await.expect(200);
    }
    let token = server.api.post(&format!("{path}:rotate"), json!({})).await.expect(200);
    server.api.delete(&path).await.expect(200);
    server.api.post(&format!("{path}:restore"), json!({})).await.expect(200);
    let wanted = [
        "key.created",
        "key.updated",
        "key.disabled",
        "key.enabled",
        "key.updated",
        "key.rotated",
        "key.revoked",
        "key.restored",
    ];
    eventually("all of it is told", async || (receiver.taken_of(&key).len() >= wanted.len()).then_some(()))
        .await;
    assert_eq!(receiver.taken_of(&key), wanted);
    let received = receiver.received();
    let mut ids: Vec<_> = received.iter().map(|one| one.id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), received.len());
    let renamed = &received.iter().find(|one| one.kind() == "key.updated").unwrap().body;
    assert_eq!(
        (&renamed["data"]["changed"], &renamed["data"]["key"]["name"]),
        (&json!(["name"]), &json!("Other"))
    );
    assert_eq!(renamed["data"]["change_seq"], 3);
    let all = format!("{received:?}");
    assert!(!all.contains(token["secret"].as_str().unwrap()) && !all.contains("digest"));
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_webhook_hears_only_what_it_has_chosen_and_nothing_of_other_workspaces() {
    let (server, receiver) = (Server::start().await, Receiver::start().await);
    let (own, other) = (keyspace(&server).await, keyspace(&server).await);
    hook(&server, &receiver, json!({ "events": ["key.revoked"], "keyspaces": [own] })).await;
    let stranger = server.other_workspace();
    let theirs = stranger.keyspace(json!({ "name": "Theirs" })).await;
    for (api, keyspace) in [(&server.api, &other), (&stranger, &theirs), (&server.api, &own)] {
        let key = api.key(keyspace, json!({})).await;
        api.delete(&format!("/v1/keys/{}", key["id"].as_str().unwrap())).await.expect(200);
    }
    let received = receiver.wait_for(1).await;
    assert_eq!(received.len(), 1, "the last one came alone: {received:?}");
    assert_eq!(received[0].body["data"]["keyspace_id"], own.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_webhook_of_two_keyspaces_hears_of_both_and_of_no_third() {
    let (server, receiver) = (Server::start().await, Receiver::start().await);
    let (one, two) = (keyspace(&server).await, keyspace(&server).await);
    let three = keyspace(&server).await;
    let settings = json!({ "events": ["key.created"], "keyspaces": [one, two] });
    let path = hook(&server, &receiver, settings).await;
    let heard = async |count: usize| {
        // Events become deliveries in their order: when the last is there, so would be one too many before it.
        for keyspace in [&three, &one, &two] {
            key(&server, keyspace).await;
        }
        let received = receiver.wait_for(count).await;
        let new = received[count - 2..].iter().map(|one| one.body["data"]["keyspace_id"].clone());
        let mut new: Vec<_> = new.collect();
        new.sort_by_key(ToString::to_string);
        new
    };
    assert_eq!(heard(2).await, [json!(one), json!(two)]);
    server.api.patch(&path, json!({ "keyspaces": [two, three] })).await.expect(200);
    assert_eq!(heard(4).await, [json!(two), json!(three)]);
    let list = server.api.get(&format!("{path}/deliveries")).await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_without_a_listener_nothing_is_written_down() {
    let (server, receiver) = (Server::start().await, Receiver::start().await);
    let keyspace = keyspace(&server).await;
    let off = hook(&server, &receiver, json!({ "enabled": false, "events": ["key.created"] })).await;
    hook(&server, &receiver, json!({ "events": ["key.leaked"] })).await;
    key(&server, &keyspace).await;
    let database = server.database();
    let events =
        || database.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(events(), 0);
    server.api.patch(&off, json!({ "enabled": true })).await.expect(200);
    key(&server, &keyspace).await;
    assert_eq!(events(), 1);
    assert_eq!(receiver.wait_for(1).await.len(), 1, "it hears of nothing from before it was switched on");
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_receiver_that_never_answers_delays_no_other() {
    let server = Server::start().await;
    let (silent, other) = (Receiver::start().await, Receiver::start().await);
    silent.fall_silent();
    hook(&server, &silent, of_keys()).await;
    hook(&server, &other, of_keys()).await;
    let keyspace = keyspace(&server).await;
    let begun = Instant::now();
    for _ in 0..40 {
        key(&server, &keyspace).await;
    }
    other.wait_for(40).await;
    assert!(begun.elapsed() < Duration::from_secs(15), "the other waited as long as the silent one took");
    assert!(silent.received().len() < 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_what_was_pending_when_the_program_stopped_is_delivered_afterwards() {
    // The clock stands still: by itself nothing is tried again.
    let Failing { server, receiver, path, key, .. } = Failing::start().await;
    let first = receiver.received().remove(0);
    receiver.always_answer(None);
    let server = server.restart().await;
    let delivery = eventually("the attempt is noted", async || {
        let noted = server.api.get(&format!("{path}/deliveries")).await.expect(200);
        noted["data"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    server.api.post(&format!("{path}/deliveries/{delivery}:resend"), json!({})).await.expect(202);
    eventually("it is taken", async || (!receiver.taken_of(&key).is_empty()).then_some(())).await;
    assert_eq!(receiver.received().last().unwrap().id, first.id, "it is the same event");
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_while_secrets_overlap_each_delivery_is_signed_by_both() {
    let (server, clock) =
        Server::start_at(latchkey_control_plane::domain::Timestamp(1_900_000_000_000)).await;
    let receiver = Receiver::start().await;
    let path = hook(&server, &receiver, of_keys()).await;
    let keyspace = keyspace(&server).await;
    server.api.post(&format!("{path}:rotate-secret"), json!({ "overlap_seconds": 60 })).await.expect(200);
    key(&server, &keyspace).await;
    receiver.wait_for(1).await;
    clock.advance_seconds(61);
    key(&server, &keyspace).await;
    let entries: Vec<_> =
        receiver.wait_for(2).await.iter().map(|one| one.signature.split(' ').count()).collect();
    assert_eq!(entries, [2, 1]);
}
