//! Gates that do not take what is published, and what their word is worth.

use latchkey_control_plane::domain::{GateRefusal, GateUrl, Pause, Timestamp};
use serde_json::{Value, json};

use super::large::insert_keys;
use crate::support::eventually;
use crate::support::gate::{Fault, Gate, KNOWN, Picky, Says};
use crate::support::server::Server;

/// A keyspace with gates that have its first keys.
struct Scene {
    server: Server,
    gates: Vec<Gate>,
    keyspace: String,
    keys: Vec<Value>,
}

impl Scene {
    async fn new(gates: usize) -> Self {
        let server = Server::start().await;
        let mut started = Vec::new();
        for _ in 0..gates {
            started.push(Gate::start().await);
        }
        let urls: Vec<_> = started.iter().map(|gate| json!({ "url": gate.url })).collect();
        let keyspace = server.api.keyspace(json!({ "name": "Demo", "gates": urls })).await;
        for gate in &started {
            gate.trust(&server.api, &keyspace).await;
        }
        let mut scene = Self { server, gates: started, keyspace, keys: Vec::new() };
        for _ in 0..3 {
            let key = scene.key().await;
            scene.keys.push(key);
        }
        for gate in 0..gates {
            scene.says(gate, &scene.keys[2], KNOWN).await;
        }
        scene
    }

    async fn key(&self) -> Value {
        self.server.api.key(&self.keyspace, json!({ "owner": "acme" })).await
    }

    /// Puts a policy that no gate has seen.
    async fn new_policy(&self) {
        let policy = json!({ "routes": [{ "method": "GET", "path": "/new", "permission": "new:read" }] });
        self.server.api.put(&format!("/v1/keyspaces/{}/policy", self.keyspace), policy).await.expect(200);
    }

    async fn propagation(&self) -> Value {
        self.server.api.get(&format!("/v1/keyspaces/{}/propagation", self.keyspace)).await.expect(200)
    }

    async fn paused(&self) -> Value {
        eventually("publishing is paused", async || {
            Some(self.propagation().await["paused"].clone()).filter(Value::is_object)
        })
        .await
    }

    async fn revoke(&self, key: &Value) {
        self.server.api.delete(&format!("/v1/keys/{}", key["id"].as_str().unwrap())).await.expect(200);
    }

    async fn resume(&self) -> crate::support::api::Answer {
        let path = format!("/v1/keyspaces/{}/snapshot:resume", self.keyspace);
        self.server.api.post(&path, json!({ "reason": "the gates are newer now" })).await
    }

    async fn says(&self, gate: usize, key: &Value, wanted: Says) {
        let token = key["secret"].as_str().unwrap();
        eventually(&format!("gate {gate} says {wanted:?}"), async || {
            (self.gates[gate].ask(token) == wanted).then_some(())
        })
        .await;
    }

    async fn metric(&self, name: &str) -> bool {
        let text = self.server.api.get("/metrics").await.text;
        text.lines().any(|line| line.starts_with(name) && line.ends_with(" 1"))
    }
}

async fn everything_waits_but_revocations(picky: Picky) {
    let scene = Scene::new(1).await;
    scene.gates[0].take_no_other_policy(picky);
    scene.new_policy().await;
    let paused = scene.paused().await;
    assert_eq!((&paused["code"], &paused["confirmed"]), (&json!("POLICY_INVALID"), &json!(false)));
    assert!(scene.metric("latchkey_publisher_held{").await);

    // Revocations go on, over the policy that the gate has; what was made meanwhile waits.
    let new = scene.key().await;
    scene.revoke(&scene.keys[0]).await;
    scene.says(0, &scene.keys[0], Says::Revoked).await;
    assert_eq!(scene.gates[0].ask(scene.keys[1]["secret"].as_str().unwrap()), KNOWN);
    assert_eq!(scene.gates[0].ask(new["secret"].as_str().unwrap()), Says::Unknown);
    let seen = scene.propagation().await;
    assert!(seen["gates"][0]["applied_change_seq"].as_u64() < new["change_seq"].as_u64(), "{seen}");
    assert_eq!(seen["gates"][0]["applied_change_seq"], seen["change_seq"], "the gate has what it could have");

    // A restart changes nothing.
    let Scene { server, gates, keyspace, keys } = scene;
    let scene = Scene { server: server.restart().await, gates, keyspace, keys };
    scene.paused().await;
    scene.revoke(&scene.keys[1]).await;
    scene.says(0, &scene.keys[1], Says::Revoked).await;
    assert_eq!(scene.gates[0].ask(new["secret"].as_str().unwrap()), Says::Unknown);
    let owners = format!("/v1/keyspaces/{}/owners:revoke", scene.keyspace);
    scene.server.api.post(&owners, json!({ "owner": "acme", "reason": "fraud" })).await.expect(200);
    scene.says(0, &scene.keys[2], Says::Revoked).await;

    let last = scene.server.api.key(&scene.keyspace, json!({})).await;
    scene.gates[0].take_any_policy();
    scene.resume().await.expect(204);
    scene.says(0, &last, KNOWN).await;
    for key in &scene.keys {
        assert_eq!(scene.gates[0].ask(key["secret"].as_str().unwrap()), Says::Revoked);
    }
    assert_eq!(scene.propagation().await["paused"], Value::Null);
    scene.resume().await.problem(409, "NOT_PAUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_what_the_only_gate_refuses_is_given_up_and_everything_waits_but_revocations() {
    everything_waits_but_revocations(Picky::Relay).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_what_isolates_refuse_behind_a_relay_that_took_it_is_given_up_too() {
    everything_waits_but_revocations(Picky::Isolate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_a_base_that_is_refused_is_given_up_for_the_one_before_over_a_restart_too() {
    let scene = Scene::new(1).await;
    scene.gates[0].take_no_other_base();
    insert_keys(&scene.server, &scene.keyspace);
    let new = scene.key().await;
    assert_eq!(scene.paused().await["code"], "NOT_CANONICAL");
    scene.revoke(&scene.keys[0]).await;
    scene.says(0, &scene.keys[0], Says::Revoked).await;

    let Scene { server, gates, keyspace, keys } = scene;
    let scene = Scene { server: server.restart().await, gates, keyspace, keys };
    // It lost everything, and gets it from what is still there of the base before.
    scene.gates[0].lose_storage();
    scene.revoke(&scene.keys[1]).await;
    scene.says(0, &scene.keys[1], Says::Revoked).await;
    scene.says(0, &scene.keys[2], KNOWN).await;

    scene.gates[0].take_any_base();
    scene.resume().await.expect(204);
    scene.says(0, &new, KNOWN).await;
    assert_eq!(scene.gates[0].ask(scene.keys[0]["secret"].as_str().unwrap()), Says::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_what_is_refused_again_after_it_was_resumed_is_given_up_again() {
    let scene = Scene::new(1).await;
    scene.gates[0].take_no_other_policy(Picky::Relay);
    scene.new_policy().await;
    let first = scene.paused().await["seq"].as_u64();
    scene.resume().await.expect(204);
    eventually("it is paused again", async || {
        (scene.propagation().await["paused"]["seq"].as_u64() > first).then_some(())
    })
    .await;
    scene.revoke(&scene.keys[0]).await;
    scene.says(0, &scene.keys[0], Says::Revoked).await;
}

/// Whoever has one gate, or its name, can say anything of what it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn e1_the_word_of_one_gate_does_not_keep_others_from_what_they_take() {
    let scene = Scene::new(2).await;
    scene.gates[0].take_no_other_policy(Picky::Relay);
    scene.new_policy().await;
    eventually("the refusal is shown", async || {
        (scene.propagation().await["gates"][0]["refusal"]["code"] == "POLICY_INVALID").then_some(())
    })
    .await;
    assert!(scene.metric("latchkey_gate_refusing{").await);
    for _ in 0..3 {
        let key = scene.key().await;
        scene.says(1, &key, KNOWN).await;
    }
    let seen = scene.propagation().await;
    assert_eq!((&seen["paused"], &seen["gates"][1]["refusal"]), (&Value::Null, &Value::Null), "{seen}");

    scene.gates[0].take_any_policy();
    let key = scene.key().await;
    scene.says(0, &key, KNOWN).await;
    eventually("it is forgiven", async || {
        scene.propagation().await["gates"][0]["refusal"].is_null().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_a_gate_that_is_down_does_not_speak_for_what_another_refuses() {
    let scene = Scene::new(2).await;
    scene.gates[0].take_no_other_policy(Picky::Relay);
    scene.gates[1].set_fault(Some(Fault::Down));
    scene.new_policy().await;
    scene.paused().await;
    scene.revoke(&scene.keys[0]).await;
    scene.says(0, &scene.keys[0], Says::Revoked).await;
    // It comes back to what the other one has, not to what that refused.
    scene.gates[1].set_fault(None);
    scene.says(1, &scene.keys[0], Says::Revoked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_refusals_that_say_nothing_of_what_is_published_pause_nothing() {
    let scene = Scene::new(1).await;
    let stranger = latchkey_snapshot::HeadSigner::from_seed(&[7; 32]).public_key();
    let line = latchkey_snapshot::public_key_text(&stranger);
    scene.gates[0].trust_only(&format!("{}/any", scene.keyspace), &[&line]);
    scene.key().await;
    eventually("the gate refuses", async || {
        (scene.propagation().await["gates"][0]["last_error"]["code"] == "KEY_NOT_TRUSTED").then_some(())
    })
    .await;
    scene.gates[0].trust(&scene.server.api, &scene.keyspace).await;
    let key = scene.key().await;
    scene.says(0, &key, KNOWN).await;
    assert_eq!(scene.propagation().await["paused"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_a_new_epoch_ends_a_pause() {
    let scene = Scene::new(1).await;
    let id = scene.keyspace.parse().unwrap();
    let gate = GateUrl::from_stored(scene.gates[0].url.clone());
    let refusal =
        GateRefusal { gate, code: "TRUNCATED".into(), message: "ends".into(), seq: 1, at: Timestamp(0) };
    let pause = Pause { refusal, change_seq: 1, is_confirmed: true };
    scene.server.app.store.pause_publishing(id, pause).await.unwrap();
    let body = json!({ "confirm": scene.keyspace, "reason": "r", "accept_lost_revocations": true });
    scene.server.api.post(&format!("/v1/keyspaces/{}:raise-epoch", scene.keyspace), body).await.expect(200);
    let key = scene.key().await;
    scene.says(0, &key, KNOWN).await;
}
