//! The relay, seen from an isolate.

use js_sys::Uint8Array;
use latchkey_snapshot::{Audience, limits};
use worker::{Env, Method, Request, RequestInit, Response, Stub};

use super::Unreachable;
use crate::clock;
use crate::protocol::{RelayStatus, SyncRequest, WAITED_HEADER};

/// The Durable Object's binding.
const BINDING: &str = "RELAY";
/// Durable Object stubs take whole URLs; only the path counts.
const ORIGIN: &str = "https://relay";
/// An answer takes tens of milliseconds from the other end of the world. After this, and what it was let wait, the fallback is asked.
const TIMEOUT_MS: u64 = 1_500;
/// Taking a bundle of 4 MiB in means hashing and storing it.
const INGEST_TIMEOUT_MS: u64 = 20_000;

pub(crate) struct Relay(Stub);

/// What the relay says to a sync.
pub(crate) struct Answer {
    pub(crate) news: News,
    /// How long the relay held the answer back before it gave it, in milliseconds.
    pub(crate) waited_ms: f64,
}

/// What the relay has that an isolate lacks.
pub(crate) enum News {
    /// The isolate has the newest head.
    Nothing,
    Bundle(Vec<u8>),
}

impl Relay {
    pub(crate) fn connect(env: &Env, audience: Audience) -> Result<Self, Unreachable> {
        let stub =
            env.durable_object(BINDING).and_then(|namespace| namespace.get_by_name(&audience.to_string()));
        stub.map(Self).map_err(log)
    }

    pub(crate) async fn sync(&self, request: &SyncRequest) -> Result<Answer, Unreachable> {
        let body = serde_json::to_string(request).map_err(log)?;
        let timeout_ms = u64::from(request.wait_ms) + TIMEOUT_MS;
        let mut response = self.call(Method::Post, "/sync", Some(body.into()), timeout_ms).await?;
        let waited_ms = response.headers().get(WAITED_HEADER).ok().flatten();
        let waited_ms = waited_ms.and_then(|text| text.parse().ok()).unwrap_or(0.0);
        let news = match response.status_code() {
            204 => News::Nothing,
            200 => match clock::within_ms(TIMEOUT_MS, response.bytes()).await {
                Some(bytes) => News::Bundle(bytes.map_err(log)?),
                None => return Err(log(format!("an answer had no end within {TIMEOUT_MS} ms"))),
            },
            status => return Err(log(format!("sync was answered with {status}"))),
        };
        Ok(Answer { news, waited_ms })
    }

    /// A body by its hash; `None` if the relay does not have it.
    pub(crate) async fn object(&self, sha256: &[u8; 32]) -> Result<Option<Vec<u8>>, Unreachable> {
        self.object_at(&format!("/object/{}", hex::encode(sha256))).await
    }

    pub(crate) async fn object_at(&self, path: &str) -> Result<Option<Vec<u8>>, Unreachable> {
        let mut response = self.call(Method::Get, path, None, TIMEOUT_MS).await?;
        match response.status_code() {
            200 => response.bytes().await.map(Some).map_err(log),
            _ => Ok(None),
        }
    }

    /// Hands a bundle over. The answer is the relay's own, good or bad.
    pub(crate) async fn ingest(&self, bundle: &[u8], request_id: &str) -> Result<Response, Unreachable> {
        debug_assert!(bundle.len() <= limits::BUNDLE_BYTES, "the caller reads no more than that");
        let path = format!("/ingest?request_id={request_id}");
        self.call(Method::Post, &path, Some(Uint8Array::from(bundle).into()), INGEST_TIMEOUT_MS).await
    }

    pub(crate) async fn status(&self) -> Result<RelayStatus, Unreachable> {
        let mut response = self.call(Method::Get, "/status", None, TIMEOUT_MS).await?;
        response.json().await.map_err(log)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<wasm_bindgen::JsValue>,
        timeout_ms: u64,
    ) -> Result<Response, Unreachable> {
        let mut init = RequestInit::new();
        init.with_method(method).with_body(body);
        let request = Request::new_with_init(&format!("{ORIGIN}{path}"), &init).map_err(log)?;
        match clock::within_ms(timeout_ms, self.0.fetch_with_request(request)).await {
            Some(answer) => answer.map_err(log),
            None => Err(log(format!("no answer within {timeout_ms} ms"))),
        }
    }
}

fn log(error: impl std::fmt::Display) -> Unreachable {
    worker::console_warn!("The relay could not be used: {}", error);
    Unreachable
}
