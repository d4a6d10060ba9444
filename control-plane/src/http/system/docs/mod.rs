//! The docs page: reads the OpenAPI document in the browser and lets people try calls. It needs nothing from elsewhere.

use axum::extract::Path;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

use crate::http::problem::Failure;

/// Only what this server serves, nothing inline, in nobody's frame. The page handles an admin key: a script that got into it could
/// take it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// The page.
pub(in crate::http) async fn page() -> Response {
    file("text/html; charset=utf-8", include_str!("index.html"))
}

/// What the page loads.
pub(in crate::http) async fn part(Path(name): Path<String>) -> Result<Response, Failure> {
    match name.as_str() {
        "docs.js" => Ok(file("text/javascript; charset=utf-8", include_str!("docs.js"))),
        "docs.css" => Ok(file("text/css; charset=utf-8", include_str!("docs.css"))),
        _ => Err(Failure::NoSuchPath),
    }
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text).into_response()
}
