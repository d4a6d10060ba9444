use std::path::PathBuf;

use clap::Args;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, Layer};

/// Flags outrank variables (LATCHKEY_LISTEN, …), which outrank the file.
#[derive(Debug, Default, Args)]
pub(super) struct Settings {
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

impl Settings {
    /// Reads every layer.
    pub(super) fn load(self) -> anyhow::Result<Config> {
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
        Ok(Config::load(self.config.as_deref(), std::env::vars(), flags)?)
    }

    /// As [`Settings::load`], and starts logging to standard error.
    pub(super) fn load_and_log(self) -> anyhow::Result<Config> {
        let config = self.load()?;
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(&config.log)?)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .init();
        Ok(config)
    }

    /// Whether a flag names a folder or a file of this machine.
    pub(super) fn names_a_place(&self) -> bool {
        self.config.is_some() || self.data_dir.is_some()
    }
}
