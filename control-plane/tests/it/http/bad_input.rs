use reqwest::Method;
use serde_json::json;

use crate::support::api::read;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_methods_are_problems_too() {
    let server = Server::start().await;
    server.api.get("/v1/nothing").await.problem(404, "NOT_FOUND");
    server.api.get("/v1/keyspaces/").await.problem(404, "NOT_FOUND");
    let answer = server.api.put("/v1/keyspaces", json!({})).await;
    assert!(answer.header("allow").contains("POST"));
    answer.problem(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_a_path_does_not_take_is_refused_with_those_that_it_takes() {
    let server = Server::start().await;
    let refused = async |method: &str, path: &str, allowed: &str| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = read(server.api.request(method.clone(), path).send().await.unwrap()).await;
        let allow = answer.header("allow").to_owned();
        let mut named: Vec<_> = allow.split(',').map(str::trim).collect();
        named.sort_unstable();
        assert_eq!(named.join(" "), allowed, "{method} {path}");
        answer.problem(405, "METHOD_NOT_ALLOWED");
    };
    for verb in ["rotate", "restore"] {
        for method in ["GET", "PUT", "PATCH", "DELETE", "QUERY"] {
            refused(method, &format!("/v1/keys/key_0000000000001:{verb}"), "POST").await;
        }
    }
    for method in ["POST", "PUT", "QUERY"] {
        refused(method, "/v1/keys/key_0000000000001", "DELETE GET HEAD PATCH").await;
    }
    for path in ["/v1/keys:lookup", "/v1/keys:update", "/v1/keys:revoke-leaked"] {
        refused("GET", path, "POST").await;
    }
    refused("POST", "/v1/audit:verify", "GET HEAD").await;
    refused("DELETE", "/v1/keyspaces/ks_0000000000001/keys:import", "POST").await;
    for path in ["/v1/keys/key_0000000000001:dance", "/v1/keys/key_0000000000001:", "/v1/keys:dance"] {
        for method in [Method::GET, Method::POST] {
            let answer = read(server.api.request(method, path).send().await.unwrap()).await;
            answer.problem(404, "NOT_FOUND");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_none_are_refused_with_their_form() {
    let server = Server::start().await;
    for id in ["ks_1", "key_0000000000001", "KS_0000000000001", "ks_000000000000i", "%20", "ks_%ff"] {
        let problem = server.api.get(&format!("/v1/keyspaces/{id}")).await.problem(400, "MALFORMED_ID");
        assert!(problem["detail"].as_str().unwrap().contains("id in the path"), "{problem}");
    }
    let problem = server.api.get("/v1/keys/ks_0000000000001").await.problem(400, "MALFORMED_ID");
    assert!(problem["detail"].as_str().unwrap().contains("`key_`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_json_object_are_refused() {
    let server = Server::start().await;
    let send = async |body: &'static str, kind: Option<&'static str>| {
        let request = server.api.request(Method::POST, "/v1/keyspaces").body(body);
        let request = if let Some(kind) = kind { request.header("content-type", kind) } else { request };
        read(request.send().await.unwrap()).await
    };
    for body in ["", "{", "[]", "\"name\"", "{\"name\":}", "{\"name\":\"a\"} x", "\u{0}"] {
        send(body, Some("application/json")).await.problem(400, "MALFORMED_JSON");
    }
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        send("{\"name\":\"a\"}", kind).await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    send("{\"name\":\"a\"}", Some("application/json; charset=utf-8")).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn deeply_nested_json_is_refused_and_harms_nobody() {
    let server = Server::start().await;
    let nested = format!("{{\"name\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let request =
        server.api.request(Method::POST, "/v1/keyspaces").header("content-type", "application/json");
    read(request.body(nested).send().await.unwrap()).await.problem(400, "MALFORMED_JSON");
    server.api.get("/healthz").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_over_64_kib_are_refused_with_the_limit() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let large = json!({ "name": "x".repeat(65_536) });
    for (method, path) in [
        (Method::POST, "/v1/keyspaces".to_owned()),
        (Method::PATCH, format!("/v1/keyspaces/{keyspace}")),
        (Method::PUT, format!("/v1/keyspaces/{keyspace}/policy")),
        (Method::POST, format!("/v1/keyspaces/{keyspace}/keys")),
    ] {
        let problem = server.api.send(method, &path, Some(&large)).await.problem(413, "BODY_TOO_LARGE");
        assert!(problem["detail"].as_str().unwrap().contains("65536 bytes"));
    }
    let fits = json!({ "name": "x".repeat(65_536 - 11) });
    assert_eq!(fits.to_string().len(), 65_536);
    server.api.post("/v1/keyspaces", fits).await.problem(422, "INVALID_FIELDS");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named_in_one_answer() {
    let server = Server::start().await;
    let body = json!({
        "nam": "typo", "prefix": "Not-A-Prefix", "environment": 5, "gates": [{ "url": "gopher://x" }, "y"],
        "freshness": { "valid_seconds": 1, "colour": "red" }
    });
    let mut fields = server.api.post("/v1/keyspaces", body).await.wrong_fields(422, "INVALID_FIELDS");
    fields.sort();
    assert_eq!(
        fields,
        [
            "/environment",
            "/freshness/colour",
            "/freshness/valid_seconds",
            "/gates/0/url",
            "/gates/1",
            "/nam",
            "/name",
            "/prefix"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_query_parameters_are_named() {
    let server = Server::start().await;
    for (query, field) in [
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("limit=x", "/limit"),
        ("cursor=!", "/cursor"),
        ("cursor=AAAA", "/cursor"),
        ("page=2", "/page"),
        ("limit=1&limit=2", "/limit"),
    ] {
        let answer = server.api.get(&format!("/v1/keyspaces?{query}")).await;
        assert_eq!(answer.wrong_fields(400, "INVALID_QUERY"), [field], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_mutation_leaves_nothing_behind() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let keys = format!("/v1/keyspaces/{keyspace}/keys");
    let first = server.api.post(&keys, json!({ "name": "A" })).await.change_seq();
    server.api.post(&keys, json!({ "name": "A" })).await.problem(409, "NAME_TAKEN");
    server.api.post(&keys, json!({ "roles": ["nobody"] })).await.wrong_fields(422, "INVALID_FIELDS");
    assert_eq!(server.api.post(&keys, json!({ "name": "B" })).await.change_seq(), first + 1);
    assert_eq!(server.api.get(&keys).await.expect(200)["data"].as_array().unwrap().len(), 2);
}
