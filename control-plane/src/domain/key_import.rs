//! Keys that come from another system, of which only the hashes of their tokens are known.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use latchkey_token::Digest;
use serde::Serialize;

use super::{
    DomainError, FieldErrors, Key, KeyDraft, KeyId, KeyPatch, RestrictionsPatch, SecretId, Timestamp, text,
};

/// Room for the longest start of a Latchkey token, and too little for a token that nobody can guess.
const MAX_START: usize = 24;

/// One key to import.
#[derive(Clone, Debug)]
pub struct KeyImport {
    /// The id that it gets if it is new.
    pub id: KeyId,
    /// The id that its token gets if it is new.
    pub secret_id: SecretId,
    /// SHA-256 of its token.
    pub digest: Digest,
    /// What people recognise the token by; may be empty.
    pub start: String,
    /// Its name in the other system.
    pub external_id: String,
    /// What is said of it. Of a key that is there already, absent fields stay as they are.
    pub draft: KeyDraft,
}

/// What an import did with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImportOutcome {
    /// It was not there.
    Created,
    /// It was there, just as it is described.
    Unchanged,
    /// It was there and differed.
    Updated,
}

impl KeyImport {
    /// What has to change so that `key` is as described, if anything.
    ///
    /// # Errors
    /// The key has another token or environment: neither can be changed.
    pub fn difference(self, key: &Key, now: Timestamp) -> Result<Option<KeyPatch>, DomainError> {
        let mut errors = FieldErrors::default();
        if key.secrets.iter().all(|secret| secret.digest != self.digest) {
            let message =
                format!("is not that of a token of {}, which has the external_id; rotate it", key.id);
            errors.add("/digest", message);
        }
        let draft = self.draft;
        if draft.environment.as_deref().is_some_and(|text| text != key.environment.as_str()) {
            errors.add("/environment", format!("is not that of {}, and cannot be changed", key.id));
        }
        let restrictions = draft.restrictions.clone().apply(key.restrictions.clone(), now, &mut errors);
        errors.into_result()?;
        let patch = KeyPatch {
            name: unless(draft.name, |name| *name == key.name),
            description: unless(draft.description, |description| *description == key.description),
            owner: unless(draft.owner, |owner| Some(owner) == key.owner.as_ref()),
            tags: unless(draft.tags, |tags| *tags == key.tags),
            metadata: unless(draft.metadata, |metadata| *metadata == key.metadata),
            enabled: unless(draft.enabled, |enabled| *enabled == key.enabled),
            expires_at: draft.expires_at.filter(|text| !is_moment(text.as_deref(), key.expires_at)),
            permissions: unless(draft.permissions, |permissions| *permissions == key.permissions),
            roles: unless(draft.roles, |roles| *roles == key.roles),
            restrictions: if restrictions == key.restrictions {
                RestrictionsPatch::default()
            } else {
                draft.restrictions
            },
        };
        Ok((!patch.is_empty()).then_some(patch))
    }
}

/// A field that is given and differs, as a patch has it.
fn unless<T>(given: Option<T>, same: impl FnOnce(&T) -> bool) -> Option<Option<T>> {
    given.filter(|value| !same(value)).map(Some)
}

/// A moment that has passed since the last import is no mistake, so it is not checked before it is compared.
fn is_moment(text: Option<&str>, moment: Option<Timestamp>) -> bool {
    match (text, moment) {
        (None, None) => true,
        (Some(text), Some(moment)) => {
            Timestamp::parse(text).is_ok_and(|parsed| parsed.whole_seconds() == moment)
        }
        _ => false,
    }
}

/// Reads a SHA-256 as 64 hexadecimal digits, or as base64 in either alphabet, with or without padding.
///
/// # Errors
/// A sentence for the caller who wrote it. It repeats nothing: a token may stand where its hash belongs.
pub fn parse_digest(text: &str) -> Result<Digest, &'static str> {
    let bytes = match text.len() {
        64 => hex::decode(text).ok(),
        43 | 44 => {
            let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
            let with = |alphabet| GeneralPurpose::new(&alphabet, config).decode(text).ok();
            with(alphabet::STANDARD).or_else(|| with(alphabet::URL_SAFE))
        }
        _ => None,
    };
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.map(Digest).ok_or("must be a SHA-256: 64 hexadecimal digits, or 44 characters of base64")
}

/// Checks what people are to recognise a token by.
///
/// # Errors
/// A sentence for the caller who wrote it. It repeats nothing.
pub fn check_start(start: String, digest: Option<Digest>) -> Result<String, String> {
    if start.is_empty() {
        return Ok(start);
    }
    if start.chars().count() > MAX_START {
        return Err(format!("must have at most {MAX_START} characters"));
    }
    if digest == Some(latchkey_token::digest(start.as_bytes())) {
        return Err("must not be the token itself".to_owned());
    }
    text::name(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_in_every_usual_form_and_never_repeated() {
        let digest = latchkey_token::digest(b"a token?>");
        let wanted = Ok(digest);
        let standard = base64::engine::general_purpose::STANDARD.encode(digest.0);
        let url_safe = base64::engine::general_purpose::URL_SAFE.encode(digest.0);
        assert_eq!(parse_digest(&hex::encode(digest.0)), wanted);
        assert_eq!(parse_digest(&hex::encode_upper(digest.0)), wanted);
        assert_eq!(parse_digest(&standard), wanted);
        assert_eq!(parse_digest(&url_safe), wanted);
        assert_eq!(parse_digest(standard.trim_end_matches('=')), wanted);
        for wrong in ["", "hunter2", &"g".repeat(64), &"*".repeat(44), &"A".repeat(44), &"é".repeat(22)] {
            assert!(!parse_digest(wrong).unwrap_err().contains("hunter2"), "{wrong}");
        }
    }

    #[test]
    fn a_start_is_short_and_not_the_token() {
        assert_eq!(check_start("old_ab12".into(), None), Ok("old_ab12".into()));
        assert_eq!(check_start(String::new(), None), Ok(String::new()));
        assert!(check_start("x".repeat(25), None).is_err());
        assert!(check_start("hunter2".into(), Some(latchkey_token::digest(b"hunter2"))).is_err());
    }
}
