//! The private keys that sign the heads of a keyspace now: one, or two while one takes over from the other.

use latchkey_snapshot::HeadSigner;

use super::PublishError;
use crate::domain::{KeyspaceId, Timestamp};
use crate::seal::Vault;
use crate::storage::Signing;

/// Opened once and kept until others sign.
pub(super) struct Signers {
    id: KeyspaceId,
    opened: Vec<HeadSigner>,
}

impl Signers {
    pub(super) fn new(id: KeyspaceId) -> Self {
        Self { id, opened: Vec::new() }
    }

    /// Those that sign at `now`.
    ///
    /// # Errors
    /// One of them does not open, or there is none.
    pub(super) fn at(
        &mut self,
        vault: &Vault,
        signing: &Signing,
        now: Timestamp,
    ) -> Result<Vec<&HeadSigner>, PublishError> {
        let mut opened = Vec::new();
        for sealed in signing.keys.iter().filter(|sealed| sealed.key.signs_at(now)) {
            let public_key = sealed.key.public_key;
            let known = self.opened.iter().position(|signer| signer.public_key() == public_key);
            opened.push(match known {
                Some(at) => self.opened.swap_remove(at),
                None => {
                    let sealed = sealed.sealed().ok_or(PublishError::NoSigner)?;
                    vault.open_signing_key(self.id, &sealed)?
                }
            });
        }
        // Whoever does not sign any more is forgotten here.
        self.opened = opened;
        if self.opened.is_empty() { Err(PublishError::NoSigner) } else { Ok(self.opened.iter().collect()) }
    }
}
