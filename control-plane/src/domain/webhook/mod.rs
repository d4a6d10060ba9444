//! Webhooks: addresses that are told of events.

mod delivery;
mod draft;
mod url;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{AdminKey, EventType, KeyspaceId, Timestamp, WebhookId, WorkspaceId};

pub use delivery::{
    Attempt, AttemptRecord, Delivery, DeliveryState, DueDelivery, HOLDING_TRIES, KEPT_DAYS, Outcome, WINDOW,
    retry_pause,
};
pub use draft::{WebhookDraft, WebhookPatch, WebhookSettings};
pub use url::{LoopbackRule, WebhookUrl, is_public};

/// Webhooks of one workspace.
pub const MAX_WEBHOOKS: u64 = 100;
/// A webhook that has failed for so long is switched off.
pub const PATIENCE_DAYS: i64 = 5;

/// A webhook. Its secret is kept sealed elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose events it is told of.
    pub workspace_id: WorkspaceId,
    /// Its settings.
    pub settings: WebhookSettings,
    /// By what deliveries are signed; it never changes.
    pub signature: SignatureKind,
    /// For receivers to verify by, if it signs with Ed25519.
    pub public_key: Option<[u8; 32]>,
    /// Until when the secret before the present one signs too.
    pub old_secret_until: Option<Timestamp>,
    /// Since when nothing but failures came back.
    pub failing_since: Option<Timestamp>,
    /// Why and when the program switched it off, if it did.
    pub disabled: Option<(DisabledReason, Timestamp)>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its settings last changed.
    pub updated_at: Timestamp,
}

/// Which events a webhook is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventChoice {
    /// `*`: all of them, also those that are yet to be invented.
    All,
    /// These.
    Only(Vec<EventType>),
}

impl EventChoice {
    /// The names, as they are stored and shown.
    pub fn names(&self) -> Vec<&'static str> {
        match self {
            Self::All => vec!["*"],
            Self::Only(types) => types.iter().map(|kind| kind.as_str()).collect(),
        }
    }

    /// Reads names.
    ///
    /// # Errors
    /// The position of the first that is none.
    pub fn parse(names: &[String]) -> Result<Self, usize> {
        if names == ["*"] {
            return Ok(Self::All);
        }
        let kind = |(at, name): (usize, &String)| {
            EventType::parse(name).filter(|kind| kind.can_be_chosen()).ok_or(at)
        };
        names.iter().enumerate().map(kind).collect::<Result<_, _>>().map(Self::Only)
    }

    /// Whether an event of this type is among them.
    pub fn has(&self, kind: EventType) -> bool {
        match self {
            Self::All => kind.can_be_chosen(),
            Self::Only(types) => types.contains(&kind),
        }
    }
}

/// By what deliveries are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureKind {
    /// `v1`: a secret that both sides have.
    HmacSha256,
    /// `v1a`: a private key that only Latchkey has.
    Ed25519,
}

impl SignatureKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::HmacSha256, Self::Ed25519];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::Ed25519 => "ed25519",
        }
    }

    /// Reads its name.
    ///
    /// # Errors
    /// A sentence for the caller who wrote it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or("must be hmac-sha256 or ed25519")
    }
}

/// Why the program switches a webhook off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisabledReason {
    /// Its receiver answered 410.
    Gone,
    /// It has failed for days.
    Failing,
}

impl DisabledReason {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    /// Reads a stored name.
    pub fn from_stored(name: &str) -> Option<Self> {
        [Self::Gone, Self::Failing].into_iter().find(|reason| reason.as_str() == name)
    }
}

impl Webhook {
    /// The public key as libraries of the Standard Webhooks take it.
    pub fn public_key_text(&self) -> Option<String> {
        self.public_key.map(|key| format!("whpk_{}", STANDARD.encode(key)))
    }

    /// Whether it is told of an event.
    pub fn wants(&self, kind: EventType, keyspace: Option<KeyspaceId>) -> bool {
        let settings = &self.settings;
        let concerns = match (&settings.keyspaces, keyspace) {
            (None, _) => true,
            (Some(own), Some(keyspace)) => own.contains(&keyspace),
            // What concerns the whole workspace is not for those who look at a part of it.
            (Some(_), None) => false,
        };
        settings.enabled && settings.events.has(kind) && concerns
    }

    /// Whether an admin key may see and change it: one that is limited to keyspaces only what tells of no others.
    pub fn is_within(&self, admin_key: &AdminKey) -> bool {
        match &self.settings.keyspaces {
            None => admin_key.keyspaces.is_none(),
            Some(own) => own.iter().all(|keyspace| admin_key.reaches(*keyspace)),
        }
    }

    /// What the audit log keeps.
    pub fn audit_view(&self) -> Value {
        let settings = &self.settings;
        json!({
            "id": self.id,
            "url": settings.url.as_str(),
            "description": settings.description,
            "events": settings.events.names(),
            "keyspaces": settings.keyspaces,
            "enabled": settings.enabled,
            "signature": self.signature.as_str(),
            "disabled_reason": self.disabled.map(|(reason, _)| reason.as_str()),
        })
    }
}
