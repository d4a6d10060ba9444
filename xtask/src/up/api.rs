//! Calls to the control plane's API as its first admin.

use crate::error::{Error, Result, fail};
use crate::http::{Request, Response};
use crate::json::Json;

pub(crate) struct Api {
    pub(crate) port: u16,
    pub(crate) admin_key: String,
}

impl Api {
    /// # Errors
    /// When the answer is not one of success, with what the control plane says about it.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Json>) -> Result<Json> {
        answer(method, path, &self.send(method, path, body, None)?)
    }

    /// Changes a resource as it is now: reads its version first and names it.
    pub(crate) fn patch(&self, path: &str, body: &Json) -> Result<Json> {
        let version = self.send("GET", path, None, None)?.header("etag").map(str::to_owned);
        answer("PATCH", path, &self.send("PATCH", path, Some(body), version)?)
    }

    /// The resource, or `None` when there is no such thing.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Json>> {
        let response = self.send("GET", path, None, None)?;
        if response.status == 404 { Ok(None) } else { answer("GET", path, &response).map(Some) }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        version: Option<String>,
    ) -> Result<Response> {
        let mut request = Request::new(method, self.port, path).bearer(&self.admin_key);
        if let Some(version) = version {
            request = request.header("if-match", version);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send()
    }
}

/// The text member `name` of an answer.
pub(crate) fn text(answer: &Json, name: &str) -> Result<String> {
    match answer.member(name).and_then(Json::as_text) {
        Some(text) => Ok(text.to_owned()),
        None => fail(format!("the control plane's answer has no text `{name}`")),
    }
}

fn answer(method: &str, path: &str, response: &Response) -> Result<Json> {
    match response.json() {
        Some(json) if response.status < 300 => Ok(json),
        _ => Err(Error::Failed(format!(
            "{method} {path} was answered {}: {}",
            response.status,
            response.body.trim()
        ))),
    }
}
