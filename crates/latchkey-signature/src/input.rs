//! The parameters of one signature (RFC 9421 section 2.3), typed.

use sfv::BareItem;

use crate::structured::{InnerList, Parameters};
use crate::{Refusal, limits};

/// Parameters of one signature. Times are seconds since the Unix epoch.
#[derive(Default)]
pub(crate) struct SignatureParameters<'a> {
    pub(crate) created: Option<i64>,
    pub(crate) expires: Option<i64>,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) algorithm: Option<&'a str>,
    pub(crate) tag: Option<&'a str>,
}

/// The `keyid` and `tag` of a signature, before anything else of it is believed to be of a form: other parties' signatures are not ours to refuse.
pub(crate) fn addressee(list: &InnerList) -> (Option<&str>, Option<&BareItem>) {
    (find(&list.parameters, "keyid").and_then(text), find(&list.parameters, "tag"))
}

impl<'a> SignatureParameters<'a> {
    /// # Errors
    /// [`Refusal::ParameterUnsupported`] for a parameter of another type or name, [`Refusal::NonceUnusable`].
    pub(crate) fn of(list: &'a InnerList) -> Result<Self, Refusal> {
        let mut parameters = Self::default();
        for (name, value) in &list.parameters.0 {
            match name.as_str() {
                "created" => parameters.created = Some(seconds(value)?),
                "expires" => parameters.expires = Some(seconds(value)?),
                "nonce" => parameters.nonce = Some(nonce(value)?),
                "alg" => parameters.algorithm = Some(required_text(value)?),
                "tag" => parameters.tag = Some(required_text(value)?),
                "keyid" => {
                    required_text(value)?;
                }
                _ => return Err(Refusal::ParameterUnsupported),
            }
        }
        Ok(parameters)
    }
}

pub(crate) fn find<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a BareItem> {
    parameters.0.iter().find(|(key, _)| key.as_str() == name).map(|(_, value)| value)
}

pub(crate) fn text(value: &BareItem) -> Option<&str> {
    value.as_string().map(|text| text.as_str())
}

fn required_text(value: &BareItem) -> Result<&str, Refusal> {
    text(value).ok_or(Refusal::ParameterUnsupported)
}

fn seconds(value: &BareItem) -> Result<i64, Refusal> {
    value.as_integer().map(i64::from).ok_or(Refusal::ParameterUnsupported)
}

fn nonce(value: &BareItem) -> Result<&str, Refusal> {
    let nonce = required_text(value)?;
    if nonce.is_empty() || nonce.len() > limits::NONCE_CHARS {
        return Err(Refusal::NonceUnusable);
    }
    Ok(nonce)
}
