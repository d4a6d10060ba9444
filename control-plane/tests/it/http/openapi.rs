use std::path::Path;

use crate::support::server::Server;

#[test]
fn g4_the_committed_document_is_the_one_that_the_program_serves() {
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

#[test]
fn g4_everything_that_the_document_refers_to_is_in_it() {
    let text = latchkey_control_plane::http::document();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let references: Vec<_> = text.split("\"$ref\": \"#").skip(1).collect();
    assert!(references.len() > 100);
    for reference in references {
        let reference = reference.split('"').next().unwrap();
        let found = document.pointer(reference);
        assert!(found.is_some_and(|found| found.is_object()), "nothing is at {reference}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_the_document_is_served_as_openapi_3_1_with_unique_operations() {
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
