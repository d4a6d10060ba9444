use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::fields::Fields;
use super::problem::Failure;
use crate::app::App;

/// Bytes of a request's body: room for the largest policy.
pub(super) const LIMIT_BYTES: usize = 64 * 1_024;

/// A body that is a JSON object.
pub(super) struct JsonBody(pub(super) Fields);

impl FromRequest<App> for JsonBody {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        if !says_json(&request) {
            return Err(Failure::NotJson);
        }
        parse(&read(request, app).await?)
    }
}

/// As [`JsonBody`], for lists of tokens: a thousand of the longest, with where each was found.
pub(super) struct LargeJsonBody(pub(super) Fields);

const LARGE_LIMIT_BYTES: usize = 2 << 20;

impl FromRequest<App> for LargeJsonBody {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self, Failure> {
        if !says_json(&request) {
            return Err(Failure::NotJson);
        }
        let bytes = axum::body::to_bytes(request.into_body(), LARGE_LIMIT_BYTES).await;
        parse(&bytes.map_err(|_| Failure::BodyTooLarge(LARGE_LIMIT_BYTES))?).map(|body| Self(body.0))
    }
}

/// As [`JsonBody`], but no body at all is an empty object.
pub(super) struct OptionalJsonBody(pub(super) Fields);

impl FromRequest<App> for OptionalJsonBody {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let says_json = says_json(&request);
        let bytes = read(request, app).await?;
        if bytes.is_empty() {
            return Ok(Self(Fields::of(Map::new())));
        }
        if !says_json {
            return Err(Failure::NotJson);
        }
        parse(&bytes).map(|body| Self(body.0))
    }
}

fn says_json(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

async fn read(request: Request, app: &App) -> Result<Bytes, Failure> {
    Bytes::from_request(request, app).await.map_err(|rejection| match rejection.status().as_u16() {
        413 => Failure::BodyTooLarge(LIMIT_BYTES),
        _ => Failure::BodyUnreadable,
    })
}

fn parse(bytes: &[u8]) -> Result<JsonBody, Failure> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(JsonBody(Fields::of(object))),
        Ok(_) => Err(Failure::MalformedJson("the body must be a JSON object".to_owned())),
        Err(error) => Err(Failure::MalformedJson(error.to_string())),
    }
}
