//! Steps whose output is meant to be read: shown as it comes, with a title before and the time after.

use std::process::Command;
use std::time::Instant;

use crate::error::{Result, fail};
use crate::processes::{Output, Process};
use crate::signals;

/// Runs one step to its end.
///
/// # Errors
/// Naming the step that failed.
pub(crate) fn run(title: &str, command: &mut Command) -> Result<()> {
    let started = Instant::now();
    eprintln!("\n── {title}");
    let mut process = Process::start(title, command, Output::Terminal)?;
    let status = process.wait(signals::check)?;
    if !status.success() {
        return fail(format!("step failed: {title} ({status})"));
    }
    if process.left_something_behind() {
        return fail(format!("step failed: {title} passed, but left processes running"));
    }
    eprintln!("── {title}: {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}
