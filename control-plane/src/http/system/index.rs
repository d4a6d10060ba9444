use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, VARY};
use axum::response::{IntoResponse, Redirect, Response};

use crate::http::dashboard;

const TEXT: &str = concat!(
    "Latchkey control plane ",
    env!("CARGO_PKG_VERSION"),
    "\n\n/dashboard/  manage keys by hand\n/openapi.json  what this API can do\n/docs  the same, to read and try\n\
     /v1/keyspaces  begin here, with an admin key\n/healthz /readyz\n"
);

/// What this is and where to go on.
#[utoipa::path(get, path = "/", tag = "system", responses(
    (status = 200, description = "A few lines of text.", body = String),
    (status = 303, description = "To the dashboard, for browsers."),
))]
pub(in crate::http) async fn index(headers: HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match accepted.contains("text/html") {
        true => ([(VARY, "accept")], Redirect::to(dashboard::ROOT)).into_response(),
        false => ([(VARY, "accept")], TEXT).into_response(),
    }
}
