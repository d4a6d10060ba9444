use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{Method, StatusCode};

/// What was answered since the start, by route: never by path, which holds ids.
#[derive(Debug, Default)]
pub struct Metrics {
    answered: Mutex<BTreeMap<(MethodName, String, u16), Answered>>,
}

/// A method by its name: a caller's own invention counts as `other`, so that nobody can make the table grow.
type MethodName = &'static str;

#[derive(Clone, Copy, Debug, Default)]
struct Answered {
    count: u64,
    time: Duration,
}

impl Metrics {
    pub(super) fn count(&self, method: &Method, route: &str, status: StatusCode, time: Duration) {
        let method = match method.as_str() {
            "GET" => "GET",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            _ => "other",
        };
        let mut table = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = table.entry((method, route.to_owned(), status.as_u16())).or_default();
        answered.count += 1;
        answered.time += time;
    }

    /// In the text format of Prometheus.
    pub(super) fn write(&self, out: &mut String) {
        let table = self.answered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        describe(out, "latchkey_http_requests_total", "counter", "Requests answered, by route and status.");
        for ((method, route, status), answered) in &table {
            let labels = format!("method=\"{method}\",route=\"{}\",status=\"{status}\"", label(route));
            line(out, "latchkey_http_requests_total", &labels, answered.count as f64);
        }
        describe(out, "latchkey_http_request_seconds_total", "counter", "Time spent on them.");
        for ((method, route, status), answered) in &table {
            let labels = format!("method=\"{method}\",route=\"{}\",status=\"{status}\"", label(route));
            line(out, "latchkey_http_request_seconds_total", &labels, answered.time.as_secs_f64());
        }
    }
}

pub(super) fn describe(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

pub(super) fn line(out: &mut String, name: &str, labels: &str, value: f64) {
    let _ = match labels {
        "" => writeln!(out, "{name} {value}"),
        labels => writeln!(out, "{name}{{{labels}}} {value}"),
    };
}

/// Escapes a label's value.
pub(super) fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
