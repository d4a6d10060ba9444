use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{DomainError, KeyId, SigningKeyId, Timestamp};

/// Signing keys of one key.
const MAX_SIGNING_KEYS: usize = 8;

/// The public half of a pair by which requests are signed (RFC 9421, Ed25519).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// Its id, which is the `keyid` of signatures.
    pub id: SigningKeyId,
    /// The public key.
    #[serde(serialize_with = "write_key", deserialize_with = "read_key")]
    pub public_key: [u8; 32],
    /// When it was added.
    pub created_at: Timestamp,
}

impl SigningKey {
    /// The public key as callers see it.
    pub fn public_key_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public_key)
    }
}

/// Reads a public key: 32 bytes in base64url without padding, of a point that can vouch for something.
///
/// # Errors
/// A sentence for the caller who wrote it. It repeats nothing: a private key may stand where a public one belongs.
pub fn check_public_key(text: &str) -> Result<[u8; 32], &'static str> {
    const WANTED: &str = "must be an Ed25519 public key: 32 bytes in base64url without padding";
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let bytes = bytes.ok_or(WANTED)?;
    let point = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| WANTED)?;
    // Signatures under such a key can be made by anybody.
    if point.is_weak() { Err("must not be a point of small order") } else { Ok(bytes) }
}

/// Puts a signing key to those that are there.
pub(super) fn add(keys: &mut Vec<SigningKey>, new: SigningKey, key: KeyId) -> Result<(), DomainError> {
    if let Some(known) = keys.iter().find(|known| known.public_key == new.public_key) {
        return Err(DomainError::SigningKeyTaken(known.id));
    }
    if keys.len() >= MAX_SIGNING_KEYS {
        return Err(DomainError::TooManySigningKeys { key, limit: MAX_SIGNING_KEYS });
    }
    keys.push(new);
    Ok(())
}

fn write_key<S: Serializer>(key: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&URL_SAFE_NO_PAD.encode(key))
}

fn read_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(serde::de::Error::custom)?;
    bytes.try_into().map_err(|_| serde::de::Error::custom("not 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_is_read_and_what_is_none_is_refused_without_being_repeated() {
        let good = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        assert!(check_public_key(good).is_ok());
        let small_order = URL_SAFE_NO_PAD.encode([0; 32]);
        for wrong in ["", "hunter2", &good[1..], &format!("{good}="), &"_".repeat(43), &small_order] {
            let message = check_public_key(wrong).unwrap_err();
            assert!(wrong.is_empty() || !message.contains(wrong));
        }
    }
}
