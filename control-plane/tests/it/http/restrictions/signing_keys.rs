use serde_json::{Value, json};

use super::path;
use crate::support::server::Server;

const PUBLIC_KEY: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

#[tokio::test(flavor = "multi_thread")]
async fn a8_a_public_key_is_kept_and_a_private_one_is_shown_once() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({ "signature_required": true })).await;
    assert_eq!((&key["signing_keys"], &key["signature_required"]), (&json!([]), &json!(true)));
    let pairs = format!("{}/signing-keys", path(&key));
    let answer = server.api.post(&pairs, json!({ "public_key": PUBLIC_KEY })).await;
    let location = answer.header("location").to_owned();
    let own = answer.expect(201);
    assert_eq!(
        (own["algorithm"].as_str(), own["public_key"].as_str(), own.get("private_key")),
        (Some("ed25519"), Some(PUBLIC_KEY), None)
    );
    assert_eq!(location, format!("{pairs}/{}", own["id"].as_str().unwrap()));

    let made = server.api.send(reqwest::Method::POST, &pairs, None).await.expect(201);
    let private_key = made["private_key"].as_str().unwrap();
    assert!(private_key.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{private_key}");
    let der = private_key.lines().filter(|line| !line.starts_with("---")).collect::<String>();
    let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, der).unwrap();
    // RFC 8410: the seed stands behind these 16 bytes.
    assert_eq!(hex::encode(&der[..16]), "3051020101300506032b657004220420");
    let seed: [u8; 32] = der[16..48].try_into().unwrap();
    let public_key = latchkey_snapshot::HeadSigner::from_seed(&seed).public_key();
    let text = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, public_key);
    assert_eq!(made["public_key"], text.as_str());

    let shown = server.api.get(&path(&key)).await.expect(200);
    assert_eq!(shown["signing_keys"].as_array().unwrap().len(), 2);
    assert!(shown["signing_keys"][1].get("private_key").is_none());
    let kept = std::fs::read(server.folder.path().join("latchkey.db")).unwrap();
    let log = server.audit_rows().await.iter().map(|row| row.after.clone()).collect::<String>();
    assert!(!log.contains(&private_key[30..60]) && !kept.windows(32).any(|bytes| bytes == seed));

    server.api.delete(&location).await.expect(204);
    server.api.delete(&location).await.problem(404, "NOT_FOUND");
    let shown = server.api.get(&path(&key)).await.expect(200);
    assert_eq!(shown["signing_keys"], json!([without_private_key(made.clone())]));
    let actions: Vec<_> = server.audit_rows().await.into_iter().map(|row| row.action).collect();
    assert_eq!(
        actions[actions.len() - 3..],
        ["key.signing_key_added", "key.signing_key_added", "key.signing_key_removed"]
    );
}

fn without_private_key(mut made: Value) -> Value {
    made.as_object_mut().unwrap().remove("private_key");
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_what_is_no_public_key_is_refused_unrepeated_and_there_are_at_most_eight() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({})).await;
    let pairs = format!("{}/signing-keys", path(&key));
    let small_order = "A".repeat(43);
    for wrong in ["", "-----BEGIN PRIVATE KEY-----", small_order.as_str(), &PUBLIC_KEY[1..]] {
        let answer = server.api.post(&pairs, json!({ "public_key": wrong })).await;
        assert!(wrong.is_empty() || !answer.text.contains(wrong));
        assert_eq!(answer.wrong_fields(422, "INVALID_FIELDS"), ["/public_key"]);
    }
    server.api.post(&pairs, json!({ "public_key": PUBLIC_KEY })).await.expect(201);
    let again = server.api.post(&pairs, json!({ "public_key": PUBLIC_KEY })).await;
    again.problem(409, "SIGNING_KEY_TAKEN");
    for _ in 1..8 {
        server.api.post(&pairs, json!({})).await.expect(201);
    }
    server.api.post(&pairs, json!({})).await.problem(409, "TOO_MANY_SIGNING_KEYS");
}
