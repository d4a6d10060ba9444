use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::EmbeddedFile;

/// Only what this server serves, nothing inline, in nobody's frame. Pages handle admin keys and keys: a script that got into one could
/// take them, and could send them nowhere. `wasm-unsafe-eval` lets the page compile the validator, and evaluates no JavaScript.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Bytes of a hash that an entity tag shows.
const TAG_BYTES: usize = 16;

/// How long a browser may keep a file without asking.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// Its name changes with its content.
    Forever,
    /// Each time.
    AskedAnew,
}

/// A file, or 304 if the caller has it. `squeezed` is the same file in gzip, if the caller takes that.
pub(super) fn of(
    name: &str,
    file: EmbeddedFile,
    squeezed: Option<EmbeddedFile>,
    lifetime: Lifetime,
    request: &HeaderMap,
) -> Response {
    let is_squeezed = squeezed.is_some();
    let file = squeezed.unwrap_or(file);
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..TAG_BYTES]));
    let mut headers = common_headers();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static(match lifetime {
            Lifetime::Forever => "public, max-age=31536000, immutable",
            Lifetime::AskedAnew => "no-cache",
        }),
    );
    if is_squeezed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let has_it = request.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    if has_it {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, Body::from(file.data.into_owned())).into_response()
}

/// Whether a caller says that it takes gzip, in the plain way in which browsers do.
pub(super) fn takes_gzip(request: &HeaderMap) -> bool {
    let accepted = request.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| coding.trim() == "gzip")
}

fn common_headers() -> HeaderMap {
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (VARY, "accept-encoding"),
    ];
    headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
