//! Developer commands: set-up, build, a local run, tests and benchmarks. `cargo xtask` lists them.
#![expect(clippy::print_stdout, reason = "a terminal program")]

mod apt;
mod bench;
mod browser;
mod build;
mod checks;
mod ci;
mod error;
mod fuzz;
mod http;
mod json;
mod paths;
mod processes;
mod progress;
mod python;
mod setup;
mod signals;
mod sim;
mod test;
mod tools;
mod up;

use std::process::ExitCode;

use build::Wanted;
use error::{Error, Result, fail};
use progress::Progress;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  up [--keep] [--port-base N]     control plane, gate in workerd and a sample upstream, with a demo key; Ctrl-C ends it
                                  --keep keeps the database of the last run; N moves the ports (N, N+1, N+2);
                                  --folder DIR for its files instead of target/latchkey
  test [NAME…]                    every test, or the suites and end-to-end files named (`test list` lists them)
  ci                              what CI runs: formats, lints, bare-target builds, then every test
  bench NAME [--json FILE]        one of: decide, gate, revoke, scale, control-plane, credits, signing
  fuzz [--seconds N] [TARGET…]    libFuzzer over the formats, 60 s a target; needs nightly and cargo-fuzz
  sim [--seeds N] [--from SEED]   a fleet under faults and attacks, simulated; a broken promise names its seed
  build [edge|dashboard]          everything that `up` starts, or that part alone
  setup                           the Node tools, Rust targets, Python packages and Chromium that builds and tests need

All that these make is under target/. Logs of long steps: target/latchkey/logs.";

/// The exit code that shells expect after Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    signals::catch();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Interrupted) => {
            eprintln!("\nStopped.");
            ExitCode::from(INTERRUPTED)
        }
        Err(Error::Failed(text)) => {
            eprintln!("\n{text}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        ["up", options @ ..] => up::run(&up::Options::parse(options)?),
        ["test", names @ ..] => test::run(names),
        ["ci"] => ci::run(),
        ["bench", options @ ..] => bench::run(options),
        ["fuzz", options @ ..] => fuzz::run(options),
        ["sim", options @ ..] => sim::run(options),
        ["build"] => Wanted::system_with_dashboard().build(&Progress::start()),
        ["build", "dashboard"] => Wanted::dashboard().build(&Progress::start()),
        ["build", "edge"] => Wanted::edge().build(&Progress::start()),
        ["setup"] => setup::everything(&Progress::start()),
        other => fail(format!("`{}` is not a command of xtask.\n\n{USAGE}", other.join(" "))),
    }
}
