//! The control plane: started on its own folder, and the admin key taken from its first output.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::api::Api;
use super::state::State;
use crate::error::{Context, Result, fail};
use crate::http::Request;
use crate::paths;
use crate::processes::{Output, Process, TICK, each_line};
use crate::progress::Step;

/// The line of the first start. What follows it must reach no log.
const ADMIN_KEY_LINE: &str = "admin key: ";
const START_WITHIN: Duration = Duration::from_secs(30);

pub(crate) fn start(port: u16, state: &State, step: &Step) -> Result<(Process, Api)> {
    let name = "control-plane";
    let mut command = Command::new(paths::control_plane());
    command.current_dir(paths::root()).arg("serve");
    command.env("LATCHKEY_DATA_DIR", state.data()).env("LATCHKEY_LISTEN", format!("127.0.0.1:{port}"));
    let log = state.log(name);
    let mut process = Process::start(name, &mut command, Output::Piped(Some(&log)))?;
    let printed_keys = log_without_admin_key(&mut process, &log)?;

    let deadline = Instant::now() + START_WITHIN;
    while let Err(answer) = ready(port) {
        step.check()?;
        if let Some(status) = process.exited()? {
            return process.failure(&format!("ended at its start ({status})"));
        }
        if Instant::now() > deadline {
            return process.failure(&format!("is not ready after {START_WITHIN:?}: {answer}"));
        }
        sleep(2 * TICK);
    }
    let admin_key = match state.admin_key() {
        Some(kept) => kept,
        None => first_admin_key(&printed_keys, state)?,
    };
    Ok((process, Api { port, admin_key }))
}

fn first_admin_key(printed: &Receiver<String>, state: &State) -> Result<String> {
    // Printed before the control plane was ready; the thread that reads it may lag behind.
    let Ok(key) = printed.recv_timeout(Duration::from_secs(2)) else {
        return fail("the kept database has an admin key that is not known here: start once without --keep");
    };
    state.keep_admin_key(&key)?;
    Ok(key)
}

fn log_without_admin_key(process: &mut Process, log: &Path) -> Result<Receiver<String>> {
    let (found, receiver) = channel();
    let Some(stdout) = process.take_stdout() else { return Ok(receiver) };
    let file = std::fs::File::options().append(true).open(log);
    let mut file = file.context(|| format!("opening {}", log.display()))?;
    each_line(stdout, move |line| {
        let shown = match line.strip_prefix(ADMIN_KEY_LINE) {
            Some(key) => {
                // Nobody waits any more: then nobody needs the key.
                let _ = found.send(key.trim().to_owned());
                "admin key: (kept by xtask)"
            }
            None => &line,
        };
        // A full disk shows elsewhere; the server must not be stopped by its log.
        let _ = writeln!(file, "{shown}");
    });
    Ok(receiver)
}

/// # Errors
/// With what it answers instead.
fn ready(port: u16) -> Result<()> {
    let response = Request::new("GET", port, "/readyz").send()?;
    if response.status == 200 {
        Ok(())
    } else {
        fail(format!("{} {}", response.status, response.body.trim()))
    }
}
