//! A request that is signed as usual, and what tests do to it.

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, VerifyingKey};
use latchkey_signature::{
    Asked, Body, Outcome, Policy, Refusal, Request, Signing, SigningKey, signature_base, verify,
};

pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const KEY_ID: &str = "sk_1";
pub(crate) const LABEL: &str = "sig1";
pub(crate) const USUAL: &str = r#"("@method" "@target-uri");created=1700000000;keyid="sk_1""#;
pub(crate) const POLICY: Policy<'static> =
    Policy { asked: Asked::Always, max_age_seconds: 300, needs_nonce: false, components: &[] };

/// A request whose parts a test may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) method: String,
    pub(crate) scheme: String,
    pub(crate) authority: String,
    pub(crate) target: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) has_body: bool,
}

impl Message {
    pub(crate) fn get(target: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            scheme: "https".to_owned(),
            authority: "api.example.com".to_owned(),
            target: target.to_owned(),
            fields: Vec::new(),
            has_body: false,
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Signs it with the test's key, as the text of `Signature-Input`'s one member says.
    pub(crate) fn signed(self, input: &str) -> Self {
        self.signed_as(LABEL, input, &key())
    }

    pub(crate) fn signed_as(self, label: &str, input: &str, key: &ed25519_dalek::SigningKey) -> Self {
        let signing = Signing { label, input };
        let signed = self.view(|request| signing.sign(request, key)).expect("a request that can be signed");
        self.with("signature-input", &signed.signature_input).with("signature", &signed.signature)
    }

    pub(crate) fn view<T>(&self, use_it: impl FnOnce(&Request<'_>) -> T) -> T {
        let fields: Vec<(&str, &str)> =
            self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        use_it(&Request {
            method: &self.method,
            scheme: &self.scheme,
            authority: &self.authority,
            target: &self.target,
            fields: &fields.as_slice(),
            body: if self.has_body { Body::Present } else { Body::Absent },
        })
    }

    pub(crate) fn verify(&self) -> Result<Outcome, Refusal> {
        self.verify_by(&POLICY, NOW)
    }

    pub(crate) fn verify_by(&self, policy: &Policy<'_>, now: u64) -> Result<Outcome, Refusal> {
        let public_key = key().verifying_key().to_bytes();
        self.verify_with(&[SigningKey { id: KEY_ID, public_key: &public_key }], policy, now)
    }

    pub(crate) fn verify_with(
        &self,
        keys: &[SigningKey<'_>],
        policy: &Policy<'_>,
        now: u64,
    ) -> Result<Outcome, Refusal> {
        self.view(|request| verify(request, keys, policy, now))
    }

    /// What a verifier finds that knows no policy and verifies as most libraries do by default: are these bytes a signature over that?
    pub(crate) fn bytes_verify_leniently(&self, public_key: &[u8; 32], signature: &[u8; 64]) -> bool {
        let input = &self.fields.iter().find(|(name, _)| name == "signature-input").expect("signed").1;
        let Ok(base) = self.view(|request| signature_base(request, input, LABEL)) else { return false };
        let key = VerifyingKey::from_bytes(public_key).expect("a point");
        ed25519_dalek::Verifier::verify(&key, base.as_bytes(), &Signature::from_bytes(signature)).is_ok()
    }

    /// The same, with this message's own signature by the test's key.
    pub(crate) fn only_signature_counts(&self) -> bool {
        let field = &self.fields.iter().find(|(name, _)| name == "signature").expect("signed").1;
        let text =
            field.strip_prefix("sig1=:").and_then(|rest| rest.strip_suffix(':')).expect("one signature");
        let mut bytes = [0; 64];
        Base64::decode(text, &mut bytes).expect("base64");
        self.bytes_verify_leniently(&key().verifying_key().to_bytes(), &bytes)
    }
}

pub(crate) fn key() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[1; 32])
}
