use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{KeyspaceId, Timestamp, Webhook};
use crate::http::shapes;

/// An address that is told of events.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct WebhookView {
    #[schema(value_type = shapes::WebhookId)]
    id: String,
    url: String,
    description: String,
    /// The types of the events that it is told of; `*` is all of them.
    #[schema(value_type = Vec<shapes::EventName>)]
    events: Vec<&'static str>,
    /// The only keyspaces whose events it is told of; `null`: all, and what concerns none.
    #[schema(value_type = Option<Vec<shapes::KeyspaceId>>)]
    keyspaces: Option<Vec<KeyspaceId>>,
    enabled: bool,
    #[schema(value_type = shapes::WebhookSignature)]
    signature: &'static str,
    /// By which receivers verify `ed25519`; `null` with `hmac-sha256`.
    #[schema(example = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")]
    public_key: Option<String>,
    /// Until when deliveries also carry a signature by the secret before the present one.
    #[schema(value_type = Option<String>, format = DateTime)]
    old_secret_until: Option<Timestamp>,
    /// Since when nothing but failures came back.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// Why it was switched off by itself: `gone` (the receiver answered 410) or `failing` (for 5 days).
    #[schema(value_type = Option<String>, example = "gone")]
    disabled_reason: Option<&'static str>,
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl WebhookView {
    /// The webhook as it is at `now`.
    pub(super) fn of(webhook: Webhook, now: Timestamp) -> Self {
        let public_key = webhook.public_key_text();
        let settings = webhook.settings;
        Self {
            id: webhook.id.to_string(),
            url: settings.url.as_str().to_owned(),
            description: settings.description,
            events: settings.events.names(),
            keyspaces: settings.keyspaces,
            enabled: settings.enabled,
            signature: webhook.signature.as_str(),
            public_key,
            old_secret_until: webhook.old_secret_until.filter(|until| *until > now),
            failing_since: webhook.failing_since,
            disabled_reason: webhook.disabled.map(|(reason, _)| reason.as_str()),
            disabled_at: webhook.disabled.map(|(_, at)| at),
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

/// A webhook with a secret that was just made.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct WebhookWithSecretView<'a> {
    #[serde(flatten)]
    pub(super) webhook: WebhookView,
    /// By which receivers verify `hmac-sha256`, shown this once; absent with `ed25519`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = String)]
    pub(super) secret: Option<&'a str>,
}

/// What can be set of a new webhook.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct WebhookInput {
    /// An https address of at most 1,024 bytes that leads to a public address.
    #[schema(value_type = shapes::WebhookUrl)]
    url: String,
    /// For people.
    #[schema(value_type = Option<shapes::Description>)]
    description: Option<String>,
    /// The types of the events that it is told of; `["*"]`, the default, is all of them.
    #[schema(value_type = Option<HashSet<shapes::EventName>>, min_items = 1, example = json!(["key.created", "key.revoked"]))]
    events: Option<Vec<String>>,
    /// The only keyspaces whose events it is told of, at most 64. Absent: those of the admin key in use.
    #[schema(value_type = Option<HashSet<shapes::KeyspaceId>>, min_items = 1, max_items = 64, example = json!(null))]
    keyspaces: Option<Vec<String>>,
    /// Default true.
    #[schema(example = true)]
    enabled: Option<bool>,
    /// By what deliveries are signed; default `hmac-sha256`. It never changes.
    #[schema(value_type = Option<shapes::WebhookSignature>)]
    signature: Option<String>,
}

/// What can be changed of a webhook. Absent fields stay as they are; `null` goes back to the default.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct WebhookPatchInput {
    /// See creation; not `null`.
    #[schema(value_type = shapes::WebhookUrl, required = false)]
    url: String,
    /// See creation.
    #[schema(value_type = Option<shapes::Description>)]
    description: Option<String>,
    /// The whole list.
    #[schema(value_type = Option<HashSet<shapes::EventName>>, min_items = 1, example = json!(["*"]))]
    events: Option<Vec<String>>,
    /// The whole list.
    #[schema(value_type = Option<HashSet<shapes::KeyspaceId>>, min_items = 1, max_items = 64, example = json!(null))]
    keyspaces: Option<Vec<String>>,
    /// A webhook that is switched on hears of what happens from then on, and of what was pending when it was switched off.
    #[schema(example = true)]
    enabled: Option<bool>,
}
