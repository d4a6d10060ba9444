//! Workers KV, through Cloudflare's REST API.
//!
//! Its bounds, from developers.cloudflare.com (kv/platform/limits, api/resources/kv/subresources/namespaces and
//! fundamentals/api/reference/limits): 10,000 pairs and 100 MB in one call, values of 25 MiB, one write a second of one key, 1,200 calls in
//! five minutes for a token, after which every call gets 429 until `Retry-After` is over.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::target::{Arrived, Batch, Outgoing, SinkError, Target, retry_after};
use super::{body_name, body_of};

const PAIRS: usize = 10_000;
/// Base64 makes four bytes of three, and far less than the bound keeps a call short. A base of 100 million keys takes 800 calls.
const BYTES: usize = 4 << 20;
/// Two calls for each head: 300 in five minutes leave room for four sinks with one token. Gates cache a head for a minute anyway.
const HEAD_INTERVAL: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(120);
/// Names in one page of a listing.
const PAGE: usize = 1_000;
/// Of an answer; a page of names has less than a tenth.
const ANSWER_BYTES: usize = 4 << 20;

pub(super) struct Kv {
    client: Client,
    namespace: String,
    token: Zeroizing<String>,
}

impl Kv {
    pub(super) fn new(
        client: Client,
        api_base: &str,
        account_id: &str,
        namespace_id: &str,
        token: Zeroizing<String>,
    ) -> Self {
        let namespace = format!("{api_base}/accounts/{account_id}/storage/kv/namespaces/{namespace_id}");
        Self { client, namespace, token }
    }

    fn request(&self, method: Method, rest: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/{rest}", self.namespace));
        request.bearer_auth(self.token.as_str()).timeout(TIMEOUT)
    }

    /// Writes or deletes in bulk; the names that Cloudflare says it could not do.
    async fn bulk(
        &self,
        method: Method,
        rest: &str,
        body: &impl Serialize,
    ) -> Result<Vec<String>, SinkError> {
        let body = serde_json::to_vec(body).map_err(|error| SinkError::new("INTERNAL", error))?;
        let request = self.request(method, rest).header(CONTENT_TYPE, "application/json").body(body);
        let outcome: Option<Bulk> = envelope(send(request).await?).await?.result;
        Ok(outcome.map(|outcome| outcome.unsuccessful_keys).unwrap_or_default())
    }
}

#[derive(Serialize)]
struct Pair {
    key: String,
    value: String,
    base64: bool,
}

impl Pair {
    fn new(key: String, value: &[u8]) -> Self {
        Self { key, value: STANDARD.encode(value), base64: true }
    }
}

#[derive(Deserialize)]
struct Envelope<T> {
    success: bool,
    #[serde(default = "Vec::new")]
    errors: Vec<ApiError>,
    result: Option<T>,
    result_info: Option<ResultInfo>,
}

#[derive(Deserialize)]
struct ApiError {
    code: i64,
    message: String,
}

#[derive(Deserialize)]
struct ResultInfo {
    #[serde(default)]
    cursor: String,
}

#[derive(Deserialize)]
struct Bulk {
    #[serde(default)]
    unsuccessful_keys: Vec<String>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
}

#[async_trait]
impl Target for Kv {
    fn batch(&self) -> Batch {
        Batch { bodies: PAIRS, bytes: BYTES }
    }

    fn head_interval(&self) -> Duration {
        HEAD_INTERVAL
    }

    async fn list(&self) -> Result<Vec<String>, SinkError> {
        let mut names = Vec::new();
        let mut cursor = String::new();
        loop {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("limit", &PAGE.to_string())
                .append_pair("cursor", &cursor)
                .finish();
            let request = self.request(Method::GET, &format!("keys?{query}"));
            let page: Envelope<Vec<Listed>> = envelope(send(request).await?).await?;
            names.extend(page.result.into_iter().flatten().map(|listed| listed.name));
            cursor = page.result_info.map(|info| info.cursor).unwrap_or_default();
            if cursor.is_empty() {
                return Ok(names);
            }
        }
    }

    async fn get_head(&self, name: &str) -> Result<Option<Vec<u8>>, SinkError> {
        // Its slashes belong to the name.
        let response =
            send(self.request(Method::GET, &format!("values/{}", name.replace('/', "%2F")))).await?;
        match response.status().as_u16() {
            200 => read(response).await.map(Some),
            404 => Ok(None),
            _ => Err(refusal(response).await),
        }
    }

    async fn put_bodies(&self, bodies: Vec<Outgoing>) -> Arrived {
        let pairs: Vec<_> = bodies.iter().map(|body| Pair::new(body_name(&body.hash), &body.bytes)).collect();
        match self.bulk(Method::PUT, "bulk", &pairs).await {
            Ok(missing) if missing.is_empty() => {
                Arrived { bodies: bodies.iter().map(|body| body.hash).collect(), failure: None }
            }
            Ok(missing) => {
                let lost: Vec<_> = missing.iter().filter_map(|name| body_of(name)).collect();
                let arrived = bodies.iter().map(|body| body.hash).filter(|hash| !lost.contains(hash));
                let failure =
                    SinkError::new("UNAVAILABLE", format!("{} values were not written", missing.len()));
                Arrived { bodies: arrived.collect(), failure: Some(failure) }
            }
            Err(failure) => Arrived { bodies: Vec::new(), failure: Some(failure) },
        }
    }

    async fn put_head(&self, name: &str, head: &[u8]) -> Result<(), SinkError> {
        let pairs = [Pair::new(name.to_owned(), head)];
        match self.bulk(Method::PUT, "bulk", &pairs).await?.len() {
            0 => Ok(()),
            _ => Err(SinkError::new("UNAVAILABLE", "the head was not written")),
        }
    }

    async fn delete_bodies(&self, hashes: &[[u8; 32]]) -> Result<(), SinkError> {
        for hashes in hashes.chunks(PAIRS) {
            let names: Vec<_> = hashes.iter().map(body_name).collect();
            let missing = self.bulk(Method::POST, "bulk/delete", &names).await?;
            if !missing.is_empty() {
                let message = format!("{} values were not deleted", missing.len());
                return Err(SinkError::new("UNAVAILABLE", message));
            }
        }
        Ok(())
    }
}

/// Sends a request; the answer may be a refusal.
async fn send(request: RequestBuilder) -> Result<Response, SinkError> {
    request.send().await.map_err(|error| unreachable(&error))
}

async fn envelope<T: for<'de> Deserialize<'de>>(response: Response) -> Result<Envelope<T>, SinkError> {
    if !response.status().is_success() {
        return Err(refusal(response).await);
    }
    let status = response.status().as_u16();
    let body = read(response).await?;
    let envelope: Envelope<T> = serde_json::from_slice(&body)
        .map_err(|_| SinkError::new("BAD_ANSWER", "what answered is not Cloudflare's API"))?;
    if envelope.success { Ok(envelope) } else { Err(SinkError::answered(status, told(&envelope.errors))) }
}

async fn refusal(response: Response) -> SinkError {
    let status = response.status().as_u16();
    let pause = retry_after(response.headers().get(RETRY_AFTER).map(|value| value.as_bytes()));
    let body = read(response).await.unwrap_or_default();
    let errors = serde_json::from_slice::<Envelope<serde_json::Value>>(&body).map(|envelope| envelope.errors);
    let message = match errors {
        Ok(errors) if !errors.is_empty() => told(&errors),
        _ => format!("the API answered with status {status}"),
    };
    SinkError::answered(status, message).retry_after(pause)
}

fn told(errors: &[ApiError]) -> String {
    let errors: Vec<_> = errors.iter().map(|error| format!("{} ({})", error.message, error.code)).collect();
    errors.join("; ")
}

async fn read(mut response: Response) -> Result<Vec<u8>, SinkError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES {
            return Err(SinkError::new(
                "BAD_ANSWER",
                format!("the answer has more than {ANSWER_BYTES} bytes"),
            ));
        }
    }
    Ok(body)
}

fn unreachable(error: &reqwest::Error) -> SinkError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    SinkError::new(if error.is_timeout() { "TIMEOUT" } else { "UNREACHABLE" }, cause)
}
