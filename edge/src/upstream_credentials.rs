//! Credentials that the upstream gets and callers never see: spec/snapshot.md section 6.2. They travel sealed to the gate's own key; here each is
//! opened when the first request needs it, and kept as long as the policy that brought it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, single_shot_open};
use latchkey_snapshot::UpstreamCredential;

const INFO: &[u8] = b"latchkey upstream credential v1";
/// Bytes of the encapsulated key, before the ciphertext.
const ENCAPSULATED: usize = 32;

type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;

/// The key that only this deployment has. It cannot be printed.
pub(crate) struct GateKey(PrivateKey);

impl GateKey {
    /// Takes the 32 bytes of an X25519 private key.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        PrivateKey::from_bytes(bytes).ok().map(Self)
    }
}

impl fmt::Debug for GateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GateKey(…)")
    }
}

/// Values by the names of their credentials; `None` for one that does not open, so that not every request tries again.
#[derive(Default)]
struct Opened {
    policy: [u8; 32],
    values: BTreeMap<String, Option<String>>,
}

thread_local! {
    static OPENED: RefCell<Opened> = RefCell::default();
}

/// Whose credential it is, and what opens it.
pub(crate) struct Sealed<'a> {
    pub(crate) credential: &'a UpstreamCredential,
    pub(crate) keyspace: u64,
    /// The hash of the policy that the credential is from.
    pub(crate) policy: [u8; 32],
}

impl Sealed<'_> {
    /// Gives the header's name and value to `then`, or nothing if the credential cannot be opened.
    pub(crate) fn with_header<T>(
        &self,
        key: Option<&GateKey>,
        then: impl FnOnce(Option<(&str, &str)>) -> T,
    ) -> T {
        OPENED.with_borrow_mut(|opened| {
            if opened.policy != self.policy {
                *opened = Opened { policy: self.policy, values: BTreeMap::new() };
            }
            let name = &self.credential.name;
            if !opened.values.contains_key(name) {
                let value = key.and_then(|key| self.open(key));
                if value.is_none() {
                    worker::console_error!(
                        "An upstream credential cannot be opened: compare LATCHKEY_GATE_KEY with the keyspace's gate_encryption_key."
                    );
                }
                opened.values.insert(name.clone(), value);
            }
            let value = opened.values.get(name).and_then(Option::as_deref);
            then(value.map(|value| (self.credential.header.as_str(), value)))
        })
    }

    fn open(&self, key: &GateKey) -> Option<String> {
        let (encapsulated, ciphertext) = self.credential.sealed.split_at_checked(ENCAPSULATED)?;
        let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
        let about = [&self.keyspace.to_le_bytes()[..], self.credential.name.as_bytes()].concat();
        let value = single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &key.0,
            &encapsulated,
            INFO,
            ciphertext,
            &about,
        );
        let value = String::from_utf8(value.ok()?).ok()?;
        // Nothing that ends the header, or the line that it crosses to the entry in.
        let is_header_text = !value.is_empty() && value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        is_header_text.then(|| self.credential.value_prefix.clone() + &value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole ones are opened in tests/e2e/upstream-credentials.test.mjs.
    fn credential(sealed: Vec<u8>) -> UpstreamCredential {
        UpstreamCredential {
            name: "a".into(),
            header: "authorization".into(),
            value_prefix: "Bearer ".into(),
            sealed,
        }
    }

    #[test]
    fn what_does_not_open_gives_no_header_and_breaks_nothing() {
        let key = GateKey::new(&[1; 32]).unwrap();
        for (policy, sealed) in [vec![], vec![0; 31], vec![0; 32], vec![9; 80]].into_iter().enumerate() {
            let credential = credential(sealed);
            let sealed = Sealed { credential: &credential, keyspace: 7, policy: [policy as u8; 32] };
            assert!(sealed.open(&key).is_none());
        }
        assert!(GateKey::new(&[1; 31]).is_none());
        assert_eq!(format!("{key:?}"), "GateKey(…)");
    }
}
