//! Which statuses an operation can answer with. What follows from its inputs and from its admin key is added here; what follows from
//! the state of things (404 without an id in the path, 409, 503) the operation says itself.

use serde_json::{Map, Value, json};

use super::{SCHEMAS, operations_in};
use crate::http::idempotency::IDEMPOTENCY_KEY;

/// An answer that many operations share: its status, its name in the document, and its description.
type Shared = (u16, &'static str, &'static str);

const BAD_REQUEST: Shared = (
    400,
    "BadRequest",
    "The request cannot be read: `MALFORMED_ID`, `INVALID_QUERY`, `INVALID_HEADER`, `MALFORMED_JSON` or `BODY_UNREADABLE`.",
);
const UNAUTHORIZED: Shared =
    (401, "Unauthorized", "No admin key or session, or not a good one: `UNAUTHORIZED`.");
const FORBIDDEN: Shared = (
    403,
    "Forbidden",
    "The admin key lacks the scope, or does not reach that far: `INSUFFICIENT_SCOPE`. Or another site may have made a signed-in browser ask: \
     `CSRF_REFUSED`.",
);
const NOT_FOUND: Shared = (404, "NotFound", "There is no such object: `NOT_FOUND`.");
const CONFLICT: Shared =
    (409, "InFlight", "A request with this Idempotency-Key is in flight: `IDEMPOTENCY_IN_FLIGHT`.");
const PRECONDITION_FAILED: Shared =
    (412, "PreconditionFailed", "Somebody else changed the object meanwhile: `PRECONDITION_FAILED`.");
const TOO_LARGE: Shared = (413, "ContentTooLarge", "The body is too large: `BODY_TOO_LARGE`.");
const UNSUPPORTED: Shared =
    (415, "UnsupportedMediaType", "The body has another content type: `UNSUPPORTED_MEDIA_TYPE`.");
const INVALID: Shared = (
    422,
    "InvalidFields",
    "The body has wrong fields, all of them named in `errors`: `INVALID_FIELDS`. Or the Idempotency-Key was used for another \
     request: `IDEMPOTENCY_KEY_REUSED`.",
);
const TOO_MANY: Shared =
    (429, "TooManyRequests", "The admin key made too many requests in a second: `RATE_LIMITED`.");
const INTERNAL: Shared = (500, "Internal", "The request failed through no fault of its own: `INTERNAL`.");

const ALL: [Shared; 11] = [
    BAD_REQUEST,
    UNAUTHORIZED,
    FORBIDDEN,
    NOT_FOUND,
    CONFLICT,
    PRECONDITION_FAILED,
    TOO_LARGE,
    UNSUPPORTED,
    INVALID,
    TOO_MANY,
    INTERNAL,
];

/// Gives every operation the answers that it shares with others, and every error its form.
pub(super) fn describe(document: &mut Value) {
    let shared = ALL.iter().map(|(status, name, description)| {
        (
            (*name).to_owned(),
            with_headers(*status, json!({ "description": description, "content": problem() })),
        )
    });
    document["components"]["responses"] = Value::Object(shared.collect());
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        let names_an_object = path.contains('{');
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let added = shared_answers(operation, names_an_object);
            let Some(answers) = operation["responses"].as_object_mut() else { continue };
            for (status, name, _) in added {
                answers
                    .entry(status.to_string())
                    .or_insert_with(|| json!({ "$ref": format!("#/components/responses/{name}") }));
            }
        }
    }
    for operation in operations_in(document) {
        complete(operation);
    }
}

fn shared_answers(operation: &Value, names_an_object: bool) -> Vec<Shared> {
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let takes = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
    let security = operation["security"][0].as_object();
    let asks_for_a_scope =
        security.is_some_and(|security| security.values().any(|scopes| scopes != &json!([])));
    let body = operation["requestBody"]["content"].as_object();
    // A body of lines has no bound, and what is wrong with a line is told in the answer's line.
    let is_read_whole = body.is_some_and(|kinds| !kinds.contains_key("application/x-ndjson"));
    let is_repeatable = takes(IDEMPOTENCY_KEY.as_str());
    let can_happen = [
        (!parameters.is_empty() || body.is_some(), BAD_REQUEST),
        (security.is_some(), UNAUTHORIZED),
        (asks_for_a_scope, FORBIDDEN),
        (names_an_object, NOT_FOUND),
        (is_repeatable, CONFLICT),
        (takes("If-Match"), PRECONDITION_FAILED),
        (is_read_whole, TOO_LARGE),
        (body.is_some(), UNSUPPORTED),
        (is_read_whole, INVALID),
        (security.is_some(), TOO_MANY),
        (true, INTERNAL),
    ];
    can_happen.into_iter().filter(|(can_happen, _)| *can_happen).map(|(_, answer)| answer).collect()
}

/// The answers that an operation describes itself: errors are problems, and where a header belongs to a status it is said.
fn complete(operation: &mut Value) {
    for (status, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
        let status = status.parse().unwrap_or(0);
        if answer.get("$ref").is_some() {
            continue;
        }
        if status >= 400 {
            answer["content"] = problem();
        }
        *answer = with_headers(status, answer.take());
    }
}

fn with_headers(status: u16, mut answer: Value) -> Value {
    let (name, description, schema) = match status {
        201 => ("Location", "The path of what was made.", json!({ "type": "string" })),
        401 => ("WWW-Authenticate", "`Bearer`.", json!({ "type": "string" })),
        429 => ("Retry-After", "In seconds.", json!({ "type": "integer", "minimum": 1 })),
        _ => return answer,
    };
    answer["headers"][name] = json!({ "description": description, "required": true, "schema": schema });
    answer
}

fn problem() -> Value {
    json!({ "application/problem+json": { "schema": { "$ref": format!("{SCHEMAS}Problem") } } })
}
