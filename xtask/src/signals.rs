//! Ctrl-C, SIGTERM and SIGHUP become a flag that every wait looks at, and children are signalled as a process group.
//!
//! The standard library can do neither, and a crate for it would be this tool's only dependency. So the two C functions
//! are declared here: their signatures are the same on every Unix that Rust's standard library supports.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

unsafe extern "C" {
    fn signal(signal: i32, handler: extern "C" fn(i32)) -> usize;
    safe fn kill(process: i32, signal: i32) -> i32;
}

const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

static STOP: AtomicBool = AtomicBool::new(false);

/// From here on the three signals only set the flag; whoever waits must look at it.
pub(crate) fn catch() {
    for number in [SIGHUP, SIGINT, SIGTERM] {
        // SAFETY: the handler only stores into an atomic, which is async-signal-safe, and lives as long as the program.
        unsafe { signal(number, note) };
    }
}

extern "C" fn note(_: i32) {
    STOP.store(true, Ordering::Relaxed);
}

/// Ends a wait once a signal has arrived.
///
/// # Errors
/// `Interrupted` from the first signal on.
pub(crate) fn check() -> Result<()> {
    if STOP.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}

/// Asks one process to end.
pub(crate) fn terminate(process: u32) {
    kill(process.cast_signed(), SIGTERM);
}

/// Asks every process of a group to end.
pub(crate) fn terminate_group(leader: u32) {
    kill(-leader.cast_signed(), SIGTERM);
}

/// Ends every process of a group at once.
pub(crate) fn kill_group(leader: u32) {
    kill(-leader.cast_signed(), SIGKILL);
}

/// Whether any process of the group is left.
pub(crate) fn group_exists(leader: u32) -> bool {
    kill(-leader.cast_signed(), 0) == 0
}
