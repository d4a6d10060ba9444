//! Signing heads. Behind the feature `sign`, which only whoever publishes enables: the edge cannot sign by construction.

use alloc::vec::Vec;

use ed25519_dalek::{Signer, SigningKey};

use crate::head::{DOMAIN, Head, write_fields};
use crate::trust::key_id;
use crate::{Refusal, limits};

/// A head-signing key.
pub struct HeadSigner {
    key: SigningKey,
}

impl HeadSigner {
    /// From an RFC 8032 seed: 32 bytes from a system CSPRNG.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(seed) }
    }

    /// The 32-byte public key that gates are told to trust.
    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    pub fn key_id(&self) -> [u8; 8] {
        key_id(&self.public_key())
    }
}

impl core::fmt::Debug for HeadSigner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("HeadSigner").finish_non_exhaustive()
    }
}

/// Encodes and signs a head, with two signers while a key is being replaced.
///
/// # Errors
/// [`Refusal::LimitExceeded`] or [`Refusal::NotCanonical`] for fields that no verifier would take, no signer, or the same signer
/// twice.
pub fn encode_head(head: &Head, signers: &[&HeadSigner]) -> Result<Vec<u8>, Refusal> {
    let mut signers: Vec<([u8; 8], &HeadSigner)> =
        signers.iter().map(|signer| (signer.key_id(), *signer)).collect();
    signers.sort_unstable_by_key(|(id, _)| *id);
    if signers.is_empty() || signers.windows(2).any(|two| two[0].0 == two[1].0) {
        return Err(Refusal::NotCanonical);
    }
    if signers.len() > limits::SIGNATURES {
        return Err(Refusal::LimitExceeded);
    }
    let mut out = write_fields(head)?;
    // At most 2, checked above.
    out.push(signers.len() as u8);
    out.extend(signers.iter().flat_map(|(id, _)| id));
    let message = [DOMAIN, &out].concat();
    for (_, signer) in &signers {
        out.extend_from_slice(&signer.key.sign(&message).to_bytes());
    }
    if out.len() > limits::HEAD_BYTES { Err(Refusal::TooLong) } else { Ok(out) }
}
