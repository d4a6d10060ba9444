//! An old copy of the database is put in place of the newer one, and what is to be done then; a thief sends a gate far ahead.

use std::time::Duration;

use latchkey_control_plane::config::PublisherConfig;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::eventually;
use crate::support::gate::{Fault, Gate, KNOWN, Says, gated};
use crate::support::server::{Server, quick};

/// A keyspace with a gate, and two keys that were revoked after the database was copied.
struct Scene {
    server: Server,
    gate: Gate,
    keyspace: String,
    copy: TempDir,
    /// Ids and tokens.
    revoked: Vec<(String, String)>,
    /// The last change before the copy was made.
    copied_at: u64,
}

impl Scene {
    async fn new() -> Self {
        let (server, gate, keyspace) = gated().await;
        let mut revoked = Vec::new();
        for _ in 0..2 {
            let key = server.api.key(&keyspace, json!({})).await;
            let text = |name: &str| key[name].as_str().unwrap().to_owned();
            revoked.push((text("id"), text("secret")));
        }
        let mut scene = Self { copy: server.backup(), server, gate, keyspace, revoked, copied_at: 3 };
        scene.eventually_confirmed(scene.copied_at).await;
        scene.copy = scene.server.backup();
        for (id, _) in &scene.revoked {
            let answer = scene.server.api.delete(&format!("/v1/keys/{id}")).await;
            let change_seq = answer.change_seq();
            answer.expect(200);
            // One by one, so that the gate gets further than one head beyond the copy.
            scene.eventually_confirmed(change_seq).await;
        }
        for (_, token) in &scene.revoked {
            scene.says(token, Says::Revoked).await;
        }
        scene
    }

    /// Puts the old copy in place.
    async fn restored(self, config: PublisherConfig) -> Self {
        let server = self.server.restored(&self.copy, config).await;
        Self { server, ..self }
    }

    async fn propagation(&self) -> Value {
        self.server.api.get(&format!("/v1/keyspaces/{}/propagation", self.keyspace)).await.expect(200)
    }

    async fn eventually_confirmed(&self, change_seq: u64) {
        eventually("the gate has confirmed", async || {
            let gate = &self.propagation().await["gates"][0];
            (gate["applied_change_seq"].as_u64() >= Some(change_seq)).then_some(())
        })
        .await;
    }

    async fn says(&self, token: &str, wanted: Says) {
        eventually(&format!("the gate says {wanted:?}"), async || {
            (self.gate.ask(token) == wanted).then_some(())
        })
        .await;
    }

    async fn raise(&self, mut more: Value) -> crate::support::api::Answer {
        more["confirm"] = self.keyspace.as_str().into();
        more["reason"] = "the disk broke".into();
        self.server.api.post(&format!("/v1/keyspaces/{}:raise-epoch", self.keyspace), more).await
    }

    async fn new_key_is_known(&self) {
        let key = self.server.api.key(&self.keyspace, json!({})).await;
        self.says(key["secret"].as_str().unwrap(), KNOWN).await;
    }
}

/// Signs so often that its numbers soon pass those that the gate knows.
fn hasty() -> PublisherConfig {
    PublisherConfig { heartbeat: Duration::from_millis(30), ..quick() }
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_unsafe_an_old_copy_that_does_not_ask_its_gates_lets_revoked_keys_back_in() {
    let scene = Scene::new().await;
    // From before gates showed what they have: nothing tells the publisher.
    scene.gate.hide_head();
    let scene = scene.restored(hasty()).await;
    scene.says(&scene.revoked[0].1, KNOWN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_an_old_copy_publishes_nothing_until_its_epoch_is_raised_and_says_why() {
    let scene = Scene::new().await.restored(hasty()).await;
    let command = format!("latchkey epoch raise {}", scene.keyspace);
    eventually("it is not ready and says what to do", async || {
        scene.server.api.get("/readyz").await.text.contains(&command).then_some(())
    })
    .await;
    scene.server.api.get("/readyz").await.problem(503, "NOT_READY");
    let before = scene.gate.taken().len();
    let restored = scene.propagation().await["restored"].clone();
    assert_eq!(restored["place"], scene.gate.url.as_str());
    assert_eq!(restored["lost_changes"], json!({ "after": scene.copied_at, "through": scene.copied_at + 2 }));

    // Mutations are taken, and wait; a restart changes nothing.
    let key = scene.server.api.key(&scene.keyspace, json!({})).await;
    let Scene { server, gate, keyspace, copy, revoked, copied_at } = scene;
    let scene = Scene { server: server.restart().await, gate, keyspace, copy, revoked, copied_at };
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(scene.gate.taken().len(), before, "nothing was published");
    for (_, token) in &scene.revoked {
        assert_eq!(scene.gate.ask(token), Says::Revoked);
    }

    let refused = scene.raise(json!({})).await.problem(409, "LOST_REVOCATIONS")["detail"].to_string();
    assert!(refused.contains("up to 5") && refused.contains("up to 3"), "{refused}");
    // One of the two is named, and so stays revoked. The other shows what accepting the loss means.
    let raised = scene.raise(json!({ "revoke": [scene.revoked[0].0] })).await.expect(200);
    assert_eq!((&raised["epoch"], &raised["revoked"]), (&json!(2), &json!(1)));
    scene.says(&scene.revoked[1].1, KNOWN).await;
    assert_eq!(scene.gate.ask(&scene.revoked[0].1), Says::Revoked);
    scene.says(key["secret"].as_str().unwrap(), KNOWN).await;
    scene.new_key_is_known().await;
    assert_eq!(scene.server.api.get("/readyz").await.status, 200);
    assert_eq!(scene.propagation().await["restored"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_a_gate_that_was_down_when_the_old_copy_started_is_asked_before_it_gets_anything() {
    let scene = Scene::new().await;
    scene.gate.set_fault(Some(Fault::Down));
    let scene = scene.restored(hasty()).await;
    let seq = |view: &Value| view["seq"].as_u64().unwrap();
    let held = scene.gate.taken().last().unwrap().seq;
    eventually("its numbers have passed the gate's", async || {
        (seq(&scene.propagation().await) > held + 3).then_some(())
    })
    .await;
    scene.gate.set_fault(None);
    eventually("the gate has shown what it has", async || {
        scene.propagation().await["restored"].is_object().then_some(())
    })
    .await;
    for (_, token) in &scene.revoked {
        assert_eq!(scene.gate.ask(token), Says::Revoked);
    }
    scene.raise(json!({})).await.problem(409, "LOST_REVOCATIONS");
    scene.raise(json!({ "accept_lost_revocations": true })).await.expect(200);
    scene.new_key_is_known().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_a_gate_that_a_thief_sent_far_ahead_is_brought_back_by_a_new_key_and_a_new_epoch() {
    let scene = Scene::new().await;
    let keyspace = scene.keyspace.parse().unwrap();
    let (_, _, signing) = scene.server.app.store.publishing_state(keyspace).await.unwrap().unwrap();
    let stolen =
        scene.server.app.vault.open_signing_key(keyspace, &signing.keys[0].sealed().unwrap()).unwrap();
    let ahead = scene.gate.forge(&stolen, |head| head.seq = 1 << 60);
    assert_eq!(scene.gate.push(&ahead), Ok(()));

    // The next change finds out.
    scene.server.api.key(&scene.keyspace, json!({})).await;
    let restored = eventually("the stranger's head is found", async || {
        Some(scene.propagation().await["restored"].clone()).filter(Value::is_object)
    })
    .await;
    assert_eq!((&restored["seq"], &restored["signers"]), (&json!(1_u64 << 60), &json!(scene.gate.signers())));

    let path = format!("/v1/keyspaces/{}/signing-keys:replace", scene.keyspace);
    let body = json!({ "confirm": scene.keyspace, "reason": "stolen" });
    scene.server.api.post(&path, body).await.expect(200);
    scene.gate.trust(&scene.server.api, &scene.keyspace).await;
    // It knows nothing that we do not know, so nothing is to be accepted.
    scene.raise(json!({})).await.expect(200);
    scene.new_key_is_known().await;
    let further = scene.gate.forge(&stolen, |head| (head.epoch, head.seq) = (7, 1));
    assert_eq!(scene.gate.push(&further), Err("KEY_NOT_TRUSTED"));
}

/// Nothing outranks the last epoch, so the thief's word must lose its weight with the thief's key.
#[tokio::test(flavor = "multi_thread")]
async fn e2_a_gate_that_a_thief_sent_to_the_last_epoch_is_brought_back_by_a_new_key_and_a_new_epoch() {
    let scene = Scene::new().await;
    let keyspace = scene.keyspace.parse().unwrap();
    let (_, _, signing) = scene.server.app.store.publishing_state(keyspace).await.unwrap().unwrap();
    let stolen =
        scene.server.app.vault.open_signing_key(keyspace, &signing.keys[0].sealed().unwrap()).unwrap();
    let last = scene.gate.forge(&stolen, |head| (head.epoch, head.seq) = (u32::MAX, u64::MAX));
    assert_eq!(scene.gate.push(&last), Ok(()));
    scene.server.api.key(&scene.keyspace, json!({})).await;
    eventually("the stranger's head is found", async || {
        (scene.propagation().await["restored"]["epoch"] == u32::MAX).then_some(())
    })
    .await;
    // While its key is trusted, it binds: that is no different from any head that is ahead.
    scene.raise(json!({})).await.problem(409, "EPOCHS_USED_UP");

    let path = format!("/v1/keyspaces/{}/signing-keys:replace", scene.keyspace);
    let body = json!({ "confirm": scene.keyspace, "reason": "stolen" });
    scene.server.api.post(&path, body).await.expect(200);
    assert_eq!(scene.raise(json!({})).await.expect(200)["epoch"], 2);
    eventually("the gate does not trust the new key yet", async || {
        (scene.propagation().await["gates"][0]["last_error"]["code"] == "KEY_NOT_TRUSTED").then_some(())
    })
    .await;
    scene.gate.trust(&scene.server.api, &scene.keyspace).await;
    scene.new_key_is_known().await;
    for (_, token) in &scene.revoked {
        assert_eq!(scene.gate.ask(token), Says::Revoked);
    }
    assert_eq!(scene.gate.push(&last), Err("KEY_NOT_TRUSTED"));
    assert_eq!(scene.propagation().await["restored"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_a_head_that_no_key_of_the_keyspace_signed_stops_nothing() {
    let scene = Scene::new().await;
    let stranger = latchkey_snapshot::HeadSigner::from_seed(&[7; 32]);
    let audience = format!("{}/any", scene.keyspace);
    let line = latchkey_snapshot::public_key_text(&stranger.public_key());
    let own =
        scene.server.api.get(&format!("/v1/keyspaces/{}/signing-keys", scene.keyspace)).await.expect(200);
    scene.gate.trust_only(&audience, &[own["trusted_keys"][0].as_str().unwrap(), &line]);
    assert_eq!(scene.gate.push(&scene.gate.forge(&stranger, |head| head.seq += 1_000)), Ok(()));
    scene.server.api.key(&scene.keyspace, json!({})).await;
    eventually("the gate refuses", async || {
        (scene.propagation().await["gates"][0]["last_error"]["code"] == "NOT_NEWER").then_some(())
    })
    .await;
    assert_eq!(scene.propagation().await["restored"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_an_epoch_is_raised_only_of_the_keyspace_that_is_named_twice_and_keys_of_others_are_not_revoked() {
    let scene = Scene::new().await;
    let other = scene.server.api.keyspace(json!({ "name": "Other" })).await;
    let foreign = scene.server.api.key(&other, json!({})).await["id"].clone();
    let path = format!("/v1/keyspaces/{}:raise-epoch", scene.keyspace);
    let all = json!({ "confirm": scene.keyspace, "reason": "r", "accept_lost_revocations": true });
    for (name, value, field) in [
        ("confirm", json!(other), "/confirm"),
        ("confirm", Value::Null, "/confirm"),
        ("reason", json!(""), "/reason"),
        ("revoke", json!([foreign]), "/revoke/0"),
        ("revoke", json!(["key_1"]), "/revoke/0"),
    ] {
        let mut body = all.clone();
        body[name] = value;
        let answer = scene.server.api.post(&path, body).await;
        assert_eq!(answer.wrong_fields(422, "INVALID_FIELDS"), [field]);
    }
    // Without a word from a gate nobody knows what is lost.
    scene.raise(json!({})).await.problem(409, "LOST_REVOCATIONS");
    assert_eq!(scene.raise(json!({ "accept_lost_revocations": true })).await.expect(200)["epoch"], 2);
    scene.new_key_is_known().await;
    assert_eq!(scene.raise(json!({ "accept_lost_revocations": true })).await.expect(200)["epoch"], 3);
}
