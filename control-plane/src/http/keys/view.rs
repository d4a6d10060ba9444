use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::restrictions::{RestrictionsInput, RestrictionsPatchInput, RestrictionsView};
use crate::domain::{Key, Revocation, Secret, Timestamp};
use crate::http::precondition::tagged;
use crate::http::{reply, shapes};
use crate::storage::Committed;

/// A key.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct KeyView {
    #[schema(value_type = shapes::KeyId)]
    id: String,
    #[schema(value_type = shapes::KeyspaceId)]
    keyspace_id: String,
    #[schema(example = "CI runner")]
    name: String,
    description: String,
    #[schema(value_type = shapes::Environment)]
    environment: &'static str,
    owner: Option<String>,
    tags: Vec<String>,
    /// Passed to the upstream.
    metadata: Map<String, Value>,
    enabled: bool,
    #[schema(value_type = shapes::Status)]
    status: &'static str,
    /// `null`: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    #[schema(example = json!(["items:read"]))]
    permissions: Vec<String>,
    roles: Vec<String>,
    secrets: Vec<SecretView>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    #[schema(value_type = Option<shapes::Reason>)]
    revoked_reason: Option<&'static str>,
    revoked_note: Option<String>,
    /// Its name in another system.
    external_id: Option<String>,
    #[serde(flatten)]
    restrictions: RestrictionsView,
    /// The change that last touched it.
    change_seq: u64,
}

/// 200 with a key after a change, and its tag.
pub(super) fn changed_key(changed: Committed<Key>, now: Timestamp) -> Response {
    let Committed { value, change_seq } = changed;
    tagged(value.change_seq, reply::changed(change_seq, KeyView::of(value, now)))
}

/// One token of a key. The token itself is shown once, by the operation that makes it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SecretView {
    #[schema(value_type = shapes::SecretId)]
    id: String,
    /// What people recognise it by.
    #[schema(example = "demo_test_ab12")]
    start: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// From then on it is refused, if that is before the key's own end.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When a gate last let a request through with it, as far as gates report that.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

/// A key with its new token.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct KeyWithSecretView<'a> {
    #[serde(flatten)]
    pub(super) key: KeyView,
    /// The token. It is kept nowhere and shown this once; absent if the caller chose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<&'a str>,
}

impl KeyView {
    pub(super) fn of(key: Key, now: Timestamp) -> Self {
        let status = key.status(now).as_str();
        let (revoked_at, revoked_reason, revoked_note) = match key.revocation {
            Some(Revocation { at, reason, note }) => (Some(at), Some(reason.as_str()), note),
            None => (None, None, None),
        };
        Self {
            id: key.id.to_string(),
            keyspace_id: key.keyspace_id.to_string(),
            name: key.name,
            description: key.description,
            environment: key.environment.as_str(),
            owner: key.owner,
            tags: key.tags,
            metadata: key.metadata,
            enabled: key.enabled,
            status,
            expires_at: key.expires_at,
            permissions: key.permissions,
            roles: key.roles,
            secrets: key.secrets.into_iter().map(secret).collect(),
            created_at: key.created_at,
            updated_at: key.updated_at,
            revoked_at,
            revoked_reason,
            revoked_note,
            external_id: key.external_id,
            restrictions: key.restrictions.into(),
            change_seq: key.change_seq,
        }
    }
}

fn secret(secret: Secret) -> SecretView {
    SecretView {
        id: secret.id.to_string(),
        start: secret.start,
        created_at: secret.created_at,
        expires_at: secret.expires_at,
        last_used_at: secret.last_used_at,
    }
}

/// What can be set of a new key. Every field is optional.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct KeyInput {
    #[serde(flatten)]
    restrictions: RestrictionsInput,
    /// 1 to 100 characters, unique among the owner's keys that are not revoked; default `Key 1`, `Key 2`, …
    #[schema(value_type = Option<shapes::Name>)]
    name: Option<String>,
    /// At most 1,000 characters.
    #[schema(value_type = Option<shapes::Description>)]
    description: Option<String>,
    /// Default `test`.
    #[schema(value_type = Option<shapes::Environment>)]
    environment: Option<String>,
    /// Whose key it is: at most 255 bytes.
    #[schema(value_type = Option<shapes::Owner>)]
    owner: Option<String>,
    /// At most 32.
    #[schema(value_type = Option<HashSet<shapes::Tag>>, max_items = 32, example = json!(["ci"]))]
    tags: Option<Vec<String>>,
    /// Passed to the upstream: at most 1,024 bytes as JSON.
    #[schema(example = json!({"plan": "free"}))]
    metadata: Option<Map<String, Value>>,
    /// Default true.
    #[schema(example = true)]
    enabled: Option<bool>,
    /// Absent: as the keyspace's `default_expiry_days` says, 90 days unless it was changed. `null`: never.
    #[schema(example = "2099-12-31T23:59:59Z", format = DateTime)]
    expires_at: Option<String>,
    /// At most 64.
    #[schema(value_type = Option<HashSet<shapes::Grant>>, max_items = 64, example = json!(["items:*"]))]
    permissions: Option<Vec<String>>,
    /// Names of roles of the keyspace, at most 64.
    #[schema(value_type = Option<HashSet<shapes::RoleName>>, max_items = 64, example = json!([]))]
    roles: Option<Vec<String>>,
    /// Its name in another system, 1 to 128 bytes, unique in the keyspace.
    #[schema(value_type = Option<shapes::ExternalId>)]
    external_id: Option<String>,
    /// A token of your own making, which no key may ever have had. It must be a Latchkey token of the key's environment, or, if
    /// the keyspace takes `foreign_tokens`, 16 to 255 visible ASCII characters; and it must be taken for at least 128 bits of
    /// randomness: characters count as drawn from the classes they belong to, or from fewer if few are different; repetitions, runs
    /// such as `1234`, and text without digits count for less.
    #[schema(value_type = Option<shapes::ChosenToken>, example = json!(null))]
    token: Option<String>,
}

/// What can be changed of a key. Absent fields stay as they are; `null` goes back to the default, and in `expires_at` means never.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct KeyPatchInput {
    #[serde(flatten)]
    restrictions: RestrictionsPatchInput,
    /// See creation; not `null`.
    #[schema(value_type = shapes::Name, required = false)]
    name: Option<String>,
    /// See creation.
    #[schema(value_type = Option<shapes::Description>)]
    description: Option<String>,
    /// See creation.
    #[schema(value_type = Option<shapes::Owner>)]
    owner: Option<String>,
    /// The whole list.
    #[schema(value_type = Option<HashSet<shapes::Tag>>, max_items = 32, example = json!(["ci"]))]
    tags: Option<Vec<String>>,
    /// The whole object: it is not merged into the old one.
    #[schema(example = json!({"plan": "free"}))]
    metadata: Option<Map<String, Value>>,
    /// The switch.
    #[schema(example = true)]
    enabled: Option<bool>,
    /// `null`: never.
    #[schema(example = "2099-12-31T23:59:59Z", format = DateTime)]
    expires_at: Option<String>,
    /// The whole list.
    #[schema(value_type = Option<HashSet<shapes::Grant>>, max_items = 64, example = json!(["items:*"]))]
    permissions: Option<Vec<String>>,
    /// The whole list.
    #[schema(value_type = Option<HashSet<shapes::RoleName>>, max_items = 64, example = json!([]))]
    roles: Option<Vec<String>>,
}
