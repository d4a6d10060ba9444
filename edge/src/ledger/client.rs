//! The ledger, seen from an isolate.

use latchkey_snapshot::id::Id;
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{Env, Method, Request, RequestInit, Stub};

use super::protocol::{NonceReply, NonceRequest, StatusReply, StatusRequest, TakeReply, TakeRequest};
use crate::clock;
use crate::sources::Unreachable;

/// The Durable Object's binding.
const BINDING: &str = "LEDGER";
/// Durable Object stubs take whole URLs; only the path counts.
const ORIGIN: &str = "https://ledger";
/// An answer takes tens of milliseconds from the other end of the world. Requests that wait for one are denied after this.
const TIMEOUT_MS: u64 = 1_500;

pub(crate) struct Ledger(Stub);

impl Ledger {
    /// The ledger of the key with this number.
    pub(crate) fn connect(env: &Env, key: u64) -> Result<Self, Unreachable> {
        let stub = env
            .durable_object(BINDING)
            .and_then(|namespace| namespace.get_by_name(&Id::new("key", key).to_string()));
        stub.map(Self).map_err(log)
    }

    pub(crate) async fn take(&self, request: &TakeRequest) -> Result<TakeReply, Unreachable> {
        self.call("/take", request).await
    }

    pub(crate) async fn status(&self, request: &StatusRequest) -> Result<StatusReply, Unreachable> {
        self.call("/status", request).await
    }

    pub(crate) async fn take_nonce(&self, request: &NonceRequest) -> Result<NonceReply, Unreachable> {
        self.call("/nonce", request).await
    }

    async fn call<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Unreachable> {
        let body = serde_json::to_string(body).map_err(log)?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(body.into()));
        let request = Request::new_with_init(&format!("{ORIGIN}{path}"), &init).map_err(log)?;
        let work = async {
            let mut response = self.0.fetch_with_request(request).await.map_err(log)?;
            match response.status_code() {
                200 => response.json().await.map_err(log),
                status => Err(log(format!("it answered with {status}"))),
            }
        };
        clock::within_ms(TIMEOUT_MS, work)
            .await
            .unwrap_or_else(|| Err(log(format!("no answer within {TIMEOUT_MS} ms"))))
    }
}

fn log(error: impl std::fmt::Display) -> Unreachable {
    worker::console_warn!("A ledger could not be used: {}", error);
    Unreachable
}
