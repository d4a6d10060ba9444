//! Heads: nobody without a signing key makes one that verifies, and one content has one encoding.

use latchkey_snapshot::{UnverifiedHead, encode_head};

use crate::fixture::{self, NOW};

pub(crate) fn run(bytes: &[u8]) {
    let Ok(head) = UnverifiedHead::parse(bytes) else { return };
    let fields = head.unverified_fields().clone();
    let signer = fixture::signer();
    let genuine = encode_head(&fields, &[&signer]);
    let is_by_us = head.unverified_signers().eq([signer.key_id()]);
    let Ok(verified) = head.verify(&fixture::trust(), NOW) else { return };
    assert!(is_by_us, "a signature of a key that is not trusted is no signature");
    // Ed25519 is deterministic and verified strictly: these are the only bytes that say this.
    assert_eq!(Ok(bytes), genuine.as_deref(), "one content, one encoding, one signature");
    assert_eq!(verified.bytes(), bytes);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![fixture::published().head.clone()]
}
