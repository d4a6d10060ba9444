//! The values of covered components, and what is signed over them (RFC 9421 section 2).

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::input::{find, text};
use crate::request::Request;
use crate::structured::{InnerList, Text};
use crate::{Refusal, limits};

/// What `application/x-www-form-urlencoded` escapes, but that a space becomes `%20` (RFC 9421 section 2.2.8).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// Derived components that every request has.
const DERIVED: [&str; 7] =
    ["@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query"];
/// They are made last.
const ABOUT_SIGNATURES: [&str; 2] = ["signature", "signature-input"];

/// Whether a policy can ask that signatures cover this: a derived component that every request has, or a header field's name in lower case. No request
/// could meet a policy with another one.
pub fn can_be_asked_for(component: &str) -> bool {
    DERIVED.contains(&component) || (is_field_name(component) && !ABOUT_SIGNATURES.contains(&component))
}

/// The bytes that are signed (RFC 9421 section 2.5). Not printable: they may hold a covered credential.
pub(crate) struct SignatureBase(String);

impl SignatureBase {
    /// # Errors
    /// A component that is repeated, not supported, not in the request, or whose value cannot be signed without doubt.
    pub(crate) fn of(request: &Request<'_>, list: &InnerList) -> Result<Self, Refusal> {
        let mut base = String::new();
        for (index, component) in list.items.iter().enumerate() {
            if list.items[..index].contains(component) {
                return Err(Refusal::ComponentRepeated);
            }
            let value = value(request, component)?;
            if base.len() + value.len() > limits::BASE_BYTES {
                return Err(Refusal::BaseTooLong);
            }
            push_line(&mut base, &component.to_text(), &value);
        }
        base.push_str("\"@signature-params\": ");
        base.push_str(&list.to_text());
        Ok(Self(base))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    #[cfg(feature = "sign")]
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

fn push_line(base: &mut String, identifier: &str, value: &str) {
    base.push_str(identifier);
    base.push_str(": ");
    base.push_str(value);
    base.push('\n');
}

fn value<'a>(request: &Request<'a>, component: &Text) -> Result<Cow<'a, str>, Refusal> {
    let name = component.text.as_str();
    if name == "@query-param" {
        return query_parameter(request, component).map(Cow::Owned);
    }
    // `sf`, `key` and `bs` need more of a field than its joined value; `req` and `tr` are for answers and trailers.
    if !component.parameters.0.is_empty() {
        return Err(Refusal::ComponentUnsupported);
    }
    let value: Cow<'a, str> = match name {
        "@method" => request.method.into(),
        "@scheme" => request.scheme.to_ascii_lowercase().into(),
        "@authority" => request.normalized_authority().into(),
        "@target-uri" => target_uri(request).into(),
        "@request-target" => request.target.into(),
        "@path" => request.path().into(),
        "@query" => format!("?{}", request.query().unwrap_or_default()).into(),
        _ if is_field_name(name) => request.fields.get(name).ok_or(Refusal::ComponentAbsent)?,
        _ => return Err(Refusal::ComponentUnsupported),
    };
    if !is_usable(&value) {
        return Err(Refusal::ValueUnusable);
    }
    Ok(value)
}

fn target_uri(request: &Request<'_>) -> String {
    format!("{}://{}{}", request.scheme.to_ascii_lowercase(), request.normalized_authority(), request.target)
}

/// RFC 9421 section 2.2.8. A name that the query has twice has no one value.
fn query_parameter(request: &Request<'_>, component: &Text) -> Result<String, Refusal> {
    if component.parameters.0.len() != 1 {
        return Err(Refusal::ComponentUnsupported);
    }
    let wanted = find(&component.parameters, "name").and_then(text).ok_or(Refusal::ComponentUnsupported)?;
    let mut found = form_urlencoded::parse(request.query().unwrap_or_default().as_bytes())
        .filter(|(name, _)| utf8_percent_encode(name, FORM).to_string() == wanted);
    let (_, value) = found.next().ok_or(Refusal::ComponentAbsent)?;
    if found.next().is_some() {
        return Err(Refusal::ComponentAbsent);
    }
    Ok(utf8_percent_encode(&value, FORM).to_string())
}

/// A header field's name as RFC 9421 has it signed: in lower case. No field begins with `@`.
fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
        })
}

/// One line of printable ASCII: a line break would be a component that nobody covered.
fn is_usable(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || (0x20..=0x7e).contains(&byte))
}
