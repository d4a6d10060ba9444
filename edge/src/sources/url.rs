//! A web address: what the control plane's sinks wrote to a bucket, or a CDN in front of one. Another fallback, for a relay or KV that
//! cannot be reached.
//!
//! Whoever answers there may answer with anything, for ever, and as slowly as they like: not more is read than what was asked for can
//! have, and not longer than a refresh can wait.

use std::fmt;

use futures_util::StreamExt;
use latchkey_snapshot::{Audience, ObjectRef, limits};
use worker::{AbortController, Fetch, Headers, Request, RequestInit, RequestRedirect, Response, Url};

use super::{HEAD_TIMEOUT_MS, OBJECT_TIMEOUT_MS, Pause, Unreachable, head_name, object_name};
use crate::clock;
use crate::control_plane::Bearer;

thread_local! {
    static PAUSE: Pause = const { Pause::none() };
}

/// Where snapshots can be read, without a slash at its end.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SnapshotUrl {
    base: String,
    /// For a place that is not open to everybody.
    token: Option<Bearer>,
}

impl fmt::Debug for SnapshotUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotUrl({})", self.base)
    }
}

impl SnapshotUrl {
    /// Takes an address. Snapshots tell of keys and their owners, and a token may go there, so it must be encrypted unless it is this machine.
    ///
    /// # Errors
    /// What it must be.
    pub(crate) fn parse(text: &str, token: Option<Bearer>) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "must be a URL such as https://snapshots.example.com")?;
        let is_this_machine = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && is_this_machine) {
            return Err("must start with https://");
        }
        let has_more = url.query().is_some() || url.fragment().is_some();
        if has_more || !url.username().is_empty() || url.password().is_some() {
            return Err("must not have a query, a fragment or credentials");
        }
        Ok(Self { base: url.as_str().trim_end_matches('/').to_owned(), token })
    }

    pub(crate) async fn head(&self, audience: Audience) -> Result<Option<Vec<u8>>, Unreachable> {
        self.get(&head_name(audience), limits::HEAD_BYTES, HEAD_TIMEOUT_MS).await
    }

    /// A body. While the place has just failed, there is none.
    pub(crate) async fn object(&self, object: &ObjectRef) -> Result<Option<Vec<u8>>, Unreachable> {
        if PAUSE.with(Pause::is_on) {
            return Err(Unreachable);
        }
        self.get(&object_name(&object.sha256), object.length as usize, OBJECT_TIMEOUT_MS).await
    }

    async fn get(&self, name: &str, most: usize, timeout_ms: u64) -> Result<Option<Vec<u8>>, Unreachable> {
        let request = self.request(name).map_err(log)?;
        let abort = AbortController::default();
        let signal = abort.signal();
        let work = async {
            let response = Fetch::Request(request).send_with_signal(&signal).await.map_err(log)?;
            read(response, most).await
        };
        let answer = clock::within_ms(timeout_ms, work).await;
        let answer = answer.unwrap_or_else(|| Err(log(format!("no answer within {timeout_ms} ms"))));
        if answer.is_err() {
            // Else the connection would stay open as long as the other side likes.
            abort.abort();
            PAUSE.with(Pause::begin);
        }
        answer
    }

    fn request(&self, name: &str) -> worker::Result<Request> {
        let headers = Headers::new();
        if let Some(token) = &self.token {
            headers.set("authorization", &token.header())?;
        }
        let mut init = RequestInit::new();
        // A redirect would carry the token to somebody else.
        init.with_headers(headers).with_redirect(RequestRedirect::Manual);
        Request::new_with_init(&format!("{}/{name}", self.base), &init)
    }
}

/// The body, if it has at most `most` bytes, whatever it announces.
async fn read(mut response: Response, most: usize) -> Result<Option<Vec<u8>>, Unreachable> {
    match response.status_code() {
        200 => {}
        404 => return Ok(None),
        status => return Err(log(format!("it answered with {status}"))),
    }
    let mut bytes = Vec::with_capacity(most);
    let Ok(mut stream) = response.stream() else { return Ok(Some(bytes)) };
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(log)?;
        if bytes.len() + chunk.len() > most {
            return Err(log(format!("its answer has more than {most} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

fn log(error: impl fmt::Display) -> Unreachable {
    worker::console_warn!("The snapshot URL could not be used: {}", error);
    Unreachable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_read_encrypted_or_from_this_machine() {
        let parse = |text: &str| SnapshotUrl::parse(text, None).map(|url| url.base);
        assert_eq!(parse("https://cdn.example.com/").as_deref(), Ok("https://cdn.example.com"));
        assert_eq!(parse("https://cdn.example.com/shop/").as_deref(), Ok("https://cdn.example.com/shop"));
        assert_eq!(parse("http://127.0.0.1:9000/bucket").as_deref(), Ok("http://127.0.0.1:9000/bucket"));
        for bad in
            ["http://cdn.example.com", "https://a/?x", "https://a/#x", "https://u:p@a", "ftp://a", "cdn"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
