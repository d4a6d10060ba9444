//! The control plane, seen from a gate: it is told of usage and handed a holder's revocation. It is asked nothing, and no decision waits for it.

use std::fmt;

use js_sys::Uint8Array;
use worker::{AbortController, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Url};

use crate::clock;

/// Milliseconds until an answer counts as none.
const TIMEOUT_MS: u64 = 10_000;

/// Where the control plane is: an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ControlPlane(String);

/// Text that authorizes somebody. It can be sent and not printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bearer(String);

/// The control plane gave no answer in time.
#[derive(Debug)]
pub(crate) struct NoAnswer;

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(…)")
    }
}

impl Bearer {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The value of an `Authorization` header.
    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl ControlPlane {
    /// Takes an origin. Tokens go there, so it must be encrypted unless it is this machine.
    ///
    /// # Errors
    /// What it must be.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "must be a URL such as https://latchkey.example.com")?;
        let is_this_machine = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && is_this_machine) {
            return Err("must start with https://");
        }
        let has_more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        if has_more || !url.username().is_empty() || url.password().is_some() {
            return Err("must be an origin: no path, query or credentials");
        }
        Ok(Self(url.origin().ascii_serialization()))
    }

    /// Posts JSON, or nothing. The status is all that a gate wants to know.
    pub(crate) async fn post(
        &self,
        path: &str,
        bearer: &Bearer,
        json: Option<&str>,
    ) -> Result<u16, NoAnswer> {
        let request = self.request(path, bearer, json).map_err(|error| log(&error))?;
        let abort = AbortController::default();
        let signal = abort.signal();
        let answer = clock::within_ms(TIMEOUT_MS, Fetch::Request(request).send_with_signal(&signal)).await;
        match answer {
            Some(Ok(response)) => Ok(response.status_code()),
            Some(Err(error)) => Err(log(&error)),
            None => {
                // Else the connection would stay open as long as the other side likes.
                abort.abort();
                Err(NoAnswer)
            }
        }
    }

    fn request(&self, path: &str, bearer: &Bearer, json: Option<&str>) -> worker::Result<Request> {
        let headers = Headers::new();
        headers.set("authorization", &bearer.header())?;
        if json.is_some() {
            headers.set("content-type", "application/json")?;
        }
        let mut init = RequestInit::new();
        // A redirect would carry the token to somebody else.
        init.with_method(Method::Post).with_headers(headers).with_redirect(RequestRedirect::Manual);
        init.with_body(json.map(|json| Uint8Array::from(json.as_bytes()).into()));
        Request::new_with_init(&format!("{}{path}", self.0), &init)
    }
}

fn log(error: &worker::Error) -> NoAnswer {
    worker::console_warn!("The control plane could not be reached: {}", error);
    NoAnswer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_travel_encrypted_or_not_at_all() {
        let parse = |text: &str| ControlPlane::parse(text).map(|place| place.0);
        assert_eq!(parse("https://latchkey.example.com/").as_deref(), Ok("https://latchkey.example.com"));
        for own in ["http://127.0.0.1:7700", "http://localhost:7700", "http://[::1]:7700"] {
            assert_eq!(parse(own).as_deref(), Ok(own));
        }
        for bad in [
            "http://latchkey.example.com",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "https://a/v1",
            "https://u:p@a",
            "latchkey",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_authorizes_is_not_printed() {
        assert_eq!(format!("{:?}", Bearer::new("secret".into())), "Bearer(…)");
    }
}
