use latchkey_token::{
    Environment, Pepper, PresentedToken, TagScheme, TokenShapes, UnverifiedToken, parse_presented, tag,
};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// What can be said of a token's text without a snapshot.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenReport<'a> {
    /// Why the text is no token; the other fields are then absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    /// `latchkey` or `foreign`.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<&'a str>,
    /// SHA-256 of the token, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// The tag under the scheme without a pepper, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
}

/// Takes a token apart: `{ kind, prefix, environment, start, digest, tag }`, or `{ error }` with the name of the first rule of
/// spec/token.md that it breaks. `allowForeign` also takes tokens that were imported from elsewhere.
#[wasm_bindgen(js_name = inspectToken)]
pub fn inspect_token(text: &[u8], allow_foreign: bool) -> Result<JsValue, JsError> {
    let shapes = if allow_foreign { TokenShapes::AlsoForeign } else { TokenShapes::OnlyLatchkey };
    let report = match parse_presented(text, shapes) {
        Ok(token) => describe(&token)?,
        Err(error) => TokenReport { error: Some(error.name()), ..TokenReport::default() },
    };
    Ok(serde_wasm_bindgen::to_value(&report)?)
}

/// The tag of a token under a pepper (32 bytes), as hex, or `undefined` if the text is no token.
///
/// # Errors
/// Throws if the pepper has another length or the version is 0.
#[wasm_bindgen(js_name = tagWithPepper)]
pub fn tag_with_pepper(text: &[u8], version: u8, pepper: &[u8]) -> Result<Option<String>, JsError> {
    let pepper: &[u8; 32] = pepper.try_into().map_err(|_| JsError::new("a pepper has 32 bytes"))?;
    if version == 0 {
        return Err(JsError::new("pepper versions start at 1"));
    }
    let Ok(token) = parse_presented(text, TokenShapes::AlsoForeign) else { return Ok(None) };
    let pepper = Pepper::new(version, pepper);
    let scheme = TagScheme::HmacSha256 { pepper_version: version };
    Ok(Some(hex(&tag(scheme, Some(&pepper), &token.digest())?.0)))
}

fn describe<'a>(token: &PresentedToken<'a>) -> Result<TokenReport<'a>, JsError> {
    let own: Option<&UnverifiedToken<'a>> = match token {
        PresentedToken::Latchkey(own) => Some(own),
        PresentedToken::Foreign(_) => None,
    };
    let digest = token.digest();
    Ok(TokenReport {
        error: None,
        kind: Some(if own.is_some() { "latchkey" } else { "foreign" }),
        prefix: own.map(|own| own.prefix().as_str().to_owned()),
        environment: token.environment().map(Environment::as_str),
        start: Some(token.start()),
        digest: Some(hex(&digest.0)),
        tag: Some(hex(&tag(TagScheme::Sha256, None, &digest)?.0)),
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
