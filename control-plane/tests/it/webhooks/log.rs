use latchkey_control_plane::domain::Timestamp;
use latchkey_control_plane::jobs;
use serde_json::json;

use super::{hook, key, keyspace, of_keys};
use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn w2_a_test_event_goes_to_its_webhook_alone_and_its_outcome_is_seen() {
    let server = Server::start().await;
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let path = hook(&server, &receiver, json!({ "events": ["key.leaked"] })).await;
    hook(&server, &other, of_keys()).await;
    let sent = server.api.post(&format!("{path}:test"), json!({})).await.expect(202);
    let received = receiver.wait_for(1).await.remove(0);
    assert_eq!((received.kind(), received.id.as_str()), ("webhook.test", sent["event_id"].as_str().unwrap()));
    let delivery = format!("{path}/deliveries/{}", sent["id"].as_str().unwrap());
    let record = eventually("the log knows", async || {
        let record = server.api.get(&delivery).await.expect(200);
        (record["status"] == "delivered").then_some(record)
    })
    .await;
    assert_eq!(record["last_response_status"], 200);
    assert!(other.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_a_delivered_event_can_be_sent_again_and_keeps_its_id() {
    let (server, receiver) = (Server::start().await, Receiver::start().await);
    let path = hook(&server, &receiver, of_keys()).await;
    let keyspace = keyspace(&server).await;
    key(&server, &keyspace).await;
    receiver.wait_for(1).await;
    let delivered = eventually("the log knows", async || {
        let list = server.api.get(&format!("{path}/deliveries?status=delivered")).await.expect(200);
        list["data"].get(0).cloned()
    })
    .await;
    let delivery = format!("{path}/deliveries/{}", delivered["id"].as_str().unwrap());
    server.api.post(&format!("{delivery}:resend"), json!({})).await.expect(202);
    let received = receiver.wait_for(2).await;
    assert_eq!(received[0].id, received[1].id);
    eventually("both attempts are in the log", async || {
        let record = server.api.get(&delivery).await.expect(200);
        (record["attempts_made"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    let missing = format!("{path}/deliveries/dlv_0000000000001:resend");
    server.api.post(&missing, json!({})).await.problem(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_the_log_is_forgotten_after_30_days_and_that_of_a_deleted_webhook_at_once() {
    let (server, clock) = Server::start_at(Timestamp(1_900_000_000_000)).await;
    let receiver = Receiver::start().await;
    let path = hook(&server, &receiver, of_keys()).await;
    let deleted = hook(&server, &receiver, of_keys()).await;
    let keyspace = keyspace(&server).await;
    let database = server.database();
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        database.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    key(&server, &keyspace).await;
    eventually("both are noted", async || (count("delivery_attempts") == 2).then_some(())).await;
    server.api.delete(&deleted).await.expect(204);
    jobs::forget_deliveries(&server.app).await.unwrap();
    assert_eq!([count("deliveries"), count("delivery_attempts"), count("webhooks")], [1, 1, 1]);

    clock.advance_seconds(29 * 86_400);
    key(&server, &keyspace).await;
    eventually("it is noted", async || (count("delivery_attempts") == 2).then_some(())).await;
    clock.advance_seconds(2 * 86_400);
    jobs::forget_deliveries(&server.app).await.unwrap();
    assert_eq!([count("deliveries"), count("delivery_attempts"), count("events")], [1, 1, 1]);
    let list = server.api.get(&format!("{path}/deliveries")).await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
}
