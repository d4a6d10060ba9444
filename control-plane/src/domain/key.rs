use latchkey_token::{Digest, Environment};
use serde_json::{Map, Value, json};

use super::{
    DomainError, FieldErrors, KeyId, KeyspaceId, Restrictions, Revocation, RevocationReason, SecretId,
    Timestamp,
};

/// Tokens of one key that work at the same time: each is a row of the snapshot.
const MAX_LIVE_SECRETS: usize = 8;

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
    /// Names of its roles: sets of permissions that the keyspace defines.
    pub roles: Vec<String>,
    /// One, or several while it is rotated.
    pub secrets: Vec<Secret>,
    /// Its name in another system, unique in the keyspace.
    pub external_id: Option<String>,
    /// What narrows it beyond its permissions.
    pub restrictions: Restrictions,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Set while it is revoked.
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
    /// When a gate last let a request through with it, as far as gates report that.
    pub last_used_at: Option<Timestamp>,
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
        let secrets: Vec<_> = self
            .secrets
            .iter()
            .map(|secret| json!({ "id": secret.id, "start": secret.start, "expires_at": secret.expires_at }))
            .collect();
        let mut view = json!({
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
            "external_id": self.external_id,
            "secrets": secrets,
            "revoked_at": self.revocation.as_ref().map(|revocation| revocation.at),
            "revoked_reason": self.revocation.as_ref().map(|revocation| revocation.reason.as_str()),
            "revoked_note": self.revocation.as_ref().and_then(|revocation| revocation.note.as_deref()),
            "change_seq": self.change_seq,
        });
        if let (Value::Object(view), Value::Object(more)) = (&mut view, self.restrictions.audit_view()) {
            view.extend(more);
        }
        view
    }

    /// Asks the snapshot's own encoder whether everything that narrows the key fits in beside the rest of it: one key that does not
    /// would keep its whole keyspace from being published.
    ///
    /// # Errors
    /// It does not.
    pub fn check_publishable(&self) -> Result<(), FieldErrors> {
        let mut errors = FieldErrors::default();
        let profile = latchkey_snapshot::Profile {
            owner: self.owner.clone(),
            // Only their number counts.
            roles: (1..).take(self.roles.len()).collect(),
            grants: self.permissions.clone(),
            metadata: Some(Value::Object(self.metadata.clone()).to_string()),
            ..self.restrictions.published()
        };
        if let Err(refusal) = profile.encode() {
            errors.add("", format!("the key with all that narrows it {}", refusal.message()));
        }
        errors.into_result()
    }

    /// The key, revoked for this reason. The time at which it was first revoked stays.
    pub fn revoked(mut self, revocation: Revocation) -> Self {
        self.updated_at = revocation.at;
        let at = self.revocation.map_or(revocation.at, |known| known.at);
        self.revocation = Some(Revocation { at, ..revocation });
        self
    }

    /// The key, working again.
    ///
    /// # Errors
    /// It is not revoked, it leaked, or the time in which it could be restored is over.
    pub fn restored(mut self, retention_days: u32, at: Timestamp) -> Result<Self, DomainError> {
        let revocation = self.revocation.take().ok_or(DomainError::NotRevoked(self.id))?;
        if revocation.reason == RevocationReason::Leaked {
            return Err(DomainError::LeakedKey(self.id));
        }
        if revocation.at.plus_days(retention_days.into()) <= at {
            return Err(DomainError::RetentionPassed { key: self.id, retention_days });
        }
        self.updated_at = at;
        Ok(self)
    }

    /// The key with one token more; those that it has end at `old_expires_at` unless they end before.
    ///
    /// # Errors
    /// It is revoked, or has as many live tokens as a key can have.
    pub fn rotated(mut self, new: Secret, old_expires_at: Timestamp) -> Result<Self, DomainError> {
        if self.revocation.is_some() {
            return Err(DomainError::KeyRevoked(self.id));
        }
        let at = new.created_at;
        let old_expires_at = old_expires_at.whole_seconds();
        for secret in &mut self.secrets {
            secret.expires_at = Some(secret.expires_at.map_or(old_expires_at, |end| end.min(old_expires_at)));
        }
        let live = self.secrets.iter().filter(|secret| secret.expires_at > Some(at)).count();
        if live >= MAX_LIVE_SECRETS {
            return Err(DomainError::TooManySecrets { key: self.id, limit: MAX_LIVE_SECRETS });
        }
        self.updated_at = at;
        self.secrets.push(new);
        Ok(self)
    }

    /// The key with another end for those of its tokens that a rotation has replaced and that still work.
    ///
    /// # Errors
    /// It is revoked, or none of them works any more.
    pub fn rescheduled(mut self, old_expires_at: Timestamp, at: Timestamp) -> Result<Self, DomainError> {
        if self.revocation.is_some() {
            return Err(DomainError::KeyRevoked(self.id));
        }
        // The newest has no end of its own. What has ended stays ended.
        let replaced = self.secrets.iter_mut().filter(|secret| secret.expires_at.is_some_and(|end| end > at));
        let old_expires_at = old_expires_at.whole_seconds();
        let moved = replaced.map(|secret| secret.expires_at = Some(old_expires_at)).count();
        if moved == 0 {
            return Err(DomainError::NotRotating(self.id));
        }
        self.updated_at = at;
        Ok(self)
    }
}
