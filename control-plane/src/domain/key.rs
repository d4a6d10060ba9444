use latchkey_token::{Digest, Environment};
use serde_json::{Map, Value, json};

use super::{KeyId, KeyspaceId, SecretId, Timestamp};

/// A key: who may do what. Its secrets are the tokens that stand for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// Where it belongs.
    pub keyspace_id: KeyspaceId,
    /// Unique among the live keys of its owner.
    pub name: String,
    /// For people.
    pub description: String,
    /// Test or live; it never changes, because the token says it.
    pub environment: Environment,
    /// Whose key it is, in the words of the caller.
    pub owner: Option<String>,
    /// For people to find it by.
    pub tags: Vec<String>,
    /// Passed to the upstream with every request.
    pub metadata: Map<String, Value>,
    /// The switch.
    pub enabled: bool,
    /// From this moment on it is refused; never if absent. Whole seconds.
    pub expires_at: Option<Timestamp>,
    /// What it may do.
    pub permissions: Vec<String>,
    /// Named sets of permissions, defined by the keyspace's policy.
    pub roles: Vec<String>,
    /// One, or several while it is rotated.
    pub secrets: Vec<Secret>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Set once and for good.
    pub revocation: Option<Revocation>,
    /// The row of the change log that last changed it.
    pub change_seq: u64,
}

/// One token of a key. The token itself is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its id.
    pub id: SecretId,
    /// SHA-256 of the token.
    pub digest: Digest,
    /// What people recognise it by, such as `demo_test_ab12`.
    pub start: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// For a secret that a rotation replaces.
    pub expires_at: Option<Timestamp>,
}

/// That a key was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Why, in the words of whoever did it.
    pub reason: Option<String>,
}

/// What a key is worth at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// It works.
    Active,
    /// It was switched off.
    Disabled,
    /// Its time is over.
    Expired,
    /// It was revoked for good.
    Revoked,
}

impl KeyStatus {
    /// The name in answers and filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Reads its name.
    ///
    /// # Errors
    /// A sentence for the caller who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        [Self::Active, Self::Disabled, Self::Expired, Self::Revoked]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| "must be active, disabled, expired or revoked".to_owned())
    }
}

impl Key {
    /// The first reason that applies, in the order in which a gate checks them.
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        if self.revocation.is_some() {
            KeyStatus::Revoked
        } else if !self.enabled {
            KeyStatus::Disabled
        } else if self.expires_at.is_some_and(|at| at <= now) {
            KeyStatus::Expired
        } else {
            KeyStatus::Active
        }
    }

    /// What the audit log keeps: everything but digests.
    pub fn audit_view(&self) -> Value {
        let secrets: Vec<_> =
            self.secrets.iter().map(|secret| json!({ "id": secret.id, "start": secret.start })).collect();
        json!({
            "id": self.id,
            "keyspace_id": self.keyspace_id,
            "name": self.name,
            "description": self.description,
            "environment": self.environment.as_str(),
            "owner": self.owner,
            "tags": self.tags,
            "metadata": self.metadata,
            "enabled": self.enabled,
            "expires_at": self.expires_at,
            "permissions": self.permissions,
            "roles": self.roles,
            "secrets": secrets,
            "revoked_at": self.revocation.as_ref().map(|revocation| revocation.at),
            "revoked_reason": self.revocation.as_ref().and_then(|revocation| revocation.reason.as_deref()),
            "change_seq": self.change_seq,
        })
    }

    /// The key, revoked. A key that already is keeps its first reason.
    pub fn revoked(mut self, reason: Option<String>, at: Timestamp) -> Self {
        if self.revocation.is_none() {
            self.revocation = Some(Revocation { at, reason });
            self.updated_at = at;
        }
        self
    }
}
