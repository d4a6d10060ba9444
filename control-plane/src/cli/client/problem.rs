use std::fmt;

use serde::Deserialize;

use crate::cli::output::printable;

/// An error that the server answered: RFC 9457.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct Problem {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    code: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    errors: Vec<FieldProblem>,
}

#[derive(Debug, Deserialize)]
struct FieldProblem {
    #[serde(default)]
    field: String,
    #[serde(default)]
    message: String,
}

impl Problem {
    /// Reads the body of an answer with an error status. Something between here and the server may have written it, so no body
    /// is too strange.
    pub(super) fn read(status: u16, body: &[u8]) -> Self {
        let mut problem = serde_json::from_slice(body).unwrap_or_else(|_| Self {
            status,
            code: String::new(),
            title: format!("something that is not Latchkey answered with status {status}"),
            detail: "check --url, and proxies on the way".to_owned(),
            request_id: String::new(),
            errors: Vec::new(),
        });
        problem.status = status;
        problem
    }

    pub(in crate::cli) fn status(&self) -> u16 {
        self.status
    }

    pub(in crate::cli) fn detail(&self) -> &str {
        &self.detail
    }
}

/// Text of the server may repeat what strangers chose as names, so it is made printable.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.title))?;
        if !self.code.is_empty() {
            write!(f, " ({})", printable(&self.code))?;
        }
        if self.errors.is_empty() {
            write!(f, ": {}", printable(&self.detail))?;
        }
        for error in &self.errors {
            write!(f, "\n  {}  {}", printable(&error.field), printable(&error.message))?;
        }
        if !self.request_id.is_empty() {
            write!(f, "\n  request {}", printable(&self.request_id))?;
        }
        Ok(())
    }
}
