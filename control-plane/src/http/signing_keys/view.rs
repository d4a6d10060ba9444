use latchkey_snapshot::public_key_text;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{HeadKey, HeadKeyState, Timestamp};
use crate::storage::trusted_texts;

/// The keys that sign the heads of a keyspace.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct HeadKeysView {
    /// What the setting `LATCHKEY_TRUSTED_KEYS` of the keyspace's gates is to list, with commas between.
    #[schema(example = json!(["ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"]))]
    trusted_keys: Vec<String>,
    /// The current one, the next one if there is one, then retired ones, newest first.
    keys: Vec<HeadKeyView>,
}

/// A key that signs heads, or did.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct HeadKeyView {
    /// By which signatures name it: the first 8 bytes of SHA-256 of the public key, in hex.
    #[schema(example = "21fe31dfa154a261")]
    key_id: String,
    /// `ed25519:` and the 32 bytes in base64url without padding.
    #[schema(example = "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    public_key: String,
    /// `current`, `next` (it is taking over) or `retired` (it signs nothing any more, and its private half is gone).
    #[schema(example = "current")]
    state: &'static str,
    /// Whether a head that is made now is signed by it.
    signs: bool,
    /// It signs nothing before this; `null`: no limit.
    #[schema(value_type = Option<String>, format = DateTime)]
    not_before: Option<Timestamp>,
    /// It signs nothing after this; `null`: no limit.
    #[schema(value_type = Option<String>, format = DateTime)]
    not_after: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    retired_at: Option<Timestamp>,
}

impl HeadKeysView {
    pub(in crate::http) fn of(keys: &[HeadKey], now: Timestamp) -> Self {
        Self {
            trusted_keys: trusted_texts(keys.iter()),
            keys: keys.iter().map(|key| HeadKeyView::of(key, now)).collect(),
        }
    }
}

impl HeadKeyView {
    fn of(key: &HeadKey, now: Timestamp) -> Self {
        Self {
            key_id: key.id(),
            public_key: public_key_text(&key.public_key),
            state: HeadKeyState::as_str(key.state),
            signs: key.signs_at(now),
            not_before: Some(key.not_before).filter(|start| start.0 > 0),
            not_after: key.not_after,
            created_at: key.created_at,
            retired_at: key.retired_at,
        }
    }
}
