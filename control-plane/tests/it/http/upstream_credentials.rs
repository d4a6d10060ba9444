use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, Serializable, single_shot_open};
use serde_json::{Value, json};

use crate::support::gate::Gate;
use crate::support::server::Server;

/// A gate's pair: the private key, and the public one as the keyspace is told.
fn pair(seed: &[u8]) -> (<X25519HkdfSha256 as Kem>::PrivateKey, String) {
    let (private_key, public_key) = X25519HkdfSha256::derive_keypair(seed);
    (
        private_key,
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, public_key.to_bytes()),
    )
}

fn open(
    private_key: &<X25519HkdfSha256 as Kem>::PrivateKey,
    keyspace: &str,
    name: &str,
    sealed: &[u8],
) -> Option<Vec<u8>> {
    let number = latchkey_snapshot::id::parse("ks", keyspace).unwrap();
    let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed[..32]).ok()?;
    single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        private_key,
        &encapsulated,
        b"latchkey upstream credential v1",
        &sealed[32..],
        &[&number.to_le_bytes()[..], name.as_bytes()].concat(),
    )
    .ok()
}

async fn keyspace(server: &Server, gate: &Gate, public_key: &str) -> String {
    let body = json!({ "name": "Demo", "gates": [{ "url": gate.url }], "gate_encryption_key": public_key });
    let keyspace = server.api.keyspace(body).await;
    gate.trust(&server.api, &keyspace).await;
    keyspace
}

#[tokio::test(flavor = "multi_thread")]
async fn u1_a_value_is_sealed_at_rest_and_for_the_gates_alone_and_never_shown_again() {
    let (server, gate) = (Server::start().await, Gate::start().await);
    let (private_key, public_key) = pair(&[7; 32]);
    let keyspace = keyspace(&server, &gate, &public_key).await;
    let credentials = format!("/v1/keyspaces/{keyspace}/upstream-credentials");
    let answer = server.api.post(&credentials, json!({ "name": "payments", "value": "s3cret-A" })).await;
    assert!(!answer.text.contains("s3cret"));
    let (location, seq) = (answer.header("location").to_owned(), answer.change_seq());
    let made = answer.expect(201);
    assert_eq!(
        (&made["header"], &made["prefix"], &made["name"]),
        (&json!("authorization"), &json!("Bearer "), &json!("payments"))
    );
    gate.has(seq).await;
    let [published] = gate.upstream_credentials().try_into().unwrap();
    assert_eq!((published.header.as_str(), published.value_prefix.as_str()), ("authorization", "Bearer "));
    assert_eq!(open(&private_key, &keyspace, "payments", &published.sealed).unwrap(), b"s3cret-A");
    assert!(open(&private_key, &keyspace, "other", &published.sealed).is_none());
    assert!(open(&pair(&[8; 32]).0, &keyspace, "payments", &published.sealed).is_none());

    // Another change, even after a restart, brings the same policy: sealed again it would be another one.
    let server = server.restart().await;
    let seq =
        server.api.patch(&format!("/v1/keyspaces/{keyspace}"), json!({ "name": "New" })).await.change_seq();
    gate.has(seq).await;
    assert_eq!(gate.upstream_credentials()[0].sealed, published.sealed);

    let patch = json!({ "value": "s3cret-B", "header": "x-api-key", "prefix": null });
    let changed = server.api.patch(&location, patch).await;
    let seq = changed.change_seq();
    assert_eq!(changed.expect(200)["prefix"], "");
    gate.has(seq).await;
    let sealed = gate.upstream_credentials()[0].sealed.clone();
    assert_eq!(open(&private_key, &keyspace, "payments", &sealed).unwrap(), b"s3cret-B");

    let (next_private_key, next_public_key) = pair(&[9; 32]);
    let patch = json!({ "gate_encryption_key": next_public_key });
    let seq = server.api.patch(&format!("/v1/keyspaces/{keyspace}"), patch).await.change_seq();
    gate.has(seq).await;
    let sealed = gate.upstream_credentials()[0].sealed.clone();
    assert_eq!(open(&next_private_key, &keyspace, "payments", &sealed).unwrap(), b"s3cret-B");
    assert!(open(&private_key, &keyspace, "payments", &sealed).is_none());

    for path in [&location, &credentials] {
        assert!(!server.api.get(path).await.text.contains("s3cret"));
    }
    let rows = server.audit_rows().await;
    assert!(!rows.iter().any(|row| row.before.contains("s3cret") || row.after.contains("s3cret")));
    for file in ["latchkey.db", "latchkey.db-wal"] {
        let bytes = std::fs::read(server.folder.path().join(file)).unwrap_or_default();
        assert!(!bytes.windows(6).any(|window| window == b"s3cret"), "{file}");
    }

    let seq = {
        let deleted = server.api.delete(&location).await;
        let seq = deleted.change_seq();
        deleted.expect(204);
        seq
    };
    gate.has(seq).await;
    assert!(gate.upstream_credentials().is_empty());
    server.api.get(&location).await.problem(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn u1_without_a_key_of_the_gates_nothing_is_sealed_and_the_key_stays_while_something_is() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let path = format!("/v1/keyspaces/{keyspace}");
    let credentials = format!("{path}/upstream-credentials");
    let body = |name: &str| json!({ "name": name, "value": "s3cret" });
    server.api.post(&credentials, body("a")).await.problem(409, "GATE_ENCRYPTION_KEY_MISSING");
    for wrong in ["", "x", &"A".repeat(43), &pair(&[1; 32]).1[1..]] {
        let answer = server.api.patch(&path, json!({ "gate_encryption_key": wrong })).await;
        assert_eq!(answer.wrong_fields(422, "INVALID_FIELDS"), ["/gate_encryption_key"]);
    }
    let public_key = pair(&[1; 32]).1;
    let shown = server.api.patch(&path, json!({ "gate_encryption_key": public_key })).await.expect(200);
    assert_eq!(shown["gate_encryption_key"], public_key.as_str());
    server.api.post(&credentials, body("a")).await.expect(201);
    server.api.post(&credentials, body("a")).await.problem(409, "NAME_TAKEN");
    let taken = server.api.patch(&path, json!({ "gate_encryption_key": null })).await;
    taken.problem(409, "GATE_ENCRYPTION_KEY_IN_USE");
    for (body, wanted) in [
        (json!({ "name": "b" }), "/value"),
        (json!({ "value": "hunter2" }), "/name"),
        (json!({ "name": "b c", "value": "hunter2" }), "/name"),
        (json!({ "name": "b", "value": "hunter2\n" }), "/value"),
        (json!({ "name": "b", "value": "hunter2", "header": "Host" }), "/header"),
        (json!({ "name": "b", "value": "hunter2", "header": "host" }), "/header"),
        (json!({ "name": "b", "value": "hunter2", "prefix": "x".repeat(33) }), "/prefix"),
        (json!({ "name": "b", "value": "hunter2", "hunter2": 1 }), "/(a name that no field has)"),
    ] {
        let answer = server.api.post(&credentials, body).await;
        assert!(!answer.text.contains("hunter2"), "{}", answer.text);
        assert_eq!(answer.wrong_fields(422, "INVALID_FIELDS"), [wanted]);
    }
    // More than a policy can carry would keep the keyspace from being published.
    let mut refused = None;
    for n in 0..64 {
        let long = json!({ "name": format!("long-{n}"), "value": "x".repeat(2_048) });
        let answer = server.api.post(&credentials, long).await;
        if answer.status != 201 {
            refused = Some(answer.problem(422, "INVALID_FIELDS"));
            break;
        }
    }
    let refused: Value = refused.expect("a policy has a bound");
    assert!(refused["detail"].as_str().unwrap().contains("upstream credentials"), "{refused}");
}
