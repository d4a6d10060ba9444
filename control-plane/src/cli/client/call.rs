use reqwest::Method;
use serde_json::{Map, Value};

/// One request to the API.
#[derive(Clone)]
pub(in crate::cli) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
}

impl Call {
    fn new(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), headers: Vec::new(), body }
    }

    pub(in crate::cli) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, None)
    }

    pub(in crate::cli) fn post(path: impl Into<String>, body: Map<String, Value>) -> Self {
        Self::new(Method::POST, path, Some(body.into()))
    }

    pub(in crate::cli) fn put(path: impl Into<String>, body: Map<String, Value>) -> Self {
        Self::new(Method::PUT, path, Some(body.into()))
    }

    pub(in crate::cli) fn patch(path: impl Into<String>, body: Map<String, Value>) -> Self {
        Self::new(Method::PATCH, path, Some(body.into()))
    }

    pub(in crate::cli) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path, None)
    }

    /// Adds a body to a DELETE.
    pub(in crate::cli) fn with_body(mut self, body: Map<String, Value>) -> Self {
        self.body = (!body.is_empty()).then(|| body.into());
        self
    }

    /// Adds a query parameter if there is a value.
    pub(in crate::cli) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// Only if the object is still as it was at this `change_seq`.
    pub(in crate::cli) fn if_match(mut self, change_seq: Option<u64>) -> Self {
        self.headers.extend(change_seq.map(|seq| ("if-match", format!("\"{seq}\""))));
        self
    }

    /// Makes repeats of this call harmless.
    pub(in crate::cli) fn idempotency_key(mut self, key: Option<String>) -> Self {
        self.headers.extend(key.map(|key| ("idempotency-key", key)));
        self
    }
}
