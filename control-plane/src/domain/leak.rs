use latchkey_token::Digest;
use serde::Serialize;

/// A token that was found where it does not belong. Only its hash is kept, and that only if it is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundToken {
    /// SHA-256 of the token.
    pub digest: Digest,
    /// Who found it.
    pub source: Option<String>,
    /// Where.
    pub url: Option<String>,
}

/// What became of a key whose token was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakOutcome {
    /// It is revoked and cannot be restored.
    Revoked,
    /// It is switched off.
    Disabled,
    /// It works on; the finding stands in the audit log.
    Notified,
    /// It was revoked before; now it cannot be restored any more.
    AlreadyRevoked,
    /// The token stands for no key.
    Unknown,
}

impl FoundToken {
    /// Who found it where, for people.
    pub fn note(&self) -> Option<String> {
        match (&self.source, &self.url) {
            (None, None) => None,
            (Some(source), None) => Some(format!("reported by {source}")),
            (None, Some(url)) => Some(format!("found at {url}")),
            (Some(source), Some(url)) => Some(format!("reported by {source}: {url}")),
        }
    }
}
