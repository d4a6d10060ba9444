//! What a verifier is configured with: its audience and the public keys it trusts.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::VerifyingKey;

use crate::body::sha256;
use crate::{Refusal, id};

const ALGORITHM: &str = "ed25519:";

/// Which of a keyspace's keys a deployment serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Environment {
    Any = 0,
    Test = 1,
    Live = 2,
}

impl Environment {
    pub(crate) fn read(byte: u8) -> Result<Self, Refusal> {
        match byte {
            0 => Ok(Self::Any),
            1 => Ok(Self::Test),
            2 => Ok(Self::Live),
            _ => Err(Refusal::NotCanonical),
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

impl FromStr for Environment {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        match text {
            "any" => Ok(Self::Any),
            "test" => Ok(Self::Test),
            "live" => Ok(Self::Live),
            _ => Err(Refusal::NotCanonical),
        }
    }
}

/// Whom a head is for: `spec/snapshot.md` section 2. Its text form is `ks_<13 characters>/<any|test|live>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Audience {
    pub keyspace: u64,
    pub environment: Environment,
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", id::Id::new("ks", self.keyspace), self.environment.as_str())
    }
}

impl FromStr for Audience {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let (keyspace, environment) = text.split_once('/').ok_or(Refusal::NotCanonical)?;
        let keyspace = id::parse("ks", keyspace).ok_or(Refusal::NotCanonical)?;
        Ok(Self { keyspace, environment: environment.parse()? })
    }
}

/// The first 8 bytes of SHA-256 of a public key: how a signature names its key.
pub fn key_id(public_key: &[u8; 32]) -> [u8; 8] {
    let mut id = [0; 8];
    id.copy_from_slice(&sha256(public_key)[..8]);
    id
}

/// A public key that may sign heads, and when.
#[derive(Clone, Debug)]
pub struct TrustedKey {
    pub(crate) key: VerifyingKey,
    pub(crate) id: [u8; 8],
    not_before: u64,
    not_after: u64,
}

impl TrustedKey {
    /// A key that is trusted at any time.
    ///
    /// # Errors
    /// [`Refusal::NotCanonical`] if the bytes are not a point of the curve; [`Refusal::KeyNotTrusted`] for a small-order point,
    /// under which one signature verifies many messages.
    pub fn new(public_key: &[u8; 32]) -> Result<Self, Refusal> {
        Self::within(public_key, 0, u64::MAX)
    }

    /// A key that is trusted for heads with `not_before <= issued_at <= not_after`, in seconds since the epoch.
    ///
    /// # Errors
    /// As [`TrustedKey::new`].
    pub fn within(public_key: &[u8; 32], not_before: u64, not_after: u64) -> Result<Self, Refusal> {
        let key = VerifyingKey::from_bytes(public_key).map_err(|_| Refusal::NotCanonical)?;
        if key.is_weak() {
            return Err(Refusal::KeyNotTrusted);
        }
        Ok(Self { key, id: key_id(public_key), not_before, not_after })
    }

    pub(crate) fn trusts(&self, id: &[u8; 8], issued_at: u64) -> bool {
        self.id == *id && (self.not_before..=self.not_after).contains(&issued_at)
    }
}

/// The text form of a public key, as gates are configured with it: `ed25519:` and 43 characters of base64url (RFC 4648 section 5,
/// no padding).
pub fn public_key_text(public_key: &[u8; 32]) -> String {
    alloc::format!("{ALGORITHM}{}", Base64UrlUnpadded::encode_string(public_key))
}

/// Reads [`public_key_text`], with optional limits in seconds since the epoch: `ed25519:…;not_before=N;not_after=N`.
impl FromStr for TrustedKey {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let mut parts = text.split(';');
        let encoded =
            parts.next().and_then(|key| key.strip_prefix(ALGORITHM)).ok_or(Refusal::NotCanonical)?;
        let mut public_key = [0; 32];
        let decoded =
            Base64UrlUnpadded::decode(encoded, &mut public_key).map_err(|_| Refusal::NotCanonical)?;
        if decoded.len() != public_key.len() {
            return Err(Refusal::Truncated);
        }
        let (mut not_before, mut not_after) = (0, u64::MAX);
        for part in parts {
            let (name, value) = part.split_once('=').ok_or(Refusal::NotCanonical)?;
            let value = value.parse().map_err(|_| Refusal::NotCanonical)?;
            match name {
                "not_before" => not_before = value,
                "not_after" => not_after = value,
                _ => return Err(Refusal::UnknownCritical),
            }
        }
        Self::within(&public_key, not_before, not_after)
    }
}

/// Everything a verifier needs to tell a good head from any other bytes, besides the time.
#[derive(Clone, Debug)]
pub struct Trust {
    audience: Audience,
    keys: Vec<TrustedKey>,
}

impl Trust {
    pub fn new(audience: Audience, keys: Vec<TrustedKey>) -> Self {
        Self { audience, keys }
    }

    pub fn audience(&self) -> Audience {
        self.audience
    }

    pub(crate) fn key(&self, id: &[u8; 8], issued_at: u64) -> Option<&TrustedKey> {
        self.keys.iter().find(|key| key.trusts(id, issued_at))
    }

    /// Ids of the trusted keys as hex, for status pages.
    pub fn key_ids(&self) -> impl Iterator<Item = String> + '_ {
        self.keys.iter().map(|key| key.id.iter().map(|byte| alloc::format!("{byte:02x}")).collect())
    }
}
