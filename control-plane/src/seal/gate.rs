//! Secrets for a keyspace's gates alone: HPKE (RFC 9180) as `spec/snapshot.md` section 6.2 has it.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeS, Serializable, single_shot_seal_with_rng};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use super::SealError;
use crate::domain::KeyspaceId;
use crate::domain::upstream_credential::GateEncryptionKey;

const INFO: &[u8] = b"latchkey upstream credential v1";

/// Seals a credential's value so that only the gates of the keyspace open it, and only under this name.
///
/// # Errors
/// [`SealError::NotForGate`]
pub(crate) fn seal_for_gate(
    key: &GateEncryptionKey,
    keyspace: KeyspaceId,
    name: &str,
    value: &[u8],
) -> Result<Vec<u8>, SealError> {
    let receiver = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&key.0);
    let receiver = receiver.map_err(|_| SealError::NotForGate)?;
    let aad = associated_data(keyspace, name);
    // Straight from the system, which gives randomness or nothing works at all.
    let sealed = single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &receiver,
        INFO,
        value,
        &aad,
        &mut UnwrapErr(SysRng),
    );
    let (encapsulated, ciphertext) = sealed.map_err(|_| SealError::NotForGate)?;
    Ok([encapsulated.to_bytes().as_slice(), &ciphertext].concat())
}

fn associated_data(keyspace: KeyspaceId, name: &str) -> Vec<u8> {
    [&keyspace.0.to_le_bytes()[..], name.as_bytes()].concat()
}

/// A new pair for the gates of a keyspace: the private key, and the public one that the keyspace is told.
pub(crate) fn make_gate_key() -> (Zeroizing<Vec<u8>>, GateEncryptionKey) {
    let (private_key, public_key) = X25519HkdfSha256::gen_keypair_with_rng(&mut UnwrapErr(SysRng));
    (Zeroizing::new(private_key.to_bytes().to_vec()), GateEncryptionKey(public_key.to_bytes().into()))
}

#[cfg(test)]
mod tests {
    use hpke::{OpModeR, single_shot_open};

    use super::*;

    fn open(private_key: &[u8], keyspace: KeyspaceId, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let private_key = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(private_key).ok()?;
        let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed[..32]).ok()?;
        single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &private_key,
            &encapsulated,
            INFO,
            &sealed[32..],
            &associated_data(keyspace, name),
        )
        .ok()
    }

    #[test]
    fn only_the_gate_opens_it_and_only_where_it_belongs() {
        let (private_key, public_key) = make_gate_key();
        let sealed = seal_for_gate(&public_key, KeyspaceId(7), "a", b"s3cret").unwrap();
        assert_eq!(sealed.len(), 32 + 6 + 16);
        assert_eq!(open(&private_key, KeyspaceId(7), "a", &sealed).unwrap(), b"s3cret");
        assert!(open(&private_key, KeyspaceId(8), "a", &sealed).is_none());
        assert!(open(&private_key, KeyspaceId(7), "b", &sealed).is_none());
        assert!(open(&make_gate_key().0, KeyspaceId(7), "a", &sealed).is_none());
        assert_ne!(sealed, seal_for_gate(&public_key, KeyspaceId(7), "a", b"s3cret").unwrap());
    }
}
