//! The sample upstream (`tests/upstream/server.mjs`): what the gate protects.

use std::thread::sleep;

use crate::error::{Result, fail};
use crate::http::Request;
use crate::processes::{Output, Process, TICK, tail};
use crate::progress::Step;
use crate::{paths, tools};

pub(crate) fn start(port: u16, step: &Step) -> Result<Process> {
    let name = "upstream";
    let mut command = tools::node()?;
    command.args(["tests/upstream/server.mjs", "--port", &port.to_string()]);
    let mut process = Process::start(name, &mut command, Output::Log(&paths::log(name)))?;
    while Request::new("GET", port, "/").send().is_err() {
        step.check()?;
        if let Some(status) = process.exited()? {
            return fail(format!(
                "{}\n\nthe sample upstream ended at its start ({status})",
                tail(&paths::log(name), 20)
            ));
        }
        sleep(TICK);
    }
    Ok(process)
}
