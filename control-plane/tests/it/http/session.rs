//! Sign-in of browsers, and what other sites try to do with it.

use latchkey_control_plane::domain::Timestamp;
use latchkey_token::{Environment, Prefix, generate};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Answer, Api, read};
use crate::support::server::Server;

/// A browser: it has cookies, and says on what page it is.
struct Browser {
    api: Api,
    cookie: String,
    csrf_token: String,
    session: Value,
}

impl Browser {
    async fn sign_in(server: &Server, admin_key: &str) -> Self {
        let api = server.api.with_key(None);
        let answer = api.post("/v1/session", json!({ "admin_key": admin_key })).await;
        assert_eq!((answer.header("location"), answer.header("cache-control")), ("/v1/session", "no-store"));
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let session = answer.expect(201);
        let csrf_token = session["csrf_token"].as_str().unwrap().to_owned();
        Self { api, cookie, csrf_token, session }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.api.request(method, path).header("cookie", &self.cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        read(request.send().await.unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }

    /// As a page of ours does it.
    async fn post(&self, path: &str, body: Value) -> Answer {
        let headers = [("x-csrf-token", self.csrf_token.as_str()), ("sec-fetch-site", "same-origin")];
        self.send(Method::POST, path, Some(body), &headers).await
    }

    async fn delete(&self, path: &str) -> Answer {
        let headers = [("x-csrf-token", self.csrf_token.as_str())];
        self.send(Method::DELETE, path, None, &headers).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_an_admin_key_is_exchanged_for_a_session_that_may_do_the_same() {
    let server = Server::start().await;
    let browser = Browser::sign_in(&server, &server.admin_key).await;
    let shown = browser.get("/v1/session").await.expect(200);
    assert_eq!(shown, browser.session);
    let me = server.api.get("/v1/whoami").await.expect(200);
    assert_eq!(shown["admin_key_id"], me["admin_key"]["id"]);
    assert_eq!((&shown["workspace"], &shown["scopes"]), (&me["workspace"], &json!(["*"])));
    let made = browser.post("/v1/keyspaces", json!({ "name": "By hand" })).await.expect(201);
    let own = format!("/v1/keyspaces/{}", made["id"].as_str().unwrap());
    assert_eq!(browser.get(&own).await.expect(200)["name"], "By hand");
    assert_eq!(browser.get("/v1/whoami").await.expect(200), me);
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_no_script_and_no_other_site_gets_the_cookie_and_only_its_digest_is_kept() {
    let server = Server::start().await;
    let sign_in = async |headers: &[(&str, &str)]| {
        let mut request = server.api.with_key(None).request(Method::POST, "/v1/session");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = json!({ "admin_key": server.admin_key }).to_string();
        let answer =
            read(request.header("content-type", "application/json").body(body).send().await.unwrap());
        let answer = answer.await;
        (answer.header("set-cookie").to_owned(), answer)
    };
    let (plain, answer) = sign_in(&[]).await;
    let token = plain.strip_prefix("latchkey_session=").unwrap().split(';').next().unwrap();
    assert_eq!(
        plain,
        format!("latchkey_session={token}; Max-Age=28800; Path=/v1; HttpOnly; SameSite=Strict")
    );
    assert!(token.starts_with("lkses_live_") && !answer.text.contains(token));
    for file in std::fs::read_dir(server.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()));
    }
    for headers in [
        [("host", "keys.example.com"), ("sec-fetch-site", "same-origin")],
        [("origin", "https://keys.example.com"), ("sec-fetch-site", "same-origin")],
    ] {
        let (secure, _) = sign_in(&headers).await;
        assert!(secure.starts_with("__Host-latchkey_session=lkses_live_"), "{secure}");
        assert!(secure.ends_with("; Max-Age=28800; Path=/; Secure; HttpOnly; SameSite=Strict"), "{secure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_what_another_site_makes_a_browser_send_changes_nothing() {
    let server = Server::start().await;
    let browser = Browser::sign_in(&server, &server.admin_key).await;
    let other = Browser::sign_in(&server, &server.admin_key).await;
    let own = browser.csrf_token.as_str();
    let host = server.api.request(Method::GET, "/").build().unwrap().url().authority().to_owned();
    let strange = "http://127.0.0.1:1";
    let attempts: [&[(&str, &str)]; 9] = [
        &[],
        &[("x-csrf-token", "")],
        &[("x-csrf-token", "guess")],
        &[("x-csrf-token", &other.csrf_token)],
        &[("x-csrf-token", own), ("sec-fetch-site", "cross-site")],
        &[("x-csrf-token", own), ("sec-fetch-site", "same-site")],
        &[("x-csrf-token", own), ("sec-fetch-site", "none")],
        &[("x-csrf-token", own), ("origin", strange)],
        &[("x-csrf-token", own), ("origin", "null")],
    ];
    for headers in attempts {
        let body = Some(json!({ "name": "Theirs" }));
        let answer = browser.send(Method::POST, "/v1/keyspaces", body, headers).await;
        answer.problem(403, "CSRF_REFUSED");
        for (method, path) in [(Method::DELETE, "/v1/session"), (Method::POST, "/v1/session:end-all")] {
            browser.send(method, path, None, headers).await.problem(403, "CSRF_REFUSED");
        }
    }
    assert_eq!(server.api.get("/v1/keyspaces").await.expect(200)["data"], json!([]));
    let same_origin = format!("http://{host}");
    let headers = [("x-csrf-token", own), ("origin", same_origin.as_str())];
    let body = Some(json!({ "name": "Ours" }));
    browser.send(Method::POST, "/v1/keyspaces", body, &headers).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_another_site_signs_nobody_in() {
    let server = Server::start().await;
    let open = server.api.with_key(None);
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://example.com")] {
        let request = open.request(Method::POST, "/v1/session").header(name, value);
        let body = json!({ "admin_key": server.admin_key }).to_string();
        let request = request.header("content-type", "application/json").body(body);
        let answer = read(request.send().await.unwrap()).await;
        assert_eq!(answer.header("set-cookie"), "");
        answer.problem(403, "CSRF_REFUSED");
    }
    // A form of another site can send no JSON.
    let body = format!("{{\"admin_key\":\"{}\"}}", server.admin_key);
    let request = open.request(Method::POST, "/v1/session").header("content-type", "text/plain").body(body);
    read(request.send().await.unwrap()).await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_a_session_that_was_planted_before_sign_in_is_worth_nothing_after_it() {
    let server = Server::start().await;
    let chosen = generate(&Prefix::new("lkses").unwrap(), Environment::Live, &mut rand::rng());
    let planted = Browser {
        api: server.api.with_key(None),
        cookie: format!("latchkey_session={}", chosen.expose()),
        csrf_token: String::new(),
        session: Value::Null,
    };
    let body = json!({ "admin_key": server.admin_key });
    let answer = planted.send(Method::POST, "/v1/session", Some(body.clone()), &[]).await;
    assert!(!answer.header("set-cookie").contains(chosen.expose()));
    planted.get("/v1/session").await.problem(401, "UNAUTHORIZED");
    // Nor does a session that works outlive the next sign-in of its browser.
    let former = Browser::sign_in(&server, &server.admin_key).await;
    former.send(Method::POST, "/v1/session", Some(body), &[]).await.expect(201);
    former.get("/v1/session").await.problem(401, "UNAUTHORIZED");
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_cookies_that_contradict_each_other_or_come_to_another_host_are_refused() {
    let server = Server::start().await;
    let browser = Browser::sign_in(&server, &server.admin_key).await;
    let twice = Browser { cookie: format!("{}; {}", browser.cookie, browser.cookie), ..browser };
    twice.get("/v1/session").await.problem(401, "UNAUTHORIZED");
    let browser = Browser::sign_in(&server, &server.admin_key).await;
    // A neighbouring host can set a plain cookie for this one.
    let answer = browser.send(Method::GET, "/v1/session", None, &[("host", "keys.example.com")]).await;
    answer.problem(401, "UNAUTHORIZED");
    let token = browser.cookie.split_once('=').unwrap().1;
    let cookie = format!("__Host-latchkey_session={token}");
    let secure = Browser { cookie, ..browser };
    secure.send(Method::GET, "/v1/session", None, &[("host", "keys.example.com")]).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_a_session_is_no_admin_key_and_an_admin_key_is_no_session() {
    let server = Server::start().await;
    let browser = Browser::sign_in(&server, &server.admin_key).await;
    let token = browser.cookie.split_once('=').unwrap().1;
    server.api.with_key(Some(token)).get("/v1/whoami").await.problem(401, "UNAUTHORIZED");
    server.api.get("/v1/session").await.problem(401, "UNAUTHORIZED");
    let body = json!({ "admin_key": token });
    server.api.with_key(None).post("/v1/session", body).await.problem(401, "UNAUTHORIZED");
    let cookie = format!("latchkey_session={}", server.admin_key);
    let confused = Browser { cookie, ..browser };
    confused.get("/v1/whoami").await.problem(401, "UNAUTHORIZED");
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_a_session_has_the_scopes_and_keyspaces_of_its_admin_key_and_no_more() {
    let server = Server::start().await;
    let own = server.api.keyspace(json!({ "name": "Own" })).await;
    let other = server.api.keyspace(json!({ "name": "Other" })).await;
    let narrow = server.admin(json!({ "scopes": ["keyspaces:read"], "keyspaces": [own] })).await;
    let browser = Browser::sign_in(&server, narrow.admin_key().unwrap()).await;
    assert_eq!(browser.session["scopes"], json!(["keyspaces:read"]));
    assert_eq!(browser.session["keyspaces"], json!([own]));
    browser.get(&format!("/v1/keyspaces/{own}")).await.expect(200);
    browser.get(&format!("/v1/keyspaces/{other}")).await.problem(404, "NOT_FOUND");
    let keys = format!("/v1/keyspaces/{own}/keys");
    browser.post(&keys, json!({})).await.problem(403, "INSUFFICIENT_SCOPE");
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_what_a_session_does_is_audited_as_such() {
    let server = Server::start().await;
    let before = server.audit_rows().await.len();
    let browser = Browser::sign_in(&server, &server.admin_key).await;
    browser.post("/v1/keyspaces", json!({ "name": "By hand" })).await.expect(201);
    browser.delete("/v1/session").await.expect(204);
    server.api.post("/v1/keyspaces", json!({ "name": "By program" })).await.expect(201);
    let rows = server.audit_rows().await.split_off(before);
    let actions: Vec<_> = rows.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["session.began", "keyspace.created", "session.ended", "keyspace.created"]);
    let id = browser.session["id"].as_str().unwrap();
    let by: Vec<_> = rows.iter().map(|row| row.session_id.map(|id| id.to_string())).collect();
    assert_eq!(by.iter().map(Option::as_deref).collect::<Vec<_>>(), [Some(id), Some(id), Some(id), None]);
    assert!(rows.iter().all(|row| row.actor == browser.session["admin_key_id"].as_str().unwrap()));
    server.api.get("/v1/audit:verify").await.expect(200);
    let listed = server.api.get("/v1/audit?limit=2").await.expect(200);
    assert_eq!(
        (&listed["data"][0]["session_id"], &listed["data"][1]["session_id"]),
        (&json!(null), &json!(id))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_signing_out_ends_one_session_and_ending_all_ends_all_of_the_admin_key() {
    let server = Server::start().await;
    let other_key = server.admin(json!({ "scopes": ["keys:read"] })).await;
    let others = Browser::sign_in(&server, other_key.admin_key().unwrap()).await;
    let [first, second, third] = [
        Browser::sign_in(&server, &server.admin_key).await,
        Browser::sign_in(&server, &server.admin_key).await,
        Browser::sign_in(&server, &server.admin_key).await,
    ];
    let gone = first.delete("/v1/session").await;
    assert!(gone.header("set-cookie").starts_with("latchkey_session=; Max-Age=0; Path=/v1"));
    gone.expect(204);
    first.get("/v1/session").await.problem(401, "UNAUTHORIZED");
    second.get("/v1/session").await.expect(200);
    assert_eq!(second.post("/v1/session:end-all", json!({})).await.expect(200), json!({ "ended": 2 }));
    for ended in [&second, &third] {
        ended.get("/v1/session").await.problem(401, "UNAUTHORIZED");
    }
    others.get("/v1/session").await.expect(200);
    server.api.get("/v1/whoami").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_sessions_end_with_their_admin_key_at_once() {
    let (server, clock) = Server::start_at(Timestamp(1_800_000_000_000)).await;
    let doomed = server.admin(json!({ "scopes": ["keys:read"] })).await;
    let browser = Browser::sign_in(&server, doomed.admin_key().unwrap()).await;
    browser.get("/v1/session").await.expect(200);
    let id = browser.session["admin_key_id"].as_str().unwrap();
    server.api.delete(&format!("/v1/admin-keys/{id}")).await.expect(200);
    browser.get("/v1/session").await.problem(401, "UNAUTHORIZED");
    let body = json!({ "admin_key": doomed.admin_key() });
    server.api.with_key(None).post("/v1/session", body).await.problem(401, "UNAUTHORIZED");

    let end = Timestamp(1_800_000_000_000 + 60_000).to_string();
    let short = server.admin(json!({ "scopes": ["keys:read"], "expires_at": end })).await;
    let browser = Browser::sign_in(&server, short.admin_key().unwrap()).await;
    assert_eq!(browser.session["expires_at"], end);
    clock.advance_seconds(60);
    browser.get("/v1/session").await.problem(401, "UNAUTHORIZED");
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_a_session_ends_without_use_and_after_a_working_day() {
    let (server, clock) = Server::start_at(Timestamp(1_800_000_000_000)).await;
    let idle = Browser::sign_in(&server, &server.admin_key).await;
    let busy = Browser::sign_in(&server, &server.admin_key).await;
    for _ in 0..19 {
        clock.advance_seconds(25 * 60);
        busy.get("/v1/session").await.expect(200);
    }
    idle.get("/v1/session").await.problem(401, "UNAUTHORIZED");
    clock.advance_seconds(5 * 60);
    busy.get("/v1/session").await.problem(401, "UNAUTHORIZED");
    assert_eq!(server.purge().await.sessions, 2);
    assert_eq!(server.purge().await.sessions, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_an_admin_key_has_fifty_sessions_and_a_further_one_ends_the_oldest() {
    let server = Server::start().await;
    let first = Browser::sign_in(&server, &server.admin_key).await;
    let second = Browser::sign_in(&server, &server.admin_key).await;
    for _ in 0..49 {
        Browser::sign_in(&server, &server.admin_key).await;
    }
    first.get("/v1/session").await.problem(401, "UNAUTHORIZED");
    second.get("/v1/session").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_guessing_admin_keys_is_throttled_and_signing_in_is_not() {
    let (server, clock) = Server::start_at(Timestamp(1_800_000_000_000)).await;
    for _ in 0..30 {
        Browser::sign_in(&server, &server.admin_key).await;
    }
    let open = server.api.with_key(None);
    let guess = async |key: &str| open.post("/v1/session", json!({ "admin_key": key })).await;
    for _ in 0..10 {
        guess("lkadm_live_guess").await.problem(401, "UNAUTHORIZED");
    }
    let refused = guess(&server.admin_key).await;
    assert_eq!(refused.header("retry-after"), "6");
    refused.problem(429, "SIGN_IN_THROTTLED");
    server.api.get("/v1/whoami").await.expect(200);
    clock.advance_seconds(6);
    guess(&server.admin_key).await.expect(201);
}
