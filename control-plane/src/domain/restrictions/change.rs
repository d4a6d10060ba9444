use super::credits::{Credits, Delta};
use super::signing_keys::{self, SigningKey};
use crate::domain::error::ObjectKind;
use crate::domain::{ChangeKind, DomainError, Key, SigningKeyId, Timestamp};

/// A change of a key's restrictions that is no setting of fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestrictionChange {
    /// More or less of what it may use.
    Credits {
        /// By unit.
        deltas: Vec<Delta>,
        /// Why, for people.
        note: Option<String>,
    },
    /// What the calendar gives.
    Refill,
    /// Another pair that may sign.
    AddSigningKey(SigningKey),
    /// A pair that may not sign any more.
    RemoveSigningKey(SigningKeyId),
}

impl RestrictionChange {
    /// What the logs call it.
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::Credits { .. } => ChangeKind::KeyCredited,
            Self::Refill => ChangeKind::KeyRefilled,
            Self::AddSigningKey(_) => ChangeKind::SigningKeyAdded,
            Self::RemoveSigningKey(_) => ChangeKind::SigningKeyRemoved,
        }
    }

    /// The key after the change; a refill that gives nothing changes only when it is due next.
    ///
    /// # Errors
    /// The key is revoked, or what is wanted cannot be had.
    pub fn apply(self, mut key: Key, at: Timestamp) -> Result<(Key, Vec<Delta>), DomainError> {
        if key.revocation.is_some() {
            return Err(DomainError::KeyRevoked(key.id));
        }
        let restrictions = &mut key.restrictions;
        let mut given = Vec::new();
        match self {
            Self::Credits { deltas, .. } => {
                let credits = restrictions.credits.take().unwrap_or_else(Credits::of_limited_key);
                restrictions.credits = Some(credits.changed_by(&deltas, key.id)?);
                given = deltas;
            }
            Self::Refill => {
                if let Some(credits) = restrictions.credits.take() {
                    let (credits, deltas) = credits.refilled(at);
                    restrictions.credits = Some(credits);
                    given = deltas;
                }
            }
            Self::AddSigningKey(new) => signing_keys::add(&mut restrictions.signing_keys, new, key.id)?,
            Self::RemoveSigningKey(id) => {
                let before = restrictions.signing_keys.len();
                restrictions.signing_keys.retain(|known| known.id != id);
                if restrictions.signing_keys.len() == before {
                    return Err(DomainError::NotFound(ObjectKind::SigningKey));
                }
            }
        }
        key.updated_at = at;
        Ok((key, given))
    }
}
