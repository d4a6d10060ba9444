//! What builds and tests need and Cargo does not bring: the Node tools of package-lock.json, Rust's WebAssembly targets, the Python
//! packages of the contract test, and a browser.

use std::path::PathBuf;
use std::process::Command;

use crate::browser::browser;
use crate::error::{Context, Result, fail};
use crate::progress::Progress;
use crate::python::python_tools;
use crate::{paths, tools};

/// For the Worker and the browser.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";
/// Without a standard library: proves that the crates need none.
pub(crate) const BARE: &str = "wasm32v1-none";

const OLDEST_NODE_FOR_NPM: u32 = 20;

/// All of it.
pub(crate) fn everything(progress: &Progress) -> Result<()> {
    progress.together(vec![
        Box::new(|| node_tools(progress)),
        // One after the other: apt works on one folder.
        Box::new(|| python_tools(progress).and_then(|()| browser(progress))),
        // One after the other: rustup works on one folder.
        Box::new(|| {
            [WASM, BARE].into_iter().try_for_each(|target| rust_target(progress, target))?;
            ["fmt", "clippy"].into_iter().try_for_each(|subcommand| cargo_subcommand(progress, subcommand))
        }),
    ])
}

/// Installs the Node tools exactly as locked. Nothing to do while the folder was made from the same lock file.
pub(crate) fn node_tools(progress: &Progress) -> Result<()> {
    let step = progress.step("npm packages");
    let lock_file = paths::root().join("package-lock.json");
    let lock = std::fs::read(&lock_file).context(|| format!("reading {}", paths::shown(&lock_file)))?;
    if std::fs::read(stamp()).is_ok_and(|installed| installed == lock) {
        step.already_done();
        return Ok(());
    }
    check_node()?;
    let mut npm = Command::new("npm");
    npm.current_dir(paths::root()).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    step.run(&mut npm, "npm must reach its registry once; after that nothing is fetched.")?;
    std::fs::write(stamp(), lock).context(|| format!("writing {}", stamp().display()))?;
    step.done();
    Ok(())
}

/// Adds a Rust target if its libraries are not there.
pub(crate) fn rust_target(progress: &Progress, target: &str) -> Result<()> {
    let step = progress.step(&format!("Rust target {target}"));
    if has_target(target)? {
        step.already_done();
        return Ok(());
    }
    if !answers("rustup") {
        return fail(format!(
            "the Rust target {target} is missing and there is no rustup to add it: install Rust by rustup.rs, or add the \
             target's libraries with what installed your Rust"
        ));
    }
    let mut rustup = Command::new("rustup");
    rustup.current_dir(paths::root()).args(["target", "add", target]);
    step.run(&mut rustup, &format!("By hand: rustup target add {target}"))?;
    step.done();
    Ok(())
}

/// Adds `cargo fmt` or `cargo clippy` if it is not there.
fn cargo_subcommand(progress: &Progress, subcommand: &str) -> Result<()> {
    let step = progress.step(&format!("cargo {subcommand}"));
    if tools::cargo().args([subcommand, "--version"]).output().is_ok_and(|output| output.status.success()) {
        step.already_done();
        return Ok(());
    }
    let component = if subcommand == "fmt" { "rustfmt" } else { subcommand };
    let mut rustup = Command::new("rustup");
    rustup.current_dir(paths::root()).args(["component", "add", component]);
    step.run(&mut rustup, &format!("By hand: rustup component add {component}"))?;
    step.done();
    Ok(())
}

/// The lock file as it was when `node_modules` was made; npm removes it together with the folder.
fn stamp() -> PathBuf {
    paths::root().join("node_modules/.made-from-package-lock.json")
}

fn check_node() -> Result<()> {
    match tools::machine_node_version() {
        None => {
            fail("Node is missing: install Node 20 or newer with npm (nodejs.org, or your system's packages)")
        }
        Some(major) if major < OLDEST_NODE_FOR_NPM => {
            fail(format!("Node {major} is too old: install Node {OLDEST_NODE_FOR_NPM} or newer"))
        }
        Some(_) if !answers("npm") => {
            fail("npm is missing: install it beside Node (Debian: apt-get install npm)")
        }
        Some(_) => Ok(()),
    }
}

/// rustup's own list would not do: not every Rust is installed by rustup.
fn has_target(target: &str) -> Result<bool> {
    let output = Command::new("rustc")
        .current_dir(paths::root())
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .context(|| "running rustc (is Rust installed? see rustup.rs)".to_owned())?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let Ok(files) = std::fs::read_dir(folder) else { return Ok(false) };
    Ok(files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libcore-")))
}

fn answers(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use crate::paths;

    #[test]
    fn the_lock_file_works_with_every_mirror_of_the_registry() {
        let lock = std::fs::read_to_string(paths::root().join("package-lock.json")).unwrap();
        // A package of this repository is resolved to its folder; all others would be to an address.
        assert!(!lock.contains("\"resolved\": \"http"), "made without --omit-lockfile-registry-resolved");
        assert!(lock.contains("\"integrity\""), "packages are checked by their hashes");
    }
}
