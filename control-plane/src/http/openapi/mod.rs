//! The OpenAPI document: what the operations say of themselves, completed by what holds for all of them.

mod answers;
mod inputs;
mod webhooks;

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::access::{SCHEME, SESSION_SCHEME};
use super::keys::revoke_self::SCHEME as HOLDER_SCHEME;
use super::policy::view::SourceView;
use super::problem::{FieldProblem, Problem};
use super::router::operations;
use super::session::cookie::PLAIN_NAME;

/// Where the document keeps the schemas that it refers to.
const SCHEMAS: &str = "#/components/schemas/";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Latchkey control plane",
        description = "Issues API keys, keeps them, and publishes signed snapshots to gates.\n\nErrors are `application/problem+json` \
                       (RFC 9457) with a `code` for programs. Mutations answer with `Latchkey-Change-Seq`; a change is enforced \
                       at a gate once `…/propagation` shows that number or a higher one. Every answer carries `X-Request-Id`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem, FieldProblem, SourceView))
)]
struct Document;

/// The OpenAPI document as it is committed in `openapi.json`.
pub fn document() -> String {
    let (_, paths) = operations().split_for_parts();
    let mut document = serde_json::to_value(Document::openapi().merge_from(paths)).unwrap_or_default();
    document["components"]["securitySchemes"] = json!({
        SCHEME: {
            "type": "http", "scheme": "bearer",
            "description": "An admin key. Each operation names the scope that it asks for."
        },
        SESSION_SCHEME: {
            "type": "apiKey", "in": "cookie", "name": PLAIN_NAME,
            "description": "A browser that is signed in, see POST /v1/session: it has the scopes of its admin key. Reached by another name \
                            than that of the machine itself, the cookie is called `__Host-latchkey_session`. A call that changes something \
                            must carry the session's `csrf_token` as `X-CSRF-Token`, or is refused with 403 `CSRF_REFUSED`. A request \
                            with an Authorization header is not looked at for cookies."
        },
        HOLDER_SCHEME: {
            "type": "http", "scheme": "bearer",
            "description": "A key itself, as its holder presents it to a gate."
        }
    });
    inputs::describe(&mut document);
    answers::describe(&mut document);
    webhooks::describe(&mut document);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Every operation of the document.
fn operations_in(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let items = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    items.filter_map(Value::as_object_mut).flat_map(Map::values_mut)
}
