//! Content-Digest (RFC 9530).

use sha2::{Digest, Sha256, Sha512};

use crate::structured::{Member, dictionary};
use crate::{Refusal, limits};

/// Digests of a body: those that a field names, or those that somebody computed. Other algorithms are not checked: collisions for the older ones can be
/// bought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// With SHA-256.
    pub sha256: Option<[u8; 32]>,
    /// With SHA-512.
    pub sha512: Option<[u8; 64]>,
}

impl Digests {
    /// What a `Content-Digest` field says of the body. Algorithms that are not checked are passed over.
    ///
    /// # Errors
    /// [`Refusal::FieldTooLong`], [`Refusal::DigestUnusable`].
    pub fn parse(field: &str) -> Result<Self, Refusal> {
        if field.len() > limits::CONTENT_DIGEST_BYTES {
            return Err(Refusal::FieldTooLong);
        }
        let mut digests = Self::default();
        for (name, member) in dictionary(field).map_err(|_| Refusal::DigestUnusable)? {
            match (name.as_str(), member) {
                ("sha-256", member) => digests.sha256 = Some(exactly(member)?),
                ("sha-512", member) => digests.sha512 = Some(exactly(member)?),
                _ => {}
            }
        }
        if digests == Self::default() { Err(Refusal::DigestUnusable) } else { Ok(digests) }
    }

    /// Computes the digests that these ones are to be compared with.
    pub fn compute_same(&self, body: &[u8]) -> Self {
        Self {
            sha256: self.sha256.map(|_| Sha256::digest(body).into()),
            sha512: self.sha512.map(|_| Sha512::digest(body).into()),
        }
    }
}

fn exactly<const N: usize>(member: Member) -> Result<[u8; N], Refusal> {
    let bytes = member.bytes.ok_or(Refusal::DigestUnusable)?;
    bytes.try_into().map_err(|_| Refusal::DigestUnusable)
}
