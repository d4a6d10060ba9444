use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::problem;
use crate::app::App;
use crate::domain::RequestId;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 64;

/// The request's id, for handlers and the audit log.
#[derive(Clone, Debug)]
pub(super) struct RequestName(pub(super) String);

/// Names the request, logs it once it is answered, and gives errors their body. Neither query strings nor headers are logged.
pub(super) async fn around_request(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let name = given_name(&request).unwrap_or_else(|| app.next_id::<RequestId>().to_string());
    request.extensions_mut().insert(RequestName(name.clone()));
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", request.id = name);
    async move {
        let started = Instant::now();
        let response = next.run(request).await;
        let mut response = problem::render(response, &name);
        tracing::info!(
            http.method = method.as_str(),
            http.route = route,
            http.status = response.status().as_u16(),
            duration_ms = started.elapsed().as_micros() as f64 / 1_000.0,
            "answered {method} {route}"
        );
        if let Ok(value) = HeaderValue::from_str(&name) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
        response
    }
    .instrument(span)
    .await
}

/// A caller's own id goes into logs and the audit trail, so nothing fancy is let in.
fn given_name(request: &Request) -> Option<String> {
    let name = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    ((1..=MAX_REQUEST_ID).contains(&name.len()) && name.bytes().all(plain)).then(|| name.to_owned())
}
