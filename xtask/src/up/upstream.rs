//! The sample upstream (`tests/upstream/server.mjs`): what the gate protects.

use std::thread::sleep;

use super::state::State;
use crate::error::Result;
use crate::http::Request;
use crate::processes::{Output, Process, TICK};
use crate::progress::Step;
use crate::tools;

pub(crate) fn start(port: u16, state: &State, step: &Step) -> Result<Process> {
    let name = "upstream";
    let mut command = tools::node()?;
    command.args(["tests/upstream/server.mjs", "--port", &port.to_string()]);
    let mut process = Process::start(name, &mut command, Output::Log(&state.log(name)))?;
    while Request::new("GET", port, "/").send().is_err() {
        step.check()?;
        if let Some(status) = process.exited()? {
            return process.failure(&format!("ended at its start ({status})"));
        }
        sleep(TICK);
    }
    Ok(process)
}
