//! The `latchkey` command.
//!
//! Exit codes: 0 done; 1 it failed, and standard error says why and what to do; 2 the command line or the
//! configuration is wrong.

mod audit;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, ConfigError, Layer};
use crate::{http, serve};

const FAILED: u8 = 1;
const MISUSED: u8 = 2;

/// The Latchkey control plane.
#[derive(Debug, Parser)]
#[command(
    name = "latchkey",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong command line or configuration."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the admin API and publish snapshots.
    Serve(Settings),
    /// Print the OpenAPI document.
    Openapi,
    /// Print the configuration file with every default.
    Config,
    /// Work with the audit log.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Check the hash chain of every workspace's audit log. The server must not be running.
    Verify(Settings),
}

/// Flags outrank variables (LATCHKEY_LISTEN, …), which outrank the file.
#[derive(Debug, Args)]
struct Settings {
    /// A configuration file; `latchkey config` prints one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the admin API listens.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The folder of the database.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// The file of the master key.
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<String>,
    /// What is logged.
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(settings) => {
            settings.load().and_then(|config| run(serve::serve(config, stop_signal())))
        }
        Command::Openapi => print(&http::document()),
        Command::Config => print(crate::config::DEFAULTS),
        Command::Audit { command: AuditCommand::Verify(settings) } => {
            settings.load().and_then(|config| run(audit::verify(config)))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "latchkey: {error:#}");
            ExitCode::from(if error.is::<ConfigError>() { MISUSED } else { FAILED })
        }
    }
}

impl Settings {
    fn load(self) -> anyhow::Result<Config> {
        let mut flags = Layer::default();
        let given = [
            ("listen", self.listen),
            ("data_dir", self.data_dir),
            ("master_key_file", self.master_key_file),
            ("log", self.log),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                flags.set(name, value)?;
            }
        }
        let config = Config::load(self.config.as_deref(), std::env::vars(), flags)?;
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(&config.log)?)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .init();
        Ok(config)
    }
}

fn run(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// Ready at SIGINT (Ctrl-C) or SIGTERM.
async fn stop_signal() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}
