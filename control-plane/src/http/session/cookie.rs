//! The cookie that holds a session's token.

use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue};
use latchkey_token::SecretToken;

use crate::domain::Timestamp;
use crate::domain::session::Session;
use crate::http::problem::Failure;

/// The cookie's name where browsers may keep it for plain HTTP: on this machine.
pub(in crate::http) const PLAIN_NAME: &str = "latchkey_session";
/// Its name everywhere else. Browsers take a cookie of such a name only from the very host, over TLS, so that no neighbouring host can
/// put its own session in the place of somebody's.
const HOST_NAME: &str = "__Host-latchkey_session";

/// The token of the session that a request comes by, if it comes by one.
///
/// # Errors
/// There are several.
pub(in crate::http) fn presented(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    if let Some(token) = only(headers, HOST_NAME)? {
        return Ok(Some(token));
    }
    match host(headers).is_some_and(is_this_machine) {
        true => only(headers, PLAIN_NAME),
        false => Ok(None),
    }
}

/// The header that gives a browser the session.
pub(super) fn set(
    headers: &HeaderMap,
    token: &SecretToken,
    session: &Session,
    now: Timestamp,
) -> HeaderValue {
    let seconds = (session.ends_at.0 - now.0).max(0) / 1_000;
    let mut value = header(&format!("{}={}; Max-Age={seconds}", kind(headers), token.expose()), headers);
    value.set_sensitive(true);
    value
}

/// The header that takes it away.
pub(super) fn clear(headers: &HeaderMap) -> HeaderValue {
    header(&format!("{}=; Max-Age=0", kind(headers)), headers)
}

fn header(start: &str, headers: &HeaderMap) -> HeaderValue {
    // Cookies know no ports: on this machine the narrow path keeps it from most of what gates and other programs serve.
    let scope = if may_be_plain(headers) { "Path=/v1" } else { "Path=/; Secure" };
    // Tokens and numbers are ASCII.
    HeaderValue::from_str(&format!("{start}; {scope}; HttpOnly; SameSite=Strict"))
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn kind(headers: &HeaderMap) -> &'static str {
    if may_be_plain(headers) { PLAIN_NAME } else { HOST_NAME }
}

/// Whether the page is one of this machine, reached without TLS. A proxy in front may have changed the Host; what the browser says of the
/// page's origin outranks it.
fn may_be_plain(headers: &HeaderMap) -> bool {
    match headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()) {
        Some(origin) => origin.strip_prefix("http://").is_some_and(is_this_machine),
        None => host(headers).is_some_and(is_this_machine),
    }
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST)?.to_str().ok()
}

/// Whether an authority is that of a loopback address.
fn is_this_machine(authority: &str) -> bool {
    let name = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_loopback = |address: std::net::IpAddr| address.is_loopback();
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
}

fn only<'a>(headers: &'a HeaderMap, wanted: &str) -> Result<Option<&'a str>, Failure> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| value);
    let value = values.next();
    match values.next() {
        // Which of them the person signed in with, nobody can say.
        Some(_) => Err(Failure::Unauthorized(format!("send one cookie {wanted}, not several"))),
        None => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        pairs.collect()
    }

    #[test]
    fn a_plain_cookie_counts_on_this_machine_alone() {
        for (host, counts) in [
            ("127.0.0.1:7700", true),
            ("localhost", true),
            ("[::1]:80", true),
            ("keys.example.com", false),
            ("127.0.0.1.example.com", false),
            ("localhost.example.com:80", false),
        ] {
            let found = headers(&[("host", host), ("cookie", "a=b; latchkey_session=x")]);
            assert_eq!(presented(&found).unwrap().is_some(), counts, "{host}");
        }
        let both =
            headers(&[("host", "localhost"), ("cookie", "latchkey_session=x; __Host-latchkey_session=y")]);
        assert_eq!(presented(&both).unwrap(), Some("y"));
    }

    #[test]
    fn a_page_that_came_over_tls_gets_a_secure_cookie_whatever_a_proxy_says_of_the_host() {
        assert!(!may_be_plain(&headers(&[
            ("host", "127.0.0.1:7700"),
            ("origin", "https://keys.example.com")
        ])));
        assert!(may_be_plain(&headers(&[("host", "x"), ("origin", "http://127.0.0.1:7700")])));
        assert!(!may_be_plain(&headers(&[("host", "keys.example.com")])));
        assert!(!may_be_plain(&headers(&[])));
    }
}
