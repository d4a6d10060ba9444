use std::path::Path;

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::server::Server;

#[test]
fn the_committed_document_is_the_one_that_the_program_serves() {
    let committed = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json"))
        .unwrap_or_default();
    let current = latchkey_control_plane::http::document();
    let first_change = committed.lines().zip(current.lines()).position(|(one, other)| one != other);
    assert!(
        committed == current,
        "control-plane/openapi.json is not up to date (line {:?}); run\n\n    cargo run -p latchkey-control-plane -- openapi > control-plane/openapi.json\n",
        first_change.map(|line| line + 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_as_openapi_3_1_with_unique_operations() {
    let server = Server::start().await;
    let answer = server.api.with_key(None).get("/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let mut ids: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

/// The schemas of bodies are written by hand beside the code that reads them; this keeps the two together.
#[tokio::test(flavor = "multi_thread")]
async fn every_documented_field_of_a_body_is_accepted() {
    let server = Server::start().await;
    let document = server.api.get("/openapi.json").await.expect(200);
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let mut bodies = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(content) = operation["requestBody"]["content"].as_object() else { continue };
            let schema = &content.values().next().unwrap()["schema"];
            let body = example(&document, schema);
            assert!(
                body.as_object().is_some_and(|body| !body.is_empty()),
                "{method} {path} documents no fields"
            );
            let key = server.api.key(&keyspace, json!({})).await["id"].as_str().unwrap().to_owned();
            let path = path.replace("{keyspace_id}", &keyspace).replace("{key_id}", &key);
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = server.api.send(method.clone(), &path, Some(&body)).await;
            assert!(answer.status.is_success(), "{method} {path} refused {body}: {}", answer.text);
            bodies += 1;
            // The next operation wants the same name.
            let made = (answer.status == 201 && path.ends_with("/keys")).then(|| answer.expect(201));
            let made = made.as_ref().and_then(|made| made["id"].as_str()).unwrap_or(&key);
            server.api.delete(&format!("/v1/keys/{made}")).await.expect(200);
        }
    }
    assert!(bodies >= 6, "only {bodies} operations have a body");
}

/// A value with every property that a schema documents, made of the examples.
fn example(document: &Value, schema: &Value) -> Value {
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return example(document, &document["components"]["schemas"][name]);
    }
    if let Some(one) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        return example(document, one.iter().find(|one| one["type"] != "null").unwrap());
    }
    if let Some(properties) = schema["properties"].as_object() {
        let fields: Map<_, _> =
            properties.iter().map(|(name, property)| (name.clone(), example(document, property))).collect();
        return Value::Object(fields);
    }
    if schema.get("items").is_some() {
        return json!([example(document, &schema["items"])]);
    }
    panic!("give an example for {schema}")
}
