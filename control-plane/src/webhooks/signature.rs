//! Signatures of the Standard Webhooks 1.0: over `id.timestamp.body`, so that a delivery can neither be changed nor, beyond a receiver's
//! tolerance, be repeated.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::domain::webhook::SignatureKind;

/// The secret of a webhook, opened. It cannot be printed, and is wiped when dropped.
#[derive(Clone)]
pub struct WebhookSecret {
    kind: SignatureKind,
    bytes: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret([hidden])")
    }
}

impl WebhookSecret {
    /// Takes the 32 bytes as what the webhook signs by.
    pub fn new(kind: SignatureKind, bytes: Zeroizing<[u8; 32]>) -> Self {
        Self { kind, bytes }
    }

    /// The text that receivers verify by, for the one answer that shows it. There is none if they verify by a public key.
    pub fn shown(&self) -> Option<Zeroizing<String>> {
        match self.kind {
            SignatureKind::HmacSha256 => {
                Some(Zeroizing::new(format!("whsec_{}", STANDARD.encode(self.bytes.as_ref()))))
            }
            SignatureKind::Ed25519 => None,
        }
    }

    /// The public key, if there is one.
    pub fn public_key(&self) -> Option<[u8; 32]> {
        match self.kind {
            SignatureKind::HmacSha256 => None,
            SignatureKind::Ed25519 => Some(SigningKey::from_bytes(&self.bytes).verifying_key().to_bytes()),
        }
    }

    /// One entry of a `webhook-signature` header. `timestamp` is in seconds.
    pub fn sign(&self, id: &str, timestamp: u64, body: &str) -> String {
        let signed = format!("{id}.{timestamp}.{body}");
        match self.kind {
            SignatureKind::HmacSha256 => {
                let mut mac = Hmac::<Sha256>::new_from_slice(self.bytes.as_ref())
                    .expect("HMAC takes keys of every length");
                mac.update(signed.as_bytes());
                format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
            }
            SignatureKind::Ed25519 => {
                let key = SigningKey::from_bytes(&self.bytes);
                format!("v1a,{}", STANDARD.encode(key.sign(signed.as_bytes()).to_bytes()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, VerifyingKey};

    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn w1_an_hmac_is_the_one_that_other_libraries_make() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#);
        assert_eq!(
            STANDARD.encode(mac.finalize().into_bytes()),
            "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn w1_a_public_key_verifies_what_its_webhook_sends() {
        let secret = WebhookSecret::new(SignatureKind::Ed25519, Zeroizing::new([7; 32]));
        let entry = secret.sign("evt_1", 1_700_000_000, "{}");
        let signature = STANDARD.decode(entry.strip_prefix("v1a,").unwrap()).unwrap();
        let signature = Signature::from_slice(&signature).unwrap();
        let key = VerifyingKey::from_bytes(&secret.public_key().unwrap()).unwrap();
        assert!(key.verify_strict(b"evt_1.1700000000.{}", &signature).is_ok());
        assert!(key.verify_strict(b"evt_2.1700000000.{}", &signature).is_err());
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secret = WebhookSecret::new(SignatureKind::HmacSha256, Zeroizing::new([7; 32]));
        assert_eq!(format!("{secret:?}"), "WebhookSecret([hidden])");
        assert!(secret.shown().unwrap().starts_with("whsec_"));
    }
}
