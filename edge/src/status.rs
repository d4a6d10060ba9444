//! `GET /.well-known/latchkey/status`: what this isolate decides from, and what the relay knows. No secrets, so no credential.

use latchkey_snapshot::Trust;
use latchkey_validator::Age;
use serde::Serialize;
use worker::{Env, Response};

use crate::problem::Problem;
use crate::protocol::RelayStatus;
use crate::sources::relay::Relay;
use crate::usage::{self, Held};
use crate::{clock, isolate};

#[derive(Serialize)]
struct Status {
    audience: String,
    /// Ids of the keys in the setting, as the control plane's list of signing keys has them.
    trusted_keys: Vec<String>,
    epoch: u32,
    seq: u64,
    change_seq: u64,
    /// Since the head was issued; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
    /// Whether the head is before its `fresh_until`.
    fresh: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    /// Since a source last said what is newest; absent before the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    refreshed_seconds_ago: Option<f64>,
    isolate: String,
    /// `null` while the relay cannot be reached.
    relay: Option<RelayStatus>,
    /// Absent if usage is not reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Held>,
}

pub(crate) async fn handle(env: &Env) -> Result<Response, Problem> {
    let config = isolate::config(env).map_err(|error| Problem::misconfigured(&error.to_string()))?;
    let relay = match Relay::connect(env, config.trust.audience()) {
        Ok(relay) => relay.status().await.ok(),
        Err(_) => None,
    };
    let usage = config.usage.is_some().then(usage::held);
    let status = of_isolate(&config.trust, relay, usage);
    let response = Response::from_json(&status).and_then(|mut response| {
        response.headers_mut().set("cache-control", "no-store")?;
        Ok(response)
    });
    response.map_err(|_| Problem::relay_unavailable())
}

fn of_isolate(trust: &Trust, relay: Option<RelayStatus>, usage: Option<Held>) -> Status {
    let now_ms = clock::now_ms();
    let now = clock::seconds(now_ms);
    isolate::with(|isolate| {
        let refreshed_ago = isolate.freshness.age(now_ms);
        let fresh = isolate.age(now) == Some(Age::Fresh);
        let id = isolate.id().to_owned();
        let head = isolate.snapshot().map(|snapshot| snapshot.head().head());
        Status {
            audience: trust.audience().to_string(),
            trusted_keys: trust.key_ids().collect(),
            epoch: head.map_or(0, |head| head.epoch),
            seq: head.map_or(0, |head| head.seq),
            change_seq: head.map_or(0, |head| head.change_seq),
            age_seconds: head.map(|head| now.saturating_sub(head.issued_at)),
            fresh,
            valid_until: head.map(|head| clock::timestamp(head.valid_until as f64 * 1_000.0)),
            refreshed_seconds_ago: refreshed_ago.is_finite().then_some(refreshed_ago / 1_000.0),
            isolate: id,
            relay,
            usage,
        }
    })
}
