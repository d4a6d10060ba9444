//! A report as the control plane reads it.

use std::borrow::Cow;

use latchkey_snapshot::id::Id;
use latchkey_validator::Code;
use serde::Serialize;

use super::credits::Totals;
use super::path;
use super::record::Record;

#[derive(Serialize)]
pub(super) struct Report<'a> {
    pub(super) batch_id: String,
    pub(super) gate: &'a str,
    pub(super) dropped: u64,
    pub(super) requests: Vec<Request<'a>>,
    pub(super) credits: Vec<CreditTotals<'a>>,
}

#[derive(Serialize)]
pub(super) struct Request<'a> {
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    method: Cow<'a, str>,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    colo: Option<&'a str>,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
pub(super) struct CreditTotals<'a> {
    key: String,
    unit: &'a str,
    consumed: u64,
    written_off: u64,
}

impl<'a> Request<'a> {
    /// `timestamp` writes milliseconds since the epoch in RFC 3339.
    pub(super) fn of(record: &'a Record, colo: Option<&'a str>, timestamp: impl Fn(f64) -> String) -> Self {
        let method = record.method.text();
        Self {
            at: timestamp(record.at_ms),
            tag: record.tag.map(hex::encode),
            key: record.key.map(|key| Id::new("key", key).to_string()),
            code: Code::from_number(record.code).unwrap_or(Code::SnapshotUnavailable).as_str(),
            status: Some(record.status).filter(|status| *status > 0),
            method: if method.is_empty() { Cow::Borrowed("?") } else { method },
            path: path::without_tokens(&record.path.text()).into_owned(),
            route: record.route.optional(),
            address: record.address.map(|address| address.to_string()),
            colo,
            seq: record.seq,
            request_id: record.request_id.optional(),
        }
    }
}

impl<'a> CreditTotals<'a> {
    pub(super) fn of((key, unit, totals): (u64, &'a str, Totals)) -> Self {
        let Totals { consumed, written_off } = totals;
        Self { key: Id::new("key", key).to_string(), unit, consumed, written_off }
    }
}
