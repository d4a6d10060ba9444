//! `latchkey propagation`.

use std::time::{Duration, Instant};

use clap::Subcommand;
use serde_json::Value;

use super::api::{Group, Session};
use super::client::Call;
use super::exit::Failure;
use super::{input, keyspaces, output};
use crate::domain::Timestamp;

/// How often the server is asked.
const EVERY: Duration = Duration::from_millis(200);
/// What took longer than this, in milliseconds, is not told.
const TELLING_MS: i64 = 600_000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Wait until every gate and its isolates have the last change of a key; exit with 1 if that takes too long.
    Watch {
        /// key_…
        key: String,
        /// How long to wait, such as 30s or 5m.
        #[arg(long, default_value = "60s")]
        timeout: String,
    },
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    let Command::Watch { key, timeout } = group.command;
    let seconds = input::seconds(&timeout)
        .ok_or_else(|| Failure::usage("--timeout must be a span such as 30s or 5m"))?;
    let path = format!("/v1/keys/{}", input::id("key", "key", &key)?);
    let key = session.client.send(Call::get(path)).await?.json()?;
    watch(&session, &key, Duration::from_secs(seconds)).await
}

async fn watch(session: &Session, key: &Value, timeout: Duration) -> Result<(), Failure> {
    let wanted = key["change_seq"].as_u64().unwrap_or(u64::MAX);
    let text = |name: &str| key[name].as_str().unwrap_or_default();
    let path = keyspaces::path(text("keyspace_id"))? + "/propagation?key_id=" + text("id");
    let begun = Instant::now();
    loop {
        let view = session.client.send(Call::get(path.clone())).await?.json()?;
        let gates = view["gates"].as_array().map(Vec::as_slice).unwrap_or_default();
        if gates.is_empty() {
            return Err(Failure::failed("the keyspace has no gates: nothing is there to have the change"));
        }
        let have = gates.iter().filter(|gate| has(gate)).count();
        if have == gates.len() {
            return output::print(&format!("{}\n", arrived(key, gates)));
        }
        if begun.elapsed() >= timeout {
            let lacking = gates.iter().filter(|gate| !has(gate)).map(lag).collect::<Vec<_>>();
            let count = format!("{have} of {} gates have change {wanted}", gates.len());
            return Err(Failure::failed(format!("{count}; {}", lacking.join("; "))));
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn has(gate: &Value) -> bool {
    gate["applied"] == true
}

/// "refused at 3 of 3 gates after 0.6 s, since …"
fn arrived(key: &Value, gates: &[Value]) -> String {
    let count = gates.len();
    let last = gates.iter().filter_map(|gate| gate["applied_since"].as_str()).max().unwrap_or_default();
    let what = if key["status"] == "active" { "known as it is now" } else { "refused" };
    let took = milliseconds(key["updated_at"].as_str().unwrap_or_default(), last);
    // A server that has started since then knows when it heard of it, not how long it took.
    let took = took.filter(|took| *took <= TELLING_MS);
    let after = took.map(|took| format!(" after {:.1} s", took as f64 / 1_000.0)).unwrap_or_default();
    output::printable(&format!("{what} at {count} of {count} gates{after}, since {last}"))
}

fn milliseconds(from: &str, to: &str) -> Option<i64> {
    let (from, to) = (Timestamp::parse(from).ok()?, Timestamp::parse(to).ok()?);
    Some(to.0.saturating_sub(from.0).max(0))
}

fn lag(gate: &Value) -> String {
    let text = |pointer: &str| gate.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let behind = |isolate: &&Value| isolate["applied"] != true;
    let isolates = gate["isolates"].as_array().map_or(0, |isolates| isolates.iter().filter(behind).count());
    let why = match text("/last_error/code") {
        code if !code.is_empty() => format!("{code}: {}", text("/last_error/message")),
        _ if gate["acked_at"].is_null() => "has not answered yet".to_owned(),
        _ if isolates > 0 => format!("has {isolates} isolates that have not asked for it yet"),
        _ => "has an older snapshot".to_owned(),
    };
    output::printable(&format!("{} {why}", text("/url")))
}
