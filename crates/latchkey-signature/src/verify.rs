//! Verifying a request, step by step as spec/signing.md section 4 numbers it.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::component::SignatureBase;
use crate::digest::Digests;
use crate::input::{SignatureParameters, addressee, text};
use crate::policy::{Asked, Policy, TAG, covers_body};
use crate::request::Request;
use crate::structured::{InnerList, Member, dictionary};
use crate::{Refusal, limits};

/// A public key of the API key that the request presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningKey<'a> {
    /// Its id, which a signature's `keyid` names.
    pub id: &'a str,
    /// The Ed25519 public key.
    pub public_key: &'a [u8; 32],
}

/// What is known once the header fields were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is signed, and nothing has to be.
    Unsigned,
    /// The signature counts.
    Verified(Verified),
    /// The signature counts if the body is the right one.
    Pending(Pending),
}

/// A request that was signed by the holder of a key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The id of the key pair.
    pub key_id: String,
    /// The signature's nonce. Whoever refuses replays keeps it until after `counts_until`.
    pub nonce: Option<String>,
    /// The last second, since the Unix epoch, in which this signature counts.
    pub counts_until: u64,
}

/// A request whose signature verifies and covers the digest of a body that nobody has looked at yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    verified: Verified,
    digests: Digests,
}

impl Pending {
    /// The digests that the body must have. [`Digests::compute_same`] computes a body's.
    pub fn digests(&self) -> &Digests {
        &self.digests
    }

    /// Step 8. A request without a body is checked like one with an empty one.
    ///
    /// # Errors
    /// [`Refusal::DigestWrong`] unless `computed` has each digest that was signed, and no other.
    pub fn finish(self, computed: &Digests) -> Result<Verified, Refusal> {
        if self.digests == *computed { Ok(self.verified) } else { Err(Refusal::DigestWrong) }
    }
}

/// Verifies that `request` was signed with one of `keys`, as `policy` asks. `now` in seconds since the Unix epoch.
///
/// # Errors
/// The first step that fails; with two signatures by the key's own pairs, the first one's.
pub fn verify(
    request: &Request<'_>,
    keys: &[SigningKey<'_>],
    policy: &Policy<'_>,
    now: u64,
) -> Result<Outcome, Refusal> {
    // 1. Parse both fields.
    let inputs = read(request, "signature-input", limits::SIGNATURE_INPUT_BYTES)?;
    let signatures = read(request, "signature", limits::SIGNATURE_BYTES)?;
    // 2. Find this API key's own signatures.
    let own = own_signatures(&inputs, keys)?;
    if own.is_empty() {
        return match policy.asked {
            Asked::Always => Err(Refusal::NotSigned),
            Asked::IfPresent => Ok(Outcome::Unsigned),
        };
    }
    let mut first_refusal = None;
    for candidate in own {
        match candidate.verify(request, &signatures, policy, now) {
            Ok(outcome) => return Ok(outcome),
            Err(refusal) => first_refusal.get_or_insert(refusal),
        };
    }
    Err(first_refusal.unwrap_or(Refusal::NotSigned))
}

fn read(request: &Request<'_>, name: &str, most_bytes: usize) -> Result<Vec<(String, Member)>, Refusal> {
    let Some(field) = request.fields.get(name) else { return Ok(Vec::new()) };
    if field.len() > most_bytes {
        return Err(Refusal::FieldTooLong);
    }
    dictionary(&field)
}

struct Candidate<'a> {
    label: &'a str,
    list: &'a InnerList,
    key: SigningKey<'a>,
}

fn own_signatures<'a>(
    inputs: &'a [(String, Member)],
    keys: &[SigningKey<'a>],
) -> Result<Vec<Candidate<'a>>, Refusal> {
    let mut own = Vec::new();
    for (label, member) in inputs {
        let list = member.list.as_ref().ok_or(Refusal::FieldMalformed)?;
        let (key_id, tag) = addressee(list);
        let is_tagged_for_us = tag.is_none_or(|tag| text(tag) == Some(TAG));
        let Some(key) = keys.iter().find(|key| is_tagged_for_us && key_id == Some(key.id)) else { continue };
        if own.len() == limits::OWN_SIGNATURES {
            return Err(Refusal::TooManySignatures);
        }
        own.push(Candidate { label, list, key: *key });
    }
    Ok(own)
}

impl Candidate<'_> {
    fn verify(
        &self,
        request: &Request<'_>,
        signatures: &[(String, Member)],
        policy: &Policy<'_>,
        now: u64,
    ) -> Result<Outcome, Refusal> {
        // 3. and 4. Algorithm, times, nonce.
        let parameters = SignatureParameters::of(self.list)?;
        let created = policy.check_parameters(&parameters, now)?;
        // 5. Everything is covered that must be.
        policy.check_covered(request, self.list)?;
        // 6. Build what was signed.
        let base = SignatureBase::of(request, self.list)?;
        // 7. Verify.
        let member = signatures.iter().find(|(label, _)| label == self.label).map(|(_, member)| member);
        let signature = member.and_then(|member| member.bytes.as_ref()).ok_or(Refusal::SignatureMissing)?;
        self.verify_bytes(&base, signature)?;
        let verified = Verified {
            key_id: self.key.id.to_owned(),
            nonce: parameters.nonce.map(str::to_owned),
            counts_until: policy.last_second(created),
        };
        // 8. The body, if its digest is covered.
        if !covers_body(self.list) {
            return Ok(Outcome::Verified(verified));
        }
        let field = request.fields.get("content-digest").ok_or(Refusal::ComponentAbsent)?;
        Ok(Outcome::Pending(Pending { verified, digests: Digests::parse(&field)? }))
    }

    /// Strictly: no public key or signature of small order, and one spelling of each signature.
    fn verify_bytes(&self, base: &SignatureBase, signature: &[u8]) -> Result<(), Refusal> {
        let signature = Signature::from_slice(signature).map_err(|_| Refusal::SignatureWrong)?;
        let key = VerifyingKey::from_bytes(self.key.public_key).map_err(|_| Refusal::SignatureWrong)?;
        key.verify_strict(base.as_bytes(), &signature).map_err(|_| Refusal::SignatureWrong)
    }
}
