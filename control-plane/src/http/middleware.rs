use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::problem;
use super::rate::Quota;
use crate::app::App;
use crate::domain::RequestId;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 64;

/// The request's id, for handlers and the audit log.
#[derive(Clone, Debug)]
pub(super) struct RequestName(pub(super) String);

/// Where the caller's quota is noted on the way in, so that the answer can say it.
#[derive(Clone, Default)]
pub(super) struct NotedQuota(pub(super) Arc<OnceLock<Quota>>);

/// Names the request, logs it once it is answered, and gives errors their body. Neither query strings nor headers are logged.
pub(super) async fn around_request(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let name = given_name(&request).unwrap_or_else(|| app.next_id::<RequestId>().to_string());
    request.extensions_mut().insert(RequestName(name.clone()));
    let quota = NotedQuota::default();
    request.extensions_mut().insert(quota.clone());
    request.extensions_mut().insert(app.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", request.id = name);
    async move {
        let started = Instant::now();
        let response = next.run(request).await;
        let mut response = problem::render(response, &name);
        if let Some(quota) = quota.0.get() {
            tell_quota(&mut response, *quota);
        }
        app.metrics.count(&method, &route, response.status(), started.elapsed());
        tracing::info!(
            http.method = method.as_str(),
            http.route = route,
            http.status = response.status().as_u16(),
            duration_ms = started.elapsed().as_micros() as f64 / 1_000.0,
            "answered {method} {route}"
        );
        // Answers hold what admins alone may see, and tokens: no browser or proxy may keep one unless it says so itself.
        response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        if let Ok(value) = HeaderValue::from_str(&name) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
        response
    }
    .instrument(span)
    .await
}

/// As draft-ietf-httpapi-ratelimit-headers says: the bucket fills within a second.
fn tell_quota(response: &mut Response, quota: Quota) {
    let Quota { limit, remaining, exceeded } = quota;
    let headers = [
        (HeaderName::from_static("ratelimit-policy"), format!("\"admin-key\";q={limit};w=1")),
        (HeaderName::from_static("ratelimit"), format!("\"admin-key\";r={remaining};t=1")),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    if exceeded {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
}

/// A caller's own id goes into logs and the audit trail, so nothing fancy is let in.
fn given_name(request: &Request) -> Option<String> {
    let name = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    ((1..=MAX_REQUEST_ID).contains(&name.len()) && name.bytes().all(plain)).then(|| name.to_owned())
}
