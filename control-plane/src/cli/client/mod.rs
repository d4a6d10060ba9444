//! Speaking to the admin API.

mod call;
mod lines;
mod problem;
mod upload;

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Body, RequestBuilder, Response, Url, redirect};
use serde_json::Value;

use super::exit::Failure;
use super::input::Secret;

pub(super) use call::Call;
pub(super) use lines::Lines;
pub(super) use problem::Problem;
pub(super) use upload::Upload;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may stay silent.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of an answer that is not a stream: 100 of the largest keys, many times over.
const ANSWER_BYTES: usize = 64 << 20;
/// How often a call is repeated that came too soon for the server's rate bound, and how long it waits at most.
const RETRIES: u32 = 8;
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Whether the admin key may cross a network in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlainHttp {
    OnlyToThisMachine,
    DangerousEverywhere,
}

/// A client of one server, with one admin key or none.
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    authorization: Option<HeaderValue>,
}

/// An answer that is not an error.
pub(super) struct Reply {
    /// The body as the server wrote it.
    pub(super) text: String,
    /// The server's clock, from its Date header.
    pub(super) date: Option<String>,
}

impl Reply {
    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_str(&self.text)
            .map_err(|error| Failure::failed(format!("the server's answer is not JSON: {error}")))
    }
}

impl Client {
    /// A client of the server at `base`.
    pub(super) fn new(base: &str, plain: PlainHttp, admin_key: Option<&Secret>) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::usage(format!(
                "the server's address is wrong: {why}; give --url such as https://latchkey.example.com"
            ))
        };
        let url = Url::parse(base).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong("it must begin with http:// or https://"));
        }
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(wrong("it may have neither credentials nor a query"));
        }
        let here = upload::stays_here(&url);
        if url.scheme() == "http" && !here && plain == PlainHttp::OnlyToThisMachine {
            return Err(Failure::usage(
                "the address is http://, so anybody on the way could read the admin key and the tokens; use https://, or \
                 --dangerous-plain-http if the network between is yours alone",
            ));
        }
        // Fails only if another part of the program was faster, with the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // The API never redirects; following one would carry the admin key to a host that nobody named.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION")));
        if here {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| Failure::failed(format!("cannot make HTTP requests: {error}")))?;
        let authorization = admin_key.map(bearer).transpose()?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), authorization })
    }

    /// Where the server is.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Makes a call and reads the whole answer.
    pub(super) async fn send(&self, call: Call) -> Result<Reply, Failure> {
        let response = self.answer(&call).await?;
        let date = response.headers().get("date").and_then(|date| date.to_str().ok()).map(str::to_owned);
        let body = self.read(response).await?;
        let text =
            String::from_utf8(body).map_err(|_| Failure::failed("the server's answer is not UTF-8"))?;
        Ok(Reply { text, date })
    }

    /// Makes a call whose answer is no text; with it comes what brings the next part, if there is one.
    pub(super) async fn part(&self, call: Call) -> Result<(Vec<u8>, Option<String>), Failure> {
        let response = self.answer(&call).await?;
        let next = response.headers().get("latchkey-next-part");
        let next = next.and_then(|next| next.to_str().ok()).map(str::to_owned);
        Ok((self.read(response).await?, next))
    }

    /// Makes a call whose answer is read line by line.
    pub(super) async fn stream(&self, call: Call) -> Result<Lines, Failure> {
        Ok(Lines::of(self.answer(&call).await?, self.base.clone()))
    }

    /// Sends NDJSON while it is read, and reads the answer line by line while it comes.
    pub(super) async fn upload(&self, path: &str, upload: Upload) -> Result<Lines, Failure> {
        let request = self.request(&Call::post(path, serde_json::Map::new()))?;
        let request = request.header(CONTENT_TYPE, "application/x-ndjson").body(Body::wrap(upload));
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        Ok(Lines::of(self.good(response).await?, self.base.clone()))
    }

    async fn answer(&self, call: &Call) -> Result<Response, Failure> {
        let mut retries = 0;
        loop {
            let mut request = self.request(call)?;
            if let Some(body) = &call.body {
                let bytes = serde_json::to_vec(body).map_err(|error| Failure::failed(error.to_string()))?;
                request = request.header(CONTENT_TYPE, "application/json").body(bytes);
            }
            let response = request.send().await.map_err(|error| self.unreachable(&error))?;
            // 429 says that nothing was done, so that any call may be made again.
            match too_soon(&response) {
                Some(wait) if retries < RETRIES => {
                    retries += 1;
                    tokio::time::sleep(wait).await;
                }
                _ => return self.good(response).await,
            }
        }
    }

    fn request(&self, call: &Call) -> Result<RequestBuilder, Failure> {
        let mut url = Url::parse(&format!("{}{}", self.base, call.path))
            .map_err(|error| Failure::usage(format!("the server's address is wrong: {error}")))?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self.http.request(call.method.clone(), url);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        Ok(request)
    }

    async fn good(&self, response: Response) -> Result<Response, Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.read(response).await?;
        Err(Failure::Refused(Box::new(Problem::read(status.as_u16(), &body))))
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES {
                return Err(Failure::failed("the server's answer is too long"));
            }
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        unreachable(&self.base, error)
    }
}

fn unreachable(base: &str, error: &reqwest::Error) -> Failure {
    // The innermost cause is the one that people can act on.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let cause = if error.is_timeout() { "it does not answer in time".to_owned() } else { cause.to_string() };
    Failure::Unreachable { url: base.to_owned(), cause }
}

fn bearer(admin_key: &Secret) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", admin_key.expose()))
        .map_err(|_| Failure::usage("the admin key has characters that no admin key has"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn too_soon(response: &Response) -> Option<Duration> {
    if response.status().as_u16() != 429 {
        return None;
    }
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}
