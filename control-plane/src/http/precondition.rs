//! ETag and If-Match: the tag of a key is its `change_seq` in quotation marks.

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::problem::Failure;
use crate::app::App;
use crate::domain::{FieldErrors, Precondition};

/// What the If-Match header expects.
pub(super) struct IfMatch(pub(super) Precondition);

impl FromRequestParts<App> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        let mut values = parts.headers.get_all(IF_MATCH).iter().peekable();
        if values.peek().is_none() {
            return Ok(Self(Precondition::Any));
        }
        let mut seqs = Vec::new();
        for value in values {
            let value = value.to_str().map_err(|_| malformed())?.trim();
            if value == "*" {
                return Ok(Self(Precondition::Any));
            }
            for tag in value.split(',') {
                seqs.extend(change_seq(tag.trim())?);
            }
        }
        Ok(Self(Precondition::ChangeSeqIn(seqs)))
    }
}

/// The number in a tag; `None` for a tag that no key has. Weak tags promise too little to change anything by.
fn change_seq(tag: &str) -> Result<Option<u64>, Failure> {
    let (strong, tag) = match tag.strip_prefix("W/") {
        Some(weak) => (false, weak),
        None => (true, tag),
    };
    let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).ok_or_else(malformed)?;
    Ok(inner.parse().ok().filter(|_| strong))
}

fn malformed() -> Failure {
    let mut errors = FieldErrors::default();
    errors.add("If-Match", "must be * or entity tags such as \"17\", in quotation marks");
    Failure::BadHeader(errors)
}

/// Gives a response the tag of what it shows.
pub(super) fn tagged(change_seq: u64, response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("\"{change_seq}\"")) {
        response.headers_mut().insert(ETAG, value);
    }
    response
}
