//! `Idempotency-Key`: a POST that makes something is done once, however often it is sent within 24 hours.
//!
//! The claim is on disk before the operation runs, and the answer after it. A crash in between leaves the claim: such a request
//! is then refused as in flight until it is forgotten, because nobody can say whether it was done. That may cost its
//! sender a look at the list; the other way round it would cost a second object.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::body::LIMIT_BYTES;
use super::caller::Caller;
use super::problem::Failure;
use crate::app::App;
use crate::domain::{AdminKeyId, FieldErrors};
use crate::storage::Claim;

/// The header that names a request.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Bytes of a request's name.
pub(super) const MAX_NAME_BYTES: usize = 255;
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Days for which an answer is kept.
pub const REMEMBERED_DAYS: i64 = 1;

/// Runs the operation behind it once for each name.
pub(super) async fn once(request: Request, next: Next) -> Response {
    if !request.headers().contains_key(IDEMPOTENCY_KEY) {
        return next.run(request).await;
    }
    // On a task of its own: a caller that goes away must not leave the claim without an answer.
    match tokio::spawn(answer(request, next)).await {
        Ok(Ok(response)) => response,
        Ok(Err(failure)) => failure.into_response(),
        Err(_) => Failure::Internal.into_response(),
    }
}

async fn answer(request: Request, next: Next) -> Result<Response, Failure> {
    let app = request.extensions().get::<App>().cloned().ok_or(Failure::Internal)?;
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &app).await?;
    let claim = Claimed { name: name_of(&parts.headers)?, admin_key: caller.admin_key().id, app };
    let body = to_bytes(body, LIMIT_BYTES).await.map_err(|_| Failure::BodyTooLarge(LIMIT_BYTES))?;
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    match claim.make(fingerprint(parts.method.as_str(), target, &body)).await? {
        Claim::New => {}
        Claim::Answered(sealed) => return claim.replay(&sealed),
        Claim::InFlight => return Err(Failure::IdempotencyInFlight),
        Claim::OtherRequest => return Err(Failure::IdempotencyKeyReused),
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !response.status().is_success() {
        // A refused operation has done nothing, so its name is free again.
        claim.app.store.release_request(claim.admin_key, claim.name).await?;
        return Ok(response);
    }
    claim.keep(response).await
}

fn name_of(headers: &HeaderMap) -> Result<String, Failure> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let name = values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok());
    let fits = |name: &&str| {
        (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
    };
    name.filter(fits).map(str::to_owned).ok_or_else(|| {
        let mut errors = FieldErrors::default();
        errors.add(
            "Idempotency-Key",
            format!("must be given once, with 1 to {MAX_NAME_BYTES} visible ASCII characters"),
        );
        Failure::BadHeader(errors)
    })
}

/// Each part carries its length, so that no two requests hash the same bytes.
fn fingerprint(method: &str, target: &str, body: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in [method.as_bytes(), target.as_bytes(), body] {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

struct Claimed {
    app: App,
    admin_key: AdminKeyId,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Claimed {
    async fn make(&self, request: [u8; 32]) -> Result<Claim, Failure> {
        let now = self.app.now();
        let forget_before = now.plus_days(-REMEMBERED_DAYS);
        Ok(self
            .app
            .store
            .claim_request(self.admin_key, self.name.clone(), request, now, forget_before)
            .await?)
    }

    /// Keeps an answer, sealed because it may hold a token.
    async fn keep(self, response: Response) -> Result<Response, Failure> {
        let (head, body) = response.into_parts();
        let body: Bytes = to_bytes(body, MAX_ANSWER_BYTES).await.map_err(|_| Failure::Internal)?;
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            value.to_str().ok().map(|value| (name.as_str().to_owned(), value.to_owned()))
        };
        let kept = Kept {
            status: head.status.as_u16(),
            headers: head.headers.iter().filter_map(text).collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(&kept).map_err(|_| Failure::Internal)?);
        let sealed =
            self.app.vault.seal_answer(self.admin_key, &self.name, &plain).map_err(|_| Failure::Internal)?;
        self.app.store.keep_answer(self.admin_key, self.name, sealed).await?;
        Ok(Response::from_parts(head, Body::from(body)))
    }

    fn replay(&self, sealed: &[u8]) -> Result<Response, Failure> {
        let plain =
            self.app.vault.open_answer(self.admin_key, &self.name, sealed).map_err(|_| Failure::Internal)?;
        let kept: Kept = serde_json::from_slice(&plain).map_err(|_| Failure::Internal)?;
        let mut response = Response::new(Body::from(kept.body));
        *response.status_mut() = StatusCode::from_u16(kept.status).map_err(|_| Failure::Internal)?;
        for (name, value) in kept.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(response)
    }
}
