//! Settings: the compiled-in `config.default.toml`, then a file, then variables, then flags; the later outranks the earlier.

mod layer;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::domain::webhook::LoopbackRule;
use crate::seal::MasterKeySource;
pub use layer::Layer;

/// The defaults, as people read them.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");
const PREFIX: &str = "LATCHKEY_";

/// The settings of `latchkey serve`, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the admin API listens.
    pub listen: SocketAddr,
    /// The folder of the database.
    pub data_dir: PathBuf,
    /// What is logged.
    pub log: String,
    /// How many requests each admin key may make in a second.
    pub requests_per_second: u32,
    /// Where the master key is.
    pub master_key: MasterKeySource,
    /// How snapshots are published.
    pub publisher: PublisherConfig,
    /// What is done now and then.
    pub jobs: JobsConfig,
    /// Whether webhooks may lead to this machine.
    pub webhook_loopback: LoopbackRule,
}

/// What is done now and then.
#[derive(Clone, Debug)]
pub struct JobsConfig {
    /// How often what was kept long enough is deleted.
    pub purge_interval: Duration,
    /// How often is looked whether the calendar gives keys something.
    pub refill_interval: Duration,
}

/// How snapshots are published.
#[derive(Clone, Debug)]
pub struct PublisherConfig {
    /// How often heads are signed anew.
    pub heartbeat: Duration,
    /// How long changes are gathered.
    pub coalesce: Duration,
    /// How long a gate may take to answer.
    pub push_timeout: Duration,
    /// The longest pause between attempts.
    pub retry_max: Duration,
    /// Below which folder sinks may be; `None`: nowhere.
    pub sink_folder: Option<PathBuf>,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not readable.
    #[error("cannot read the configuration file {path}: {source}")]
    Unreadable {
        /// Which.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a name or type that is not known.
    #[error("the configuration file {path} is wrong: {source}")]
    Malformed {
        /// Which.
        path: String,
        /// Where and what.
        source: toml::de::Error,
    },
    /// A value is out of range or of the wrong kind.
    #[error("the setting {name} is wrong: {problem} (set by the file as `{name}`, by the variable {PREFIX}{upper}, or by a flag)", upper = name.to_uppercase())]
    BadValue {
        /// Which.
        name: &'static str,
        /// What it must be.
        problem: String,
    },
}

impl Config {
    /// Puts the layers together and checks the result. `variables` are those of the process.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
        flags: Layer,
    ) -> Result<Self, ConfigError> {
        let mut merged = Layer::parse(DEFAULTS, "config.default.toml")?;
        if let Some(path) = file {
            let shown = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Unreadable { path: shown.clone(), source })?;
            merged = merged.overlaid_by(Layer::parse(&text, &shown)?);
        }
        let mut environment = Layer::default();
        let mut master_key = None;
        for (name, value) in variables {
            match name.strip_prefix(PREFIX) {
                // The key itself: kept apart, so that no layer with a secret in it is ever printed.
                Some("MASTER_KEY") => master_key = Some(Zeroizing::new(value)),
                Some(name) => environment.set(&name.to_lowercase(), value)?,
                None => {}
            }
        }
        merged.overlaid_by(environment).overlaid_by(flags).check(master_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, variables: &[(&str, &str)], flags: Layer) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latchkey.toml");
        std::fs::write(&path, file).unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(Some(&path), variables, flags).map_err(|error| error.to_string())
    }

    #[test]
    fn later_layers_outrank_earlier_ones() {
        let config = load("", &[], Layer::default()).unwrap();
        assert_eq!((config.listen.port(), config.publisher.heartbeat.as_secs()), (7700, 30));

        let file = "[server]\nlisten = \"127.0.0.1:1\"\n[publisher]\nheartbeat_seconds = 7\n";
        let config = load(file, &[], Layer::default()).unwrap();
        assert_eq!((config.listen.port(), config.publisher.heartbeat.as_secs()), (1, 7));

        let mut flags = Layer::default();
        flags.set("listen", "127.0.0.1:3".into()).unwrap();
        let variables =
            [("LATCHKEY_LISTEN", "127.0.0.1:2"), ("LATCHKEY_HEARTBEAT_SECONDS", "9"), ("OTHER", "x")];
        let config = load(file, &variables, flags).unwrap();
        assert_eq!((config.listen.port(), config.publisher.heartbeat.as_secs()), (3, 9));
    }

    #[test]
    fn unknown_names_wrong_types_and_values_are_named() {
        for (file, wanted) in [
            ("[server]\nport = 1\n", "port"),
            ("[serve]\n", "serve"),
            ("[publisher]\nheartbeat_seconds = \"x\"\n", "heartbeat_seconds"),
            ("[publisher]\nheartbeat_seconds = 0\n", "heartbeat_seconds is wrong: must be 1 to 3600"),
            (
                "[publisher]\ncoalesce_milliseconds = 101\n",
                "coalesce_milliseconds is wrong: must be 1 to 100",
            ),
            ("[server]\nlisten = \"nowhere\"\n", "listen is wrong"),
            ("[server]\nlog = \"a=b=c\"\n", "log is wrong"),
        ] {
            let error = load(file, &[], Layer::default()).unwrap_err();
            assert!(error.contains(wanted), "{file:?} gave {error:?}");
        }
        let error = load("", &[("LATCHKEY_HEARTBEAT_SECONDS", "soon")], Layer::default()).unwrap_err();
        assert!(error.contains("LATCHKEY_HEARTBEAT_SECONDS"), "{error}");
    }

    #[test]
    fn a_configuration_never_prints_the_master_key() {
        let config = load("", &[("LATCHKEY_MASTER_KEY", "hush")], Layer::default()).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }
}
