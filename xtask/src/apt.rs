//! Programs that come with the machine. On a Debian where this runs as root, as in CI, they are installed; elsewhere that is for the
//! person to do.

use std::path::Path;
use std::process::Command;

use crate::error::{Result, fail};
use crate::progress::Step;

/// Installs packages. `what` says what is missing.
///
/// # Errors
/// Naming what is missing and how to get it, where this is not for us to do.
pub(crate) fn install(step: &Step, what: &str, packages: &[&str]) -> Result<()> {
    let packages = packages.join(" ");
    if !Path::new("/usr/bin/apt-get").exists() || !is_root() {
        return fail(format!("{what} (Debian: apt-get install {packages})"));
    }
    let install = format!("apt-get install --yes --no-install-recommends {packages}");
    let mut shell = Command::new("sh");
    // The lists of a fresh machine are empty or old, but reading them takes longer than most installations.
    shell.args(["-c", &format!("{install} || (apt-get update && {install})")]);
    step.run(shell.env("DEBIAN_FRONTEND", "noninteractive"), &format!("{what}. By hand: {install}"))
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
