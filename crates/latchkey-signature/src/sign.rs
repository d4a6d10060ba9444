//! The other half, for clients, tools and tests: making the fields that [`crate::verify()`] takes.

use ed25519_dalek::Signer;
use sfv::{DictSerializer, KeyRef, RefBareItem};

use crate::Refusal;
use crate::component::SignatureBase;
use crate::request::Request;
use crate::structured::dictionary;

/// What to sign, and what to say about the signature.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// The signature's name in both fields.
    pub label: &'a str,
    /// The covered components with the signature's parameters, as `Signature-Input` has them:
    /// `("@method" "@target-uri");created=1700000000;keyid="sk_1"`.
    pub input: &'a str,
}

/// The fields to add to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The value of `Signature-Input`.
    pub signature_input: String,
    /// The value of `Signature`.
    pub signature: String,
}

impl Signing<'_> {
    /// Signs `request`.
    ///
    /// # Errors
    /// [`Refusal::FieldMalformed`] for a label or an input of another form, or what is wrong with a component.
    pub fn sign(&self, request: &Request<'_>, key: &ed25519_dalek::SigningKey) -> Result<Signed, Refusal> {
        let signature_input = format!("{}={}", self.label, self.input);
        let base = signature_base(request, &signature_input, self.label)?;
        let label = KeyRef::from_str(self.label).map_err(|_| Refusal::FieldMalformed)?;
        let mut signature = DictSerializer::new();
        let bytes = key.sign(base.as_bytes()).to_bytes();
        signature.bare_item(label, RefBareItem::ByteSequence(&bytes));
        Ok(Signed { signature_input, signature: signature.finish().unwrap_or_default() })
    }
}

/// The text that the signature `label` of the field `signature_input` is over: to sign it, or to see why two sides disagree. It holds the
/// values of all covered fields, so do not log it where a credential is covered.
///
/// # Errors
/// [`Refusal::FieldMalformed`] if the field has no such signature, or what is wrong with a component.
pub fn signature_base(request: &Request<'_>, signature_input: &str, label: &str) -> Result<String, Refusal> {
    let members = dictionary(signature_input)?;
    let member = members.iter().find(|(name, _)| name == label).map(|(_, member)| member);
    let list = member.and_then(|member| member.list.as_ref()).ok_or(Refusal::FieldMalformed)?;
    SignatureBase::of(request, list).map(SignatureBase::into_text)
}
