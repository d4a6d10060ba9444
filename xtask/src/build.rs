//! Builds what runs: the control plane, and the Worker's module folder.

use std::path::Path;
use std::process::Command;

use crate::error::Result;
use crate::progress::{Job, Progress};
use crate::{paths, setup, tools};

/// The control plane, the Worker and the Node tools that run it, with all that the builds need.
pub(crate) fn all(progress: &Progress) -> Result<()> {
    progress.together(vec![
        Box::new(|| setup::node_tools(progress)),
        Box::new(|| wasm(progress, "latchkey-edge")),
        Box::new(|| {
            native(progress, "control plane and bindgen", &["latchkey-control-plane", "latchkey-bindgen"])
        }),
    ])?;
    edge_modules(progress)
}

/// The Worker's module folder alone.
pub(crate) fn edge(progress: &Progress) -> Result<()> {
    let jobs: Vec<Job<'_>> = vec![
        Box::new(|| wasm(progress, "latchkey-edge")),
        Box::new(|| native(progress, "bindgen", &["latchkey-bindgen"])),
    ];
    progress.together(jobs)?;
    edge_modules(progress)
}

/// The bindings of `latchkey-wasm`, as a module that Node loads.
pub(crate) fn wasm_for_node(progress: &Progress) -> Result<()> {
    wasm(progress, "latchkey-wasm")?;
    native(progress, "bindgen", &["latchkey-bindgen"])?;
    bindgen(progress, "modules for Node", "node", &paths::node_modules_of_wasm(), "latchkey_wasm.wasm")
}

/// All tests of the default members, compiled but not run.
pub(crate) fn rust_tests(progress: &Progress) -> Result<()> {
    let step = progress.step("Rust tests compile");
    step.run(tools::cargo().args(["test", "--no-run"]), "")?;
    step.done();
    Ok(())
}

/// What benchmarks measure: the parts as they ship.
pub(crate) fn for_benchmarks(progress: &Progress) -> Result<()> {
    progress.together(vec![
        Box::new(|| setup::node_tools(progress)),
        Box::new(|| wasm(progress, "latchkey-edge")),
        Box::new(|| native(progress, "bindgen", &["latchkey-bindgen"])),
        Box::new(|| release(progress, &["--package", "latchkey-control-plane"])),
    ])?;
    edge_modules(progress)?;
    wasm_for_node(progress)
}

/// A Cargo build with optimisation.
pub(crate) fn release(progress: &Progress, what: &[&str]) -> Result<()> {
    let step = progress.step(&format!("release build of {}", what.last().unwrap_or(&"everything")));
    step.run(tools::cargo().args(["build", "--release"]).args(what), "")?;
    step.done();
    Ok(())
}

/// Tells tests and benchmarks where the built parts are.
pub(crate) fn name_parts(command: &mut Command) {
    command.env("LATCHKEY_BIN", paths::control_plane());
    command.env("EDGE_DIR", paths::edge_modules());
    command.env("WASM_NODE_DIR", paths::node_modules_of_wasm());
    if let Ok(this) = std::env::current_exe() {
        command.env("LATCHKEY_XTASK", this);
    }
}

fn edge_modules(progress: &Progress) -> Result<()> {
    bindgen(progress, "Worker modules", "worker", &paths::edge_modules(), "latchkey_edge.wasm")
}

/// Each package in a Cargo run of its own: together they would share features, and what the tests run would not be what
/// ships.
fn wasm(progress: &Progress, package: &str) -> Result<()> {
    setup::rust_target(progress, setup::WASM)?;
    let step = progress.step(&format!("{package} for WebAssembly"));
    let mut cargo = tools::cargo();
    cargo.args(["build", "--package", package, "--target", setup::WASM, "--profile", "wasm"]);
    step.run(&mut cargo, "")?;
    step.done();
    Ok(())
}

fn native(progress: &Progress, name: &str, packages: &[&str]) -> Result<()> {
    let step = progress.step(name);
    let mut cargo = tools::cargo();
    cargo.arg("build");
    for package in packages {
        cargo.args(["--package", package]);
    }
    step.run(&mut cargo, "")?;
    step.done();
    Ok(())
}

fn bindgen(progress: &Progress, name: &str, target: &str, out: &Path, wasm: &str) -> Result<()> {
    let step = progress.step(name);
    let mut tool = Command::new(paths::target().join("debug/latchkey-bindgen"));
    tool.current_dir(paths::root()).args(["--target", target, "--out"]).arg(out);
    tool.arg(paths::target().join(setup::WASM).join("wasm").join(wasm));
    step.run(&mut tool, "")?;
    step.done();
    Ok(())
}
