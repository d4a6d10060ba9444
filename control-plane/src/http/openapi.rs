use serde_json::{Value, json};
use utoipa::OpenApi;

use super::access::SCHEME;
use super::problem::{FieldProblem, Problem};
use super::router::operations;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Latchkey control plane",
        description = "Manages keyspaces, their API keys and policies, and publishes signed snapshots to gates. Every request \
            under /v1 carries `Authorization: Bearer` with an admin key. Errors are RFC 9457 problems with a stable `code`."
    ),
    components(schemas(Problem, FieldProblem))
)]
struct Skeleton;

/// The OpenAPI 3.1 document of the API, as text that is the same for the same API.
pub fn document() -> String {
    let mut openapi = Skeleton::openapi();
    openapi.merge(operations().into_openapi());
    let mut document = serde_json::to_value(&openapi).unwrap_or_default();
    document["components"]["securitySchemes"] = json!({
        SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "description": "An admin key, such as the one that the first start prints. What an operation lists beside it are the scopes that the key needs."
        }
    });
    describe_what_all_share(&mut document);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Errors are the same for every operation, so no operation has to repeat them.
fn describe_what_all_share(document: &mut Value) {
    let problem = json!({
        "description": "What is wrong, as an RFC 9457 problem.",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
    });
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for item in paths.values_mut() {
        let Some(operations) = item.as_object_mut() else { continue };
        for operation in operations.values_mut() {
            operation["responses"]["default"] = problem.clone();
        }
    }
}
