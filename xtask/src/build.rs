//! Builds what runs: the control plane, its dashboard, the Worker's module folder, the validator for Node.
//!
//! Each package has a Cargo run of its own. Together they would share features, and what is tested would not be what
//! ships; building one alone would then compile its dependencies once more.

use std::path::Path;
use std::process::Command;

use crate::browser::browser;
use crate::error::Result;
use crate::progress::{Job, Progress};
use crate::python::python_tools;
use crate::{paths, setup, tools};

/// What a command needs.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    /// wrangler and the pinned Node.
    pub(crate) node_tools: bool,
    /// schemathesis.
    pub(crate) python_tools: bool,
    /// Chromium.
    pub(crate) browser: bool,
    /// The web application that the control plane serves.
    pub(crate) dashboard: bool,
    /// The Worker's module folder.
    pub(crate) edge: bool,
    /// `latchkey-wasm` as a module for Node.
    pub(crate) wasm_for_node: bool,
    /// Cargo runs for this machine, in this order: they work in one folder and would wait for each other.
    pub(crate) native: Vec<Native<'a>>,
}

/// A Cargo run: the name of its step and its arguments.
pub(crate) type Native<'a> = (&'a str, &'a [&'a str]);

pub(crate) const CONTROL_PLANE: Native<'_> =
    ("control plane", &["build", "--package", "latchkey-control-plane"]);
pub(crate) const RELEASED_CONTROL_PLANE: Native<'_> =
    ("control plane, release", &["build", "--release", "--package", "latchkey-control-plane"]);
/// All tests of the default members, compiled but not run.
pub(crate) const RUST_TESTS: Native<'_> = ("Rust tests", &["test", "--no-run"]);
/// Not optimised: it runs for 0.2 s, and optimising it and what it depends on takes a minute of processor time more.
const BINDGEN: Native<'_> = ("bindgen", &["build", "--package", "latchkey-bindgen"]);

impl Wanted<'_> {
    /// The system as programs use it.
    pub(crate) fn system() -> Self {
        Self { node_tools: true, edge: true, native: vec![CONTROL_PLANE], ..Self::default() }
    }

    /// The system with what people look at.
    pub(crate) fn system_with_dashboard() -> Self {
        Self { dashboard: true, ..Self::system() }
    }

    /// The dashboard alone.
    pub(crate) fn dashboard() -> Self {
        Self { node_tools: true, dashboard: true, ..Self::default() }
    }

    /// The Worker's module folder alone.
    pub(crate) fn edge() -> Self {
        Self { edge: true, ..Self::default() }
    }

    /// Builds all of it, side by side where the parts do not wait for each other.
    pub(crate) fn build(&self, progress: &Progress) -> Result<()> {
        let mut jobs: Vec<Job<'_>> = Vec::new();
        if self.node_tools {
            jobs.push(Box::new(|| setup::node_tools(progress)));
        }
        jobs.push(Box::new(|| self.machine_tools(progress)));
        if self.has_wasm() {
            jobs.push(Box::new(|| self.wasm(progress)));
        }
        jobs.push(Box::new(|| self.native(progress)));
        progress.together(jobs)?;
        if self.edge {
            bindgen(progress, "Worker modules", "worker", &paths::edge_modules(), "latchkey_edge.wasm")?;
        }
        if self.wasm_for_node {
            bindgen(
                progress,
                "validator for Node",
                "node",
                &paths::node_modules_of_wasm(),
                "latchkey_wasm.wasm",
            )?;
        }
        if self.dashboard {
            let out = paths::web_modules_of_wasm();
            bindgen(progress, "validator for browsers", "web", &out, "latchkey_wasm.wasm")?;
            dashboard(progress)?;
        }
        Ok(())
    }

    fn has_wasm(&self) -> bool {
        self.edge || self.wasm_for_node || self.dashboard
    }

    /// One after the other: apt works on one folder.
    fn machine_tools(&self, progress: &Progress) -> Result<()> {
        if self.python_tools {
            python_tools(progress)?;
        }
        if self.browser {
            browser(progress)?;
        }
        Ok(())
    }

    fn wasm(&self, progress: &Progress) -> Result<()> {
        setup::rust_target(progress, setup::WASM)?;
        let packages =
            [(self.edge, "latchkey-edge"), (self.wasm_for_node || self.dashboard, "latchkey-wasm")];
        for (_, package) in packages.into_iter().filter(|(wanted, _)| *wanted) {
            let arguments = ["build", "--package", package, "--target", setup::WASM, "--profile", "wasm"];
            cargo(progress, (&format!("{package} for WebAssembly"), &arguments))?;
        }
        Ok(())
    }

    fn native(&self, progress: &Progress) -> Result<()> {
        if self.has_wasm() {
            cargo(progress, BINDGEN)?;
        }
        self.native.iter().try_for_each(|native| cargo(progress, *native))
    }
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

fn cargo(progress: &Progress, (name, arguments): Native<'_>) -> Result<()> {
    let step = progress.step(name);
    step.run(tools::cargo().args(arguments), "")?;
    step.done();
    Ok(())
}

/// Does nothing while its sources are those of the last time.
fn dashboard(progress: &Progress) -> Result<()> {
    let step = progress.step("dashboard");
    step.run(tools::node()?.arg(paths::dashboard().join("build.mjs")), "")?;
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
