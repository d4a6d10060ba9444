//! What keeps other sites from making a signed-in browser change something.

use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::http::problem::Failure;

/// The header that a page of ours sends and others cannot.
const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The token that belongs to a session. Made of the session's own: it need not be kept, and does not tell what it was made of.
pub(super) fn token(session: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"latchkey csrf v1\0");
    hasher.update(session.as_bytes());
    URL_SAFE_NO_PAD.encode(hasher.finalize())
}

/// Lets a request by a session's cookie change something.
///
/// # Errors
/// Another site may have made the browser send it.
pub(in crate::http) fn check(parts: &Parts, session: &str) -> Result<(), Failure> {
    if parts.method.is_safe() {
        return Ok(());
    }
    check_origin(&parts.headers)?;
    let sent = parts.headers.get(X_CSRF_TOKEN);
    let sent = sent.ok_or_else(|| refused("send the csrf_token of GET /v1/session as X-CSRF-Token"))?;
    match sent.as_bytes().ct_eq(token(session).as_bytes()).into() {
        true => Ok(()),
        false => Err(refused("X-CSRF-Token is not that of this session; GET /v1/session has it")),
    }
}

/// What a browser says of who asks. Programs that are no browsers say nothing, and have no cookies that others could make use of.
///
/// # Errors
/// A page of another origin asks.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), Failure> {
    // No script can set it, and it holds behind a proxy that changes the Host.
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return match site.as_bytes() {
            b"same-origin" => Ok(()),
            _ => Err(refused("a page of another site asks for this")),
        };
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, rest)| rest);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    match (authority, host) {
        (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(refused("a page of another origin asks for this")),
    }
}

fn refused(detail: &str) -> Failure {
    Failure::CsrfRefused(detail.to_owned())
}
