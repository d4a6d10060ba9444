//! Speaking to a gate's ingest route.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode, redirect};
use serde::Deserialize;

use super::propagation::Confirmations;
use super::{Isolate, PushError};
use crate::domain::{GateUrl, Timestamp};

const INGEST: &str = "/.well-known/latchkey/ingest";
const STATUS: &str = "/.well-known/latchkey/status";
const BUNDLE: &str = "application/vnd.latchkey.bundle";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read: a list of 10,000 isolates has about this many.
const ANSWER_BYTES: usize = 2 << 20;

/// What a gate says of itself when it takes a bundle.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) seq: u64,
    pub(super) change_seq: u64,
    pub(super) isolates: Vec<Isolate>,
}

#[derive(Clone, Debug)]
pub(super) struct GateClient(Client);

impl GateClient {
    pub(super) fn new(timeout: Duration) -> reqwest::Result<Self> {
        // Fails only if another part of the program was faster, with the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let settings = || {
            Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(timeout)
                // A gate never redirects; following one would carry a snapshot to a host that nobody configured.
                .redirect(redirect::Policy::none())
                .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION")))
        };
        let client = settings().build().or_else(|error| {
            // A bare container has no root certificates, and may still have gates on plain http.
            tracing::warn!(%error, "gates with https cannot be reached; install root certificates (package ca-certificates)");
            settings().tls_certs_only([]).build()
        });
        client.map(Self)
    }

    /// For other services than gates; they get the same care.
    pub(super) fn http(&self) -> &Client {
        &self.0
    }

    pub(super) async fn ingest(&self, gate: &GateUrl, bundle: Vec<u8>) -> Result<Answer, PushError> {
        let (status, body) = self.post(gate, bundle).await?;
        if status.is_success() { accepted(&body) } else { Err(refused(status.as_u16(), &body)) }
    }

    /// The isolates that a gate has heard of.
    pub(super) async fn isolates(&self, gate: &GateUrl) -> Result<Vec<Isolate>, PushError> {
        let response = self.0.get(format!("{}{STATUS}", gate.as_str())).send().await.map_err(unreachable)?;
        let (status, body) = (response.status(), read(response).await?);
        match serde_json::from_slice::<StatusBody>(&body) {
            Ok(StatusBody { relay: Some(relay) }) if status.is_success() => Ok(isolates(relay.isolates)),
            _ => Err(refused(status.as_u16(), &body)),
        }
    }

    /// The head that a gate shows because the one in `bundle` is not newer; `None` if it shows none.
    pub(super) async fn held(&self, gate: &GateUrl, bundle: Vec<u8>) -> Result<Option<Vec<u8>>, PushError> {
        let (status, body) = self.post(gate, bundle).await?;
        if status.is_success() {
            return Ok(None);
        }
        match serde_json::from_slice::<RefusedBody>(&body) {
            Ok(refused) => Ok(refused.held.and_then(|held| URL_SAFE_NO_PAD.decode(held.head).ok())),
            Err(_) => Err(self::refused(status.as_u16(), &body)),
        }
    }

    async fn post(&self, gate: &GateUrl, bundle: Vec<u8>) -> Result<(StatusCode, Vec<u8>), PushError> {
        let url = format!("{}{INGEST}", gate.as_str());
        let sent = self.0.post(url).header(CONTENT_TYPE, BUNDLE).body(bundle).send().await;
        let response = sent.map_err(unreachable)?;
        Ok((response.status(), read(response).await?))
    }
}

#[derive(Deserialize)]
struct AcceptedBody {
    seq: u64,
    change_seq: u64,
    #[serde(default)]
    isolates: Vec<IsolateBody>,
}

#[derive(Deserialize)]
struct StatusBody {
    /// Absent while the gate's relay cannot be reached.
    relay: Option<AcceptedBody>,
}

#[derive(Deserialize)]
struct IsolateBody {
    id: String,
    colo: Option<String>,
    seq: u64,
    change_seq: u64,
    seen_at: String,
    refused: Option<NackBody>,
}

#[derive(Deserialize)]
struct NackBody {
    code: String,
    message: String,
}

#[derive(Deserialize)]
struct RefusedBody {
    code: String,
    #[serde(default)]
    detail: String,
    /// With `NOT_NEWER`.
    held: Option<HeldBody>,
}

#[derive(Deserialize)]
struct HeldBody {
    head: String,
}

fn accepted(body: &[u8]) -> Result<Answer, PushError> {
    let body: AcceptedBody = serde_json::from_slice(body)
        .map_err(|error| failed("BAD_ANSWER", format!("the gate's answer is not understood: {error}")))?;
    Ok(Answer { seq: body.seq, change_seq: body.change_seq, isolates: isolates(body.isolates) })
}

fn isolates(listed: Vec<IsolateBody>) -> Vec<Isolate> {
    let isolates = listed.into_iter().filter_map(|isolate| {
        let seen_at = Timestamp::parse(&isolate.seen_at).ok()?;
        let IsolateBody { id, colo, seq, change_seq, refused, .. } = isolate;
        let refused = refused.map(|nack| failed(&nack.code, nack.message));
        Some(Isolate { id, colo, seq, change_seq, seen_at, refused, confirmations: Confirmations::default() })
    });
    isolates.collect()
}

fn refused(status: u16, body: &[u8]) -> PushError {
    match serde_json::from_slice(body) {
        Ok(RefusedBody { code, detail, .. }) => failed(&code, detail),
        Err(_) => failed("BAD_ANSWER", format!("something that is no gate answered with status {status}")),
    }
}

fn unreachable(error: reqwest::Error) -> PushError {
    let code = if error.is_timeout() { "TIMEOUT" } else { "UNREACHABLE" };
    // The innermost cause is the one that people can act on.
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    failed(code, cause.to_string())
}

fn failed(code: &str, message: String) -> PushError {
    // From outside, and shown to admins: nothing longer than a code is.
    let code = code.chars().filter(|letter| letter.is_ascii_uppercase() || *letter == '_').take(64).collect();
    PushError { code, message: message.chars().filter(|letter| !letter.is_control()).take(500).collect() }
}

async fn read(mut response: Response) -> Result<Vec<u8>, PushError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES {
            return Err(failed(
                "BAD_ANSWER",
                format!("the gate's answer has more than {ANSWER_BYTES} bytes"),
            ));
        }
    }
    Ok(body)
}
