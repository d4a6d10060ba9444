use reqwest::header::AUTHORIZATION;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::path;
use crate::support::api::{Answer, read};
use crate::support::server::Server;

async fn send(request: RequestBuilder) -> Answer {
    read(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn k14_whoever_has_a_key_can_end_it_and_nothing_else() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let key = server.api.key(&keyspace, json!({ "name": "Mine" })).await;
    let other = server.api.key(&keyspace, json!({ "name": "Other" })).await;
    let holder = server.api.with_key(key["secret"].as_str());
    let revoke = || holder.request(Method::POST, "/v1/keys:revoke-self");

    let answer = send(revoke()).await;
    assert_eq!(answer.change_seq(), 4);
    let revoked = answer.expect(200);
    assert_eq!((&revoked["key_id"], &revoked["status"]), (&key["id"], &json!("revoked")));
    let shown = server.api.get(&path(&key)).await.expect(200);
    assert_eq!((&shown["status"], &shown["revoked_reason"]), (&json!("revoked"), &json!("holder")));
    assert_eq!(server.api.get(&path(&other)).await.expect(200)["status"], "active");
    let row = server.audit_rows().await.pop().unwrap();
    assert_eq!((row.action.as_str(), row.actor.as_str()), ("key.revoked", key["id"].as_str().unwrap()));
    assert_eq!(row.source, "127.0.0.1");

    let rows = server.audit_rows().await.len();
    assert_eq!(send(revoke()).await.expect(200)["revoked_at"], revoked["revoked_at"]);
    assert_eq!(server.audit_rows().await.len(), rows, "again changes nothing");
    server.api.post(&format!("{}:restore", path(&key)), json!({})).await.expect(200);
    assert_eq!(send(revoke()).await.expect(200)["status"], "revoked");
    for path in ["/v1/keyspaces", "/v1/whoami"] {
        holder.get(path).await.problem(401, "UNAUTHORIZED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k14_strangers_and_admins_revoke_nothing_by_themselves() {
    let server = Server::start().await;
    let stranger = latchkey_token::generate(
        &latchkey_token::Prefix::new("demo").unwrap(),
        latchkey_token::Environment::Test,
        &mut rand::rng(),
    );
    let before = server.audit_rows().await.len();
    let own = "/v1/keys:revoke-self";
    for caller in [None, Some("junk"), Some(stranger.expose()), Some(server.admin_key.as_str())] {
        let api = server.api.with_key(caller);
        let answer = send(api.request(Method::POST, own)).await;
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
        answer.problem(401, "UNAUTHORIZED");
    }
    let twice = server.api.request(Method::POST, own).header(AUTHORIZATION, "Bearer x");
    send(twice).await.problem(401, "UNAUTHORIZED");
    assert_eq!(server.audit_rows().await.len(), before);
    server.api.get("/v1/whoami").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn k14_a_token_of_somebody_elses_making_ends_its_key_too() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo", "foreign_tokens": true })).await;
    let token = "old-system-7Fq2Lw9ZtR4vXb8KmN3p";
    let key = server.api.key(&keyspace, json!({ "token": token })).await;
    let holder = server.api.with_key(Some(token));
    let answer = send(holder.request(Method::POST, "/v1/keys:revoke-self")).await.expect(200);
    assert_eq!(answer["key_id"], key["id"]);
}
