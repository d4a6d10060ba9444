//! What all operations say alike of their inputs.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{SCHEMAS, operations_in};
use crate::domain::{
    AdminKeyId, DeliveryId, KeyId, KeyspaceId, RoleId, SigningKeyId, UpstreamCredentialId, WebhookId,
};
use crate::http::idempotency::{IDEMPOTENCY_KEY, MAX_NAME_BYTES};
use crate::http::params::MAX_LIMIT;

/// The 63 bits of an id's number, in the alphabet of ids.
const ID_NUMBER: &str = "[0-7][0-9a-hjkmnp-tv-z]{12}";
/// `*`, or entity tags of the characters that ours have.
const ENTITY_TAGS: &str = r#"^(\*|(W/)?"[0-9a-z]*"(, ?(W/)?"[0-9a-z]*")*)$"#;
/// What [`cursor`](crate::http::params::cursor) can make: 63 bits in base64url.
const CURSOR: &str = "^[A-Za-f][A-Za-z0-9_-]{9}[AEIMQUYcgkosw048]$";

/// Says of every parameter and every body which values are taken.
pub(super) fn describe(document: &mut Value) {
    for operation in operations_in(document) {
        if let Some(schema) = operation.pointer_mut("/requestBody/content/application~1json/schema")
            && schema["oneOf"][1] == json!({ "type": "null" })
        {
            // A body that may be absent may not be `null`.
            *schema = schema["oneOf"][0].take();
        }
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        parameters.into_iter().flatten().for_each(narrow);
    }
    close_bodies(document);
}

/// Says of a parameter that means the same everywhere which values it takes.
fn narrow(parameter: &mut Value) {
    let id = |kind: &str| json!({ "type": "string", "pattern": format!("^{kind}_{ID_NUMBER}$") });
    let Some(name) = parameter["name"].as_str() else { return };
    parameter["schema"] = match name {
        "admin_key_id" => id(AdminKeyId::KIND),
        "keyspace_id" => id(KeyspaceId::KIND),
        "key_id" => id(KeyId::KIND),
        "upstream_credential_id" => id(UpstreamCredentialId::KIND),
        "signing_key_id" => id(SigningKeyId::KIND),
        "role_id" => id(RoleId::KIND),
        "webhook_id" => id(WebhookId::KIND),
        "delivery_id" => id(DeliveryId::KIND),
        "If-Match" => json!({ "type": "string", "pattern": ENTITY_TAGS, "examples": ["*", "\"17\""] }),
        "limit" => json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT }),
        "cursor" => json!({ "type": "string", "pattern": CURSOR }),
        "force" => json!({ "type": "boolean" }),
        name if name == IDEMPOTENCY_KEY.as_str() => {
            json!({ "type": "string", "pattern": format!("^[!-~]{{1,{MAX_NAME_BYTES}}}$") })
        }
        _ => return,
    };
}

/// Says of every object in a request body that it has no other fields, because unknown ones are refused.
fn close_bodies(document: &mut Value) {
    let mut found = Vec::new();
    for operation in operations_in(document) {
        collect_references(&operation["requestBody"], &mut found);
    }
    let mut closed = BTreeSet::new();
    while let Some(name) = found.pop() {
        if !closed.insert(name.clone()) {
            continue;
        }
        let Some(schema) = document["components"]["schemas"].get_mut(&name) else { continue };
        let mut schema = schema.take();
        collect_references(&schema, &mut found);
        join_parts(&mut schema, &document["components"]["schemas"]);
        if schema["properties"].is_object() {
            schema["additionalProperties"] = Value::Bool(false);
        }
        document["components"]["schemas"][&name] = schema;
    }
}

/// Makes one object of an `allOf`: closed parts would each refuse the fields of the others.
fn join_parts(schema: &mut Value, schemas: &Value) {
    let Some(object) = schema.as_object_mut() else { return };
    let Some(Value::Array(parts)) = object.remove("allOf") else { return };
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in &parts {
        let name = part["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS));
        let part = name.map_or(part, |name| &schemas[name]);
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
    }
    object.insert("type".to_owned(), json!("object"));
    object.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        object.insert("required".to_owned(), Value::Array(required));
    }
}

/// The names of the schemas that a part of the document refers to.
fn collect_references(part: &Value, found: &mut Vec<String>) {
    match part {
        Value::Object(fields) => {
            let name = fields.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(SCHEMAS));
            found.extend(name.map(str::to_owned));
            fields.values().for_each(|field| collect_references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        _ => {}
    }
}
