use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{AuditEntry, Timestamp};
use crate::http::shapes;

/// One row of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct AuditEntryView {
    /// 1, 2, 3, … without gaps.
    seq: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The admin key's id, or `system`.
    #[schema(example = "adm_06nd5xbm0q3tz")]
    actor: String,
    /// The session by which the admin key was used; `null` if the request carried the key itself.
    #[schema(value_type = Option<shapes::SessionId>)]
    session_id: Option<String>,
    #[schema(example = "key.created")]
    action: String,
    /// The object's id.
    #[schema(example = "key_06nd5xbm0q3tz")]
    object: String,
    /// The keyspace that it concerned, if one.
    #[schema(value_type = Option<shapes::KeyspaceId>)]
    keyspace_id: Option<String>,
    /// The address that the request came from; empty for the program itself.
    source: String,
    request_id: String,
    /// The object before; `null` if it is new.
    #[schema(value_type = Option<Object>)]
    before: Value,
    /// The object after; `null` if it is gone.
    #[schema(value_type = Option<Object>)]
    after: Value,
    /// The hash of the row before, in hexadecimal.
    #[schema(value_type = shapes::Sha256)]
    previous_hash: String,
    #[schema(value_type = shapes::Sha256)]
    hash: String,
}

impl From<AuditEntry> for AuditEntryView {
    fn from(entry: AuditEntry) -> Self {
        let json = |text: &str| serde_json::from_str(text).unwrap_or_default();
        Self {
            seq: entry.seq,
            at: entry.at,
            before: json(&entry.before),
            after: json(&entry.after),
            actor: entry.actor,
            session_id: entry.session_id.map(|id| id.to_string()),
            action: entry.action,
            object: entry.object,
            keyspace_id: entry.keyspace_id.map(|id| id.to_string()),
            source: entry.source,
            request_id: entry.request_id,
            previous_hash: hex::encode(entry.previous_hash),
            hash: hex::encode(entry.hash),
        }
    }
}
