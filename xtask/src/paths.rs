//! Where things are. Everything that this tool makes is under `target/`, which Git ignores.

use std::path::{Path, PathBuf};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Cargo's folder, moved by `CARGO_TARGET_DIR` as Cargo itself would.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// This tool's own folder. Always here, because `wrangler.toml` names a file in it.
pub(crate) fn latchkey() -> PathBuf {
    root().join("target/latchkey")
}

/// What one step writes.
pub(crate) fn step_log(name: &str) -> PathBuf {
    latchkey().join("logs/steps").join(format!("{name}.log"))
}

/// The control plane's binary.
pub(crate) fn control_plane() -> PathBuf {
    target().join("debug/latchkey")
}

/// The same with optimisation, for benchmarks.
pub(crate) fn released_control_plane() -> PathBuf {
    target().join("release/latchkey")
}

/// The sources of the web application, and in `dist` what is served of it.
pub(crate) fn dashboard() -> PathBuf {
    root().join("control-plane/dashboard")
}

/// The module folder that wrangler uploads. `wrangler.toml` names its `entry.js`.
pub(crate) fn edge_modules() -> PathBuf {
    latchkey().join("edge")
}

/// The bindings of `latchkey-wasm` for Node.
pub(crate) fn node_modules_of_wasm() -> PathBuf {
    latchkey().join("wasm-node")
}

/// The bindings of `latchkey-wasm` for browsers.
pub(crate) fn web_modules_of_wasm() -> PathBuf {
    latchkey().join("wasm-web")
}

/// `path` as the person at the terminal would write it: relative to the root where it is inside.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
