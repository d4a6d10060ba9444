//! `cargo xtask up`: the whole system on this machine, with a demo key that the gate admits.
//!
//! The order matters in one place: the gate is told whose heads to trust, and only the running control plane knows that.

mod api;
mod control_plane;
mod demo;
mod gate;
mod options;
mod report;
mod state;
mod upstream;

use std::thread::sleep;

use crate::build::Wanted;
use crate::error::{Error, Result};
use crate::processes::{Process, TICK};
use crate::progress::Progress;
use crate::signals;

pub(crate) use options::Options;
use options::Ports;
use report::Facts;
use state::State;

/// Builds, starts, shows, and runs until Ctrl-C, SIGTERM or the end of one of the parts.
pub(crate) fn run(options: &Options) -> Result<()> {
    options.ports.check_free()?;
    let state = State::open(options)?;
    let mut parts = Parts::default();
    let facts = start(options, &state, &mut parts)?;
    report::write_file(&facts, &state)?;
    report::print(&facts, &state);
    let end = parts.run_until_stopped();
    parts.stop(&options.ports)?;
    match end {
        Error::Interrupted => {
            eprintln!("\nStopped; nothing is left running.");
            Ok(())
        }
        failed => Err(failed),
    }
}

fn start(options: &Options, state: &State, parts: &mut Parts) -> Result<Facts> {
    let ports = options.ports;
    let progress = Progress::start();
    Wanted::system_with_dashboard().build(&progress)?;

    let step = progress.step("control plane starts");
    let (process, api) = control_plane::start(ports.control_plane, state, &step)?;
    parts.0.push(process);
    step.done();

    let step = progress.step("sample upstream starts");
    parts.0.push(upstream::start(ports.upstream, state, &step)?);
    step.done();

    let step = progress.step("demo keyspace, policy and key");
    let demo = demo::prepare(&api, ports, state.last_run())?;
    step.done();

    let step = progress.step("gate admits the demo key");
    parts.0.push(gate::start(ports, &demo, state)?);
    gate::wait_until_admitted(ports.gate, &demo.key_secret, state, || {
        parts.check_alive()?;
        step.check()
    })?;
    step.done();
    Ok(Facts { ports, admin_key: api.admin_key, demo })
}

/// The running servers, in the order of their start. They stop in the reverse order.
#[derive(Default)]
struct Parts(Vec<Process>);

impl Parts {
    /// # Errors
    /// When one has ended, with the end of its log.
    fn check_alive(&mut self) -> Result<()> {
        for part in &mut self.0 {
            if let Some(status) = part.exited()? {
                return part.failure(&format!("ended ({status})"));
            }
        }
        Ok(())
    }

    fn run_until_stopped(&mut self) -> Error {
        loop {
            if let Err(end) = signals::check().and_then(|()| self.check_alive()) {
                return end;
            }
            sleep(5 * TICK);
        }
    }

    /// Stops all of them, whatever happens to one, and looks that nothing serves any more.
    fn stop(&mut self, ports: &Ports) -> Result<()> {
        let mut end = Ok(());
        while let Some(mut part) = self.0.pop() {
            end = end.and(part.stop());
        }
        end?;
        ports.check_free()
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        while let Some(part) = self.0.pop() {
            drop(part);
        }
    }
}
