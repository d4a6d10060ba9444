//! What webhooks are told, and what happens if nobody takes it.

mod backlog;
mod delivery;
mod events;
mod failing;
mod log;

use std::sync::Arc;

use latchkey_control_plane::domain::Timestamp;
use latchkey_control_plane::domain::clock::ManualClock;
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::server::Server;

/// When the clock of a test begins that moves it.
const START: Timestamp = Timestamp(1_900_000_000_000);

/// A webhook of keys whose receiver answers 500, and has been told once: of the first key.
struct Failing {
    server: Server,
    clock: Arc<ManualClock>,
    receiver: Receiver,
    path: String,
    keyspace: String,
    key: String,
}

impl Failing {
    async fn start() -> Self {
        let (server, clock) = Server::start_at(START).await;
        let receiver = Receiver::start().await;
        receiver.always_answer(Some(500));
        let path = hook(&server, &receiver, of_keys()).await;
        let keyspace = keyspace(&server).await;
        let key = key(&server, &keyspace).await;
        noted(&server, &path, 1).await;
        Self { server, clock, receiver, path, keyspace, key }
    }
}

/// Makes a webhook that leads to a receiver, and returns its path.
async fn hook(server: &Server, receiver: &Receiver, mut settings: Value) -> String {
    settings["url"] = receiver.url.as_str().into();
    let made = server.api.post("/v1/webhooks", settings).await.expect(201);
    format!("/v1/webhooks/{}", made["id"].as_str().unwrap())
}

/// The settings of a webhook that hears of keys alone; one that hears of everything is told of snapshots at their own times.
fn of_keys() -> Value {
    let types = ["created", "updated", "disabled", "enabled", "rotated", "revoked", "restored"];
    json!({ "events": types.map(|kind| format!("key.{kind}")) })
}

async fn keyspace(server: &Server) -> String {
    server.api.keyspace(json!({ "name": "Demo" })).await
}

/// Makes a key and returns its id.
async fn key(server: &Server, keyspace: &str) -> String {
    server.api.key(keyspace, json!({})).await["id"].as_str().unwrap().to_owned()
}

/// Waits until so many attempts of all deliveries of a webhook are noted. A clock that is moved before that moves them too.
async fn noted(server: &Server, path: &str, attempts: u64) {
    eventually(&format!("{attempts} attempts are noted"), async || {
        let list = server.api.get(&format!("{path}/deliveries?limit=100")).await.expect(200);
        let counts = list["data"].as_array().unwrap().iter().map(|one| one["attempts"].as_u64().unwrap());
        (counts.sum::<u64>() >= attempts).then_some(())
    })
    .await;
}
