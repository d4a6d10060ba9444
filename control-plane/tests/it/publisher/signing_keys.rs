use latchkey_control_plane::domain::Timestamp;
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gate::{Gate, KNOWN, Says};
use crate::support::server::Server;

/// A keyspace that is published to two gates.
struct Scene {
    server: Server,
    /// Whose setting the operator changes.
    gate: Gate,
    /// Whose setting stays as it was.
    forgotten: Gate,
    keyspace: String,
}

impl Scene {
    async fn new(server: Server) -> Self {
        let (gate, forgotten) = (Gate::start().await, Gate::start().await);
        let gates = json!([{ "url": gate.url }, { "url": forgotten.url }]);
        let keyspace = server.api.keyspace(json!({ "name": "Demo", "gates": gates })).await;
        gate.trust(&server.api, &keyspace).await;
        forgotten.trust(&server.api, &keyspace).await;
        Self { server, gate, forgotten, keyspace }
    }

    async fn signing_keys(&self, verb: &str, body: Value) -> Value {
        let path = format!("/v1/keyspaces/{}/signing-keys:{verb}", self.keyspace);
        self.server.api.post(&path, body).await.expect(200)
    }

    async fn new_token(&self) -> String {
        self.server.api.key(&self.keyspace, json!({})).await["secret"].as_str().unwrap().to_owned()
    }

    async fn refusal_of(&self, gate: usize, code: &str) {
        eventually(code, async || {
            let path = format!("/v1/keyspaces/{}/propagation", self.keyspace);
            let view = self.server.api.get(&path).await.expect(200);
            (view["gates"][gate]["last_error"]["code"] == code).then_some(())
        })
        .await;
    }
}

fn key_id(keys: &Value, at: usize) -> String {
    keys["keys"][at]["key_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_a_rotation_costs_no_gate_anything_that_trusts_either_key_until_it_is_completed() {
    let scene = Scene::new(Server::start().await).await;
    let first = scene.new_token().await;
    scene.gate.says(&first, KNOWN).await;
    let old = scene.gate.signers();

    let rotating = scene.signing_keys("rotate", json!({ "overlap_days": 14 })).await;
    assert_eq!(
        (&rotating["keys"][0]["state"], &rotating["keys"][1]["state"]),
        (&json!("current"), &json!("next"))
    );
    assert_eq!(old, [key_id(&rotating, 0)]);
    let second = scene.new_token().await;
    scene.gate.says(&second, KNOWN).await;
    scene.forgotten.says(&second, KNOWN).await;
    assert_eq!(scene.gate.signers().len(), 2);

    // The gate whose setting is changed, to both lines and then to the new one alone.
    scene.gate.trust(&scene.server.api, &scene.keyspace).await;
    let third = scene.new_token().await;
    scene.gate.says(&third, KNOWN).await;

    let completed = scene.signing_keys("complete", json!({})).await;
    assert_eq!(
        (&completed["keys"][0]["state"], &completed["keys"][1]["state"]),
        (&json!("current"), &json!("retired"))
    );
    assert_eq!(completed["trusted_keys"].as_array().unwrap().len(), 1);
    let fourth = scene.new_token().await;
    scene.gate.says(&fourth, KNOWN).await;
    assert_eq!(scene.gate.signers(), [key_id(&rotating, 1)]);
    scene.refusal_of(1, "KEY_NOT_TRUSTED").await;
    assert_eq!(scene.forgotten.ask(&fourth), Says::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_after_a_restart_in_the_midst_of_a_rotation_both_keys_go_on_signing() {
    let Scene { server, gate, forgotten, keyspace } = Scene::new(Server::start().await).await;
    let path = format!("/v1/keyspaces/{keyspace}/signing-keys:rotate");
    server.api.post(&path, json!({})).await.expect(200);
    eventually("both have signed", async || (gate.signers().len() == 2).then_some(())).await;
    let (before, server) = (gate.taken().last().unwrap().seq, server.restart().await);
    let scene = Scene { server, gate, forgotten, keyspace };
    let token = scene.new_token().await;
    scene.gate.says(&token, KNOWN).await;
    assert_eq!(scene.gate.signers().len(), 2);
    assert!(scene.gate.taken().last().unwrap().seq > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_the_overlap_ends_the_old_key_by_itself() {
    let (server, clock) = Server::start_at(Timestamp::parse("2027-01-31T12:00:00Z").unwrap()).await;
    let scene = Scene::new(server).await;
    for gate in [&scene.gate, &scene.forgotten] {
        gate.follow(clock.clone());
    }
    let keys = scene.signing_keys("rotate", json!({ "overlap_days": 2 })).await;
    scene.gate.trust(&scene.server.api, &scene.keyspace).await;
    clock.advance_seconds(2 * 86_400);
    let on_time = scene.new_token().await;
    scene.forgotten.says(&on_time, KNOWN).await;
    clock.advance_seconds(1);
    let late = scene.new_token().await;
    scene.gate.says(&late, KNOWN).await;
    assert_eq!(scene.gate.signers(), [key_id(&keys, 1)]);
    scene.refusal_of(1, "KEY_NOT_TRUSTED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_a_key_that_was_replaced_signs_nothing_and_a_gate_with_the_new_one_refuses_it() {
    let scene = Scene::new(Server::start().await).await;
    let first = scene.new_token().await;
    scene.gate.says(&first, KNOWN).await;
    let keyspace = scene.keyspace.parse().unwrap();
    let stolen = {
        let (_, _, signing) = scene.server.app.store.publishing_state(keyspace).await.unwrap().unwrap();
        scene.server.app.vault.open_signing_key(keyspace, &signing.keys[0].sealed().unwrap()).unwrap()
    };
    let body = json!({ "confirm": scene.keyspace, "reason": "the master key leaked" });
    let replaced = scene.signing_keys("replace", body).await;
    assert_eq!(
        (&replaced["keys"][0]["state"], &replaced["keys"][1]["state"]),
        (&json!("current"), &json!("retired"))
    );
    scene.refusal_of(0, "KEY_NOT_TRUSTED").await;

    scene.gate.trust(&scene.server.api, &scene.keyspace).await;
    let second = scene.new_token().await;
    scene.gate.says(&second, KNOWN).await;
    assert_eq!(scene.gate.signers(), [key_id(&replaced, 0)]);

    // Unsafe: a gate that still trusts the old key takes whatever its thief signs.
    let forged = |gate: &Gate| gate.forge(&stolen, |head| head.seq += 1_000);
    assert_eq!(scene.forgotten.push(&forged(&scene.forgotten)), Ok(()));
    assert_eq!(scene.gate.push(&forged(&scene.gate)), Err("KEY_NOT_TRUSTED"));

    let (_, _, signing) = scene.server.app.store.publishing_state(keyspace).await.unwrap().unwrap();
    assert!(signing.keys[1].sealed().is_none(), "the private half of a retired key is gone");
}
