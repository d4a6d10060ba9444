//! `latchkey propagation`.

use std::time::{Duration, Instant};

use clap::Subcommand;
use serde_json::Value;

use super::api::{Group, Session};
use super::client::Call;
use super::exit::Failure;
use super::{input, keyspaces, output};

/// How often the server is asked.
const EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Wait until every gate has confirmed the last change of a key; exit with 1 if that takes too long.
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
    let path = keyspaces::path(key["keyspace_id"].as_str().unwrap_or_default())? + "/propagation";
    let begun = Instant::now();
    loop {
        let view = session.client.send(Call::get(path.clone())).await?.json()?;
        let gates = view["gates"].as_array().map(Vec::as_slice).unwrap_or_default();
        if gates.is_empty() {
            return Err(Failure::failed("the keyspace has no gates: nothing is there to have the change"));
        }
        let have = gates.iter().filter(|gate| has(gate, wanted)).count();
        if have == gates.len() {
            return output::print(&format!("{}\n", arrived(key, gates)));
        }
        if begun.elapsed() >= timeout {
            let lacking = gates.iter().filter(|gate| !has(gate, wanted)).map(lag).collect::<Vec<_>>();
            let count = format!("{have} of {} gates have change {wanted}", gates.len());
            return Err(Failure::failed(format!("{count}; {}", lacking.join("; "))));
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn has(gate: &Value, wanted: u64) -> bool {
    gate["applied_change_seq"].as_u64() >= Some(wanted)
}

fn arrived(key: &Value, gates: &[Value]) -> String {
    let (count, last) = (gates.len(), gates.iter().filter_map(|gate| gate["acked_at"].as_str()).max());
    let what = if key["status"] == "active" { "known as it is now" } else { "refused" };
    format!("{what} at {count} of {count} gates, which said so last at {}", last.unwrap_or_default())
}

fn lag(gate: &Value) -> String {
    let text = |pointer: &str| gate.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let why = match text("/last_error/code") {
        code if code.is_empty() => "has not answered yet".to_owned(),
        code => format!("{code}: {}", text("/last_error/message")),
    };
    output::printable(&format!("{} {why}", text("/url")))
}
