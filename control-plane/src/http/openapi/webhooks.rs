//! The `webhooks` of the document: what receivers get, with a schema and an example of each type of event.

use serde_json::{Map, Value, json};

use super::SCHEMAS;
use crate::domain::EventType;

/// Describes every type of event.
pub(super) fn describe(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    schemas["EventKey"] = key_schema();
    schemas["EventUnit"] = object(&["unit", "granted", "consumed", "remaining"]);
    for kind in EventType::ALL {
        schemas[schema_name(*kind)] = schema(*kind);
    }
    let webhooks = EventType::ALL.iter().map(|kind| (kind.as_str().to_owned(), operation(*kind)));
    document["webhooks"] = Value::Object(webhooks.collect());
}

/// `Event` and the type in one word, such as `EventKeyCreated`.
fn schema_name(kind: EventType) -> String {
    let words = kind.as_str().split('.').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    format!("Event{}", words.collect::<String>())
}

fn operation(kind: EventType) -> Value {
    let reference = json!({ "$ref": format!("{SCHEMAS}{}", schema_name(kind)) });
    json!({ "post": {
        "tags": ["events"],
        "operationId": format!("on_{}", kind.as_str().replace('.', "_")),
        "summary": kind.summary().trim(),
        "parameters": [
            header("webhook-id", "The event's id: the same in every attempt, by which repeats are known.", "evt_06nd5xbm0q3tz"),
            header("webhook-timestamp", "When the attempt was made, in seconds since 1970.", "1801396800"),
            header(
                "webhook-signature",
                "Signatures over `id.timestamp.body`, separated by spaces: `v1,` and HMAC-SHA256, or `v1a,` and Ed25519, in base64.",
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ],
        "requestBody": { "required": true, "content": { "application/json": {
            "schema": reference,
            "example": example(kind),
        } } },
        "responses": {
            "2XX": { "description": "Taken. It is not sent again." },
            "410": { "description": "Nothing more is wanted: the webhook is switched off." },
            "default": { "description": "Not taken: it is tried again for 28 hours." },
        },
    } })
}

fn header(name: &str, description: &str, example: &str) -> Value {
    json!({
        "name": name, "in": "header", "required": true, "description": description,
        "schema": { "type": "string", "examples": [example] },
    })
}

fn schema(kind: EventType) -> Value {
    json!({
        "type": "object",
        "description": kind.summary().trim(),
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": { "type": "string", "const": kind.as_str() },
            "timestamp": time(),
            "data": object(fields(kind)),
        },
    })
}

/// What a receiver gets, made up.
fn example(kind: EventType) -> Value {
    let data: Map<_, _> = fields(kind).iter().map(|name| ((*name).to_owned(), field(name).1)).collect();
    json!({ "type": kind.as_str(), "timestamp": "2027-01-31T12:00:00.000Z", "data": data })
}

/// The fields of an event's data; all of them are always there.
fn fields(kind: EventType) -> &'static [&'static str] {
    use EventType as E;
    match kind {
        E::KeyCreated | E::KeyRotated | E::KeyDisabled | E::KeyEnabled | E::KeyRevoked | E::KeyRestored => {
            &["keyspace_id", "key_id", "change_seq", "actor", "request_id", "key"]
        }
        E::KeyUpdated => &["keyspace_id", "key_id", "change_seq", "actor", "request_id", "key", "changed"],
        E::KeyExpiring => &["keyspace_id", "key_id", "expires_at", "days_left", "key"],
        E::KeyExpired => &["keyspace_id", "key_id", "expires_at", "key"],
        E::KeyLeaked => {
            &["keyspace_id", "key_id", "change_seq", "actor", "request_id", "outcome", "source", "url", "key"]
        }
        E::CreditsLow | E::CreditsExhausted => {
            &["keyspace_id", "key_id", "unit", "granted", "consumed", "remaining", "low_at", "key"]
        }
        E::CreditsChanged => {
            &["keyspace_id", "key_id", "change_seq", "actor", "request_id", "deltas", "credits", "key"]
        }
        E::SnapshotPublished => &["keyspace_id", "epoch", "seq", "change_seq", "issued_at"],
        E::EdgeStale => {
            &["keyspace_id", "gate", "applied_seq", "applied_change_seq", "acked_at", "last_error"]
        }
        E::SnapshotHeld => &[
            "keyspace_id",
            "hold_reason",
            "change_seq",
            "rows_before",
            "rows_after",
            "refused_by",
            "refused_with",
        ],
        E::GateRefused => &["keyspace_id", "gate", "refused_with", "detail", "seq"],
        E::KeyspaceDeleted => {
            &["keyspace_id", "change_seq", "actor", "request_id", "deleted_at", "keys_revoked"]
        }
        E::KeyspaceKilled | E::KeyspaceRevived => {
            &["keyspace_id", "change_seq", "actor", "request_id", "killed", "reason"]
        }
        E::OwnerRevoked => {
            &["keyspace_id", "change_seq", "actor", "request_id", "owner", "keys_revoked", "reason"]
        }
        E::WebhookDisabled => &["webhook_id", "webhook_url", "disabled_reason", "failing_since"],
        E::WebhookTest => &["webhook_id", "message"],
    }
}

fn object(names: &[&str]) -> Value {
    let properties: Map<_, _> = names
        .iter()
        .map(|name| {
            let (mut schema, example) = field(name);
            if schema.get("$ref").is_none() {
                schema["examples"] = json!([example]);
            }
            ((*name).to_owned(), schema)
        })
        .collect();
    json!({ "type": "object", "required": names, "properties": properties })
}

/// The schema of a field, which means the same in every event, and an example.
fn field(name: &str) -> (Value, Value) {
    let text = || json!({ "type": "string" });
    let optional_text = || json!({ "type": ["string", "null"] });
    let count = || json!({ "type": "integer", "minimum": 0 });
    let optional_count = || json!({ "type": ["integer", "null"], "minimum": 0 });
    let optional_time = || json!({ "type": ["string", "null"], "format": "date-time" });
    let list = |of: Value| json!({ "type": "array", "items": of });
    let reference = |to: &str| json!({ "$ref": format!("{SCHEMAS}{to}") });
    let moment = "2027-01-31T12:00:00.000Z";
    match name {
        "keyspace_id" => (text(), json!("ks_06nd5xbm0q3tz")),
        "key_id" => (text(), json!("key_06nd5xbm0q3tz")),
        "webhook_id" => (text(), json!("whk_06nd5xbm0q3tz")),
        "actor" => (text(), json!("adm_06nd5xbm0q3tz")),
        "request_id" => (text(), json!("req_06nd5xbm0q3tz")),
        "change_seq" | "seq" => (count(), json!(17)),
        "epoch" => (count(), json!(1)),
        "applied_seq" | "applied_change_seq" => (optional_count(), json!(16)),
        "key" => (reference("EventKey"), key_example()),
        "changed" => (list(text()), json!(["name"])),
        "expires_at" | "issued_at" | "deleted_at" => (time(), json!(moment)),
        "acked_at" | "failing_since" => (optional_time(), json!(moment)),
        "days_left" => (json!({ "type": "integer", "enum": [7, 1] }), json!(7)),
        "outcome" => {
            let outcomes = ["revoked", "disabled", "notified", "already_revoked"];
            (json!({ "type": "string", "enum": outcomes }), json!("revoked"))
        }
        "source" => (optional_text(), json!("a secret scanner")),
        "url" => (optional_text(), json!("https://example.com/repository")),
        "webhook_url" => (text(), json!("https://hooks.example.com/latchkey")),
        "gate" => (text(), json!("https://gate.example.com")),
        "unit" => (text(), json!("requests")),
        "granted" => (count(), json!(1_000)),
        "consumed" => (count(), json!(950)),
        "remaining" => (count(), json!(50)),
        "low_at" => (optional_count(), json!(100)),
        "deltas" => {
            let delta = json!({
                "type": "object", "required": ["unit", "amount"],
                "properties": { "unit": { "type": "string" }, "amount": { "type": "integer" } },
            });
            (list(delta), json!([{ "unit": "requests", "amount": 500 }]))
        }
        "credits" => {
            let unit = json!({ "unit": "requests", "granted": 1_500, "consumed": 950, "remaining": 550 });
            (list(reference("EventUnit")), json!([unit]))
        }
        "keys_revoked" => (count(), json!(3)),
        "killed" => (json!({ "type": "boolean" }), json!(true)),
        "reason" => (text(), json!("an incident")),
        "disabled_reason" => (json!({ "type": "string", "enum": ["gone", "failing"] }), json!("gone")),
        "owner" => (text(), json!("team-ci")),
        "last_error" => (optional_text(), json!("TIMEOUT")),
        "hold_reason" => {
            (json!({ "type": "string", "enum": ["shrink", "growth", "refused"] }), json!("refused"))
        }
        "rows_before" | "rows_after" => (optional_count(), Value::Null),
        "refused_by" => (optional_text(), json!("https://gate.example.com")),
        "refused_with" => (optional_text(), json!("NOT_CANONICAL")),
        "detail" => (text(), json!("it is not in the one canonical encoding")),
        "message" => (text(), json!("This is a test.")),
        _ => (json!({}), Value::Null),
    }
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn key_example() -> Value {
    json!({
        "id": "key_06nd5xbm0q3tz",
        "name": "Nightly tests",
        "description": "",
        "environment": "test",
        "owner": "team-ci",
        "tags": ["ci"],
        "metadata": {},
        "enabled": true,
        "expires_at": null,
        "permissions": ["items:read"],
        "roles": [],
        "external_id": null,
        "revoked_at": null,
        "revoked_reason": null,
        "revoked_note": null,
        "secrets": [{ "id": "sec_06nd5xbm0q3tz", "start": "demo_test_ab12", "expires_at": null }],
    })
}

fn key_schema() -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let optional = json!({ "type": ["string", "null"] });
    let optional_time = json!({ "type": ["string", "null"], "format": "date-time" });
    let text = json!({ "type": "string" });
    let secret = json!({
        "type": "object",
        "description": "One token of the key: what people recognise it by, never the token.",
        "required": ["id", "start", "expires_at"],
        "properties": { "id": text, "start": text, "expires_at": optional_time },
    });
    let properties = json!({
        "id": text, "name": text, "description": text,
        "environment": { "type": "string", "enum": ["test", "live"] },
        "owner": optional, "tags": texts, "metadata": { "type": "object" },
        "enabled": { "type": "boolean" }, "expires_at": optional_time,
        "permissions": texts, "roles": texts, "external_id": optional,
        "revoked_at": optional_time, "revoked_reason": optional, "revoked_note": optional,
        "secrets": { "type": "array", "items": secret },
    });
    let required: Vec<_> = properties.as_object().into_iter().flat_map(Map::keys).cloned().collect();
    json!({
        "type": "object",
        "description": "A key as it was after the event. It holds neither tokens nor their hashes.",
        "required": required,
        "properties": properties,
    })
}
