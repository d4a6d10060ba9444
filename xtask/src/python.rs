//! What is had as Python packages, the contract test's tools and `cargo deny`: an environment of its own under `target/`, with the
//! packages that tests/contract/requirements.txt names by their hashes.

use std::path::PathBuf;
use std::process::Command;

use crate::error::{Context, Result, fail};
use crate::progress::Progress;
use crate::{apt, paths};

const REQUIREMENTS: &str = "tests/contract/requirements.txt";
/// The first one that will do is taken: a machine's own may be too old beside a newer one.
const INTERPRETERS: [&str; 5] = ["python3", "/usr/bin/python3", "python3.13", "python3.12", "python3.11"];
/// Succeeds where environments can be made. Debian keeps `ensurepip` in a package of its own.
const WILL_DO: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))";

/// A program of the environment.
pub(crate) fn program(name: &str) -> Command {
    Command::new(environment().join("bin").join(name))
}

/// Makes the environment. Nothing to do while it was made from the same list.
pub(crate) fn python_tools(progress: &Progress) -> Result<()> {
    let step = progress.step("Python packages");
    let requirements = paths::root().join(REQUIREMENTS);
    let wanted = std::fs::read(&requirements).context(|| format!("reading {REQUIREMENTS}"))?;
    let environment = environment();
    // Lies in the environment, so that it goes when that goes.
    let stamp = environment.join("made-from-requirements.txt");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        step.already_done();
        return Ok(());
    }
    const MISSING: &str = "the tests need Python 3.11 or newer that can make environments";
    if interpreter().is_none() {
        apt::install(&step, MISSING, &["python3", "python3-venv"])?;
    }
    let Some(python) = interpreter() else { return fail(MISSING) };
    step.run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&environment), "")?;
    let mut pip = Command::new(environment.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]);
    // Wheels only: nothing of a package runs while it is installed.
    pip.args(["--only-binary", ":all:", "--requirement"]).arg(&requirements);
    step.run(&mut pip, "pip must reach its index once; after that nothing is fetched.")?;
    std::fs::write(&stamp, wanted).context(|| format!("writing {}", paths::shown(&stamp)))?;
    step.done();
    Ok(())
}

fn environment() -> PathBuf {
    paths::latchkey().join("python")
}

fn interpreter() -> Option<&'static str> {
    let will_do = |python: &&str| {
        Command::new(python).args(["-c", WILL_DO]).output().is_ok_and(|output| output.status.success())
    };
    INTERPRETERS.into_iter().find(will_do)
}
