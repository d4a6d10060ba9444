//! The gate: the built Worker in workerd, through the pinned wrangler.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::demo::Demo;
use super::options::Ports;
use super::state::State;
use crate::error::{Result, fail};
use crate::http::Request;
use crate::processes::{Output, Process, TICK};
use crate::{paths, tools};

/// From the start of wrangler to the first admitted request; 3 s is usual.
const ADMIT_WITHIN: Duration = Duration::from_secs(90);

/// The name of the gate's log.
const NAME: &str = "gate";

pub(crate) fn start(ports: Ports, demo: &Demo, state: &State) -> Result<Process> {
    let mut command = tools::wrangler()?;
    command.args([
        "dev",
        "--config",
        "wrangler.toml",
        "--ip",
        "127.0.0.1",
        "--port",
        &ports.gate.to_string(),
    ]);
    command.args(["--inspector-port", "0", "--show-interactive-dev-session=false"]);
    command.arg("--persist-to").arg(state.wrangler());
    let variables = [
        ("LATCHKEY_KEYSPACE", demo.keyspace_id.clone()),
        ("LATCHKEY_ENVIRONMENT", "any".to_owned()),
        ("LATCHKEY_TRUSTED_KEYS", demo.trusted_keys.join(",")),
        ("UPSTREAM_URL", format!("http://127.0.0.1:{}", ports.upstream)),
    ];
    for (name, value) in variables {
        command.args(["--var", &format!("{name}:{value}")]);
    }
    Process::start(NAME, &mut command, Output::Log(&state.log(NAME)))
}

/// Asks the gate with the demo key until it lets a request through.
///
/// # Errors
/// Those of `check`, and with the gate's last answer when it takes too long.
pub(crate) fn wait_until_admitted(
    port: u16,
    secret: &str,
    state: &State,
    mut check: impl FnMut() -> Result<()>,
) -> Result<()> {
    let deadline = Instant::now() + ADMIT_WITHIN;
    let mut last = "no answer".to_owned();
    while Instant::now() < deadline {
        match Request::new("GET", port, "/v1/hello").bearer(secret).send() {
            Ok(response) if response.status == 200 => return Ok(()),
            Ok(response) => last = format!("{} {}", response.status, response.body.trim()),
            Err(error) => last = error.to_string(),
        }
        check()?;
        sleep(2 * TICK);
    }
    fail(format!(
        "the gate did not admit the demo key within {ADMIT_WITHIN:?}; its last answer: {last}\nIts log: {}",
        paths::shown(&state.log(NAME)),
    ))
}
