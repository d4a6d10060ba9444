//! Secrets at rest: sealed with XChaCha20-Poly1305 under the master key.
//!
//! The nonce is random: 192 bits make a repeat impossible in practice, without a counter that a restored backup could
//! turn back. What a secret is for goes in as associated data, so that whoever can write to the database cannot pass one
//! secret off as another.
//!
//! Each keyspace has a signing key of its own, not one per workspace: whoever gets hold of one can forge snapshots of that
//! keyspace alone, replacing it concerns that keyspace's gates alone, and a gate's configuration names no key that could
//! speak for other keyspaces.

mod gate;
mod master_key;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use latchkey_snapshot::HeadSigner;
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use crate::domain::{AdminKeyId, KeyspaceId, UpstreamCredentialId, WebhookId};
use crate::storage::SealedSigningKey;

pub(crate) use gate::{make_gate_key, seal_for_gate};
pub use master_key::{MasterKey, MasterKeyError, MasterKeySource};

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const CHECK: &str = "master key check";

/// Why something was not sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Another master key, another purpose, or changed bytes: by design they cannot be told apart.
    #[error("a sealed secret does not open under this master key")]
    DoesNotOpen,
    /// The public key of the gates is not one that anything can be sealed by.
    #[error("nothing can be sealed by the gates' public key")]
    NotForGate,
    /// The system gives no randomness.
    #[error("the system's random generator failed")]
    NoRandomness,
}

/// Seals and opens secrets.
pub struct Vault {
    cipher: XChaCha20Poly1305,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault([hidden])")
    }
}

impl Vault {
    /// A vault under a master key.
    pub fn new(key: &MasterKey) -> Self {
        Self { cipher: XChaCha20Poly1305::new(key.bytes().into()) }
    }

    /// Something to keep beside the database that tells later whether a master key is the right one.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal_check(&self) -> Result<Vec<u8>, SealError> {
        self.seal(CHECK, b"latchkey")
    }

    /// Whether this vault's master key sealed it.
    pub fn opens_check(&self, sealed: &[u8]) -> bool {
        self.open(CHECK, sealed).is_ok()
    }

    /// Makes the signing key of a keyspace.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn make_signing_key(&self, keyspace: KeyspaceId) -> Result<SealedSigningKey, SealError> {
        let mut seed = Zeroizing::new([0; 32]);
        fill_random(seed.as_mut())?;
        let public_key = HeadSigner::from_seed(&seed).public_key();
        Ok(SealedSigningKey { public_key, sealed_seed: self.seal(&signing_key_of(keyspace), seed.as_ref())? })
    }

    /// Opens the signing key of a keyspace.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`], also if the private key is not that of the public key beside it.
    pub fn open_signing_key(
        &self,
        keyspace: KeyspaceId,
        sealed: &SealedSigningKey,
    ) -> Result<HeadSigner, SealError> {
        let opened = self.open(&signing_key_of(keyspace), &sealed.sealed_seed)?;
        let seed: &[u8; 32] = opened.as_slice().try_into().map_err(|_| SealError::DoesNotOpen)?;
        let signer = HeadSigner::from_seed(seed);
        if signer.public_key() == sealed.public_key { Ok(signer) } else { Err(SealError::DoesNotOpen) }
    }

    /// Seals the answer to a request that named itself: it may hold a token.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal_answer(
        &self,
        admin_key: AdminKeyId,
        name: &str,
        answer: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.seal(&answer_to(admin_key, name), answer)
    }

    /// Opens what [`Vault::seal_answer`] sealed.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`].
    pub fn open_answer(
        &self,
        admin_key: AdminKeyId,
        name: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.open(&answer_to(admin_key, name), sealed)
    }

    /// Seals the value of a credential for the upstream.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal_upstream_credential(
        &self,
        id: UpstreamCredentialId,
        value: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.seal(&upstream_credential(id), value)
    }

    /// Opens what [`Vault::seal_upstream_credential`] sealed.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`].
    pub fn open_upstream_credential(
        &self,
        id: UpstreamCredentialId,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.open(&upstream_credential(id), sealed)
    }

    /// Seals the secret of a sink.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal_sink_secret(
        &self,
        keyspace: KeyspaceId,
        name: &str,
        secret: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.seal(&sink(keyspace, name), secret)
    }

    /// Opens the secret of a sink.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`].
    pub fn open_sink_secret(
        &self,
        keyspace: KeyspaceId,
        name: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.open(&sink(keyspace, name), sealed)
    }

    /// Makes the secret of a webhook: the key of a MAC, or the seed of a private key.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn make_webhook_secret(&self, id: WebhookId) -> Result<(Zeroizing<[u8; 32]>, Vec<u8>), SealError> {
        let mut secret = Zeroizing::new([0; 32]);
        fill_random(secret.as_mut())?;
        let sealed = self.seal(&webhook(id), secret.as_ref())?;
        Ok((secret, sealed))
    }

    /// Opens what [`Vault::make_webhook_secret`] sealed.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`].
    pub fn open_webhook_secret(
        &self,
        id: WebhookId,
        sealed: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let opened = self.open(&webhook(id), sealed)?;
        opened.as_slice().try_into().map(Zeroizing::new).map_err(|_| SealError::DoesNotOpen)
    }

    fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        fill_random(&mut nonce)?;
        let aad = associated_data(purpose);
        let payload = Payload { msg: secret, aad: aad.as_bytes() };
        // Encryption fails only for inputs of many gigabytes.
        let sealed =
            self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::DoesNotOpen)?;
        Ok([&[VERSION][..], &nonce, &sealed].concat())
    }

    fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let rest = sealed.strip_prefix(&[VERSION]).ok_or(SealError::DoesNotOpen)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::DoesNotOpen)?;
        let aad = associated_data(purpose);
        let payload = Payload { msg: sealed, aad: aad.as_bytes() };
        let opened =
            self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::DoesNotOpen)?;
        Ok(Zeroizing::new(opened))
    }
}

fn signing_key_of(keyspace: KeyspaceId) -> String {
    format!("signing key of {keyspace}")
}

fn answer_to(admin_key: AdminKeyId, name: &str) -> String {
    format!("answer to {admin_key} {name}")
}

fn upstream_credential(id: UpstreamCredentialId) -> String {
    format!("upstream credential {id}")
}

fn sink(keyspace: KeyspaceId, name: &str) -> String {
    format!("sink {name} of {keyspace}")
}

fn webhook(id: WebhookId) -> String {
    format!("webhook {id}")
}

fn associated_data(purpose: &str) -> String {
    format!("latchkey sealed v{VERSION}\0{purpose}")
}

/// Straight from the system: what is made here must stay secret for years.
fn fill_random(bytes: &mut [u8]) -> Result<(), SealError> {
    SysRng.try_fill_bytes(bytes).map_err(|_| SealError::NoRandomness)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(byte: u8) -> Vault {
        Vault::new(&MasterKey::for_tests([byte; 32]))
    }

    #[test]
    fn a_signing_key_opens_again_and_signs_as_itself() {
        let sealed = vault(1).make_signing_key(KeyspaceId(7)).unwrap();
        assert_eq!(
            vault(1).open_signing_key(KeyspaceId(7), &sealed).unwrap().public_key(),
            sealed.public_key
        );
    }

    #[test]
    fn another_master_key_or_keyspace_or_any_changed_byte_opens_nothing() {
        let sealed = vault(1).make_signing_key(KeyspaceId(7)).unwrap();
        assert!(vault(2).open_signing_key(KeyspaceId(7), &sealed).is_err());
        assert!(vault(1).open_signing_key(KeyspaceId(8), &sealed).is_err());
        for at in 0..sealed.sealed_seed.len() {
            let mut changed = sealed.clone();
            changed.sealed_seed[at] ^= 1;
            assert!(vault(1).open_signing_key(KeyspaceId(7), &changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_check_tells_master_keys_apart() {
        let check = vault(1).seal_check().unwrap();
        assert!(vault(1).opens_check(&check) && !vault(2).opens_check(&check));
    }

    #[test]
    fn nothing_prints_a_key() {
        assert!(!format!("{:?} {:?}", vault(9), MasterKey::for_tests([9; 32])).contains('9'));
    }
}
