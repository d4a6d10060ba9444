//! A request of the host as the verifier sees it.

use std::borrow::Cow;

use latchkey_signature::{Body, Fields, Request as View};
use worker::{Headers, Request};

/// The parts of a request that can be covered, but for its fields, which are asked for one by one.
pub(super) struct Message<'a> {
    method: String,
    url: String,
    headers: Lookup<'a>,
    body: Body,
}

struct Lookup<'a>(&'a Headers);

impl Fields for Lookup<'_> {
    /// The host joins lines as the RFC does. What is no header's name is no header.
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.get(name).ok().flatten().map(Cow::Owned)
    }
}

impl<'a> Message<'a> {
    pub(super) fn of(request: &'a Request) -> Self {
        let inner = request.inner();
        let headers = Lookup(request.headers());
        let is_empty = headers.get("content-length").is_some_and(|length| length == "0");
        let body = if inner.body().is_none() || is_empty { Body::Absent } else { Body::Present };
        Self { method: inner.method(), url: inner.url(), headers, body }
    }

    pub(super) fn look_at<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        let (scheme, authority, target) = split(&self.url);
        look(&View {
            method: &self.method,
            scheme,
            authority,
            target,
            fields: &self.headers,
            body: self.body,
        })
    }
}

/// Scheme, host with port, and path with query. The host's URLs have all of them and no fragment; what is missing here is empty, and then covers
/// nothing that a signer could have meant.
fn split(url: &str) -> (&str, &str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let (authority, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (scheme, authority, target)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_url_is_split_where_its_path_begins() {
        assert_eq!(split("https://a.example:8443/b?c=/d"), ("https", "a.example:8443", "/b?c=/d"));
        assert_eq!(split("http://a/"), ("http", "a", "/"));
        assert_eq!(split("nonsense"), ("", "", ""));
    }
}
