use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Config, ConfigError, JobsConfig, PublisherConfig};
use crate::domain::webhook::LoopbackRule;
use crate::seal::MasterKeySource;

/// Settings of one source; what it does not say is absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    #[serde(default)]
    server: Server,
    #[serde(default)]
    seal: Seal,
    #[serde(default)]
    publisher: Publisher,
    #[serde(default)]
    jobs: Jobs,
    #[serde(default)]
    webhooks: Webhooks,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    listen: Option<String>,
    data_dir: Option<String>,
    log: Option<String>,
    requests_per_second: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    master_key_file: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Publisher {
    heartbeat_seconds: Option<u64>,
    coalesce_milliseconds: Option<u64>,
    push_timeout_seconds: Option<u64>,
    retry_max_seconds: Option<u64>,
    sink_folder: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Jobs {
    purge_interval_seconds: Option<u64>,
    refill_interval_seconds: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhooks {
    allow_http_loopback: Option<bool>,
}

impl Layer {
    pub(super) fn parse(text: &str, path: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|source| ConfigError::Malformed { path: path.to_owned(), source })
    }

    /// Sets one setting from text. Names that are not settings are left alone: other programs of the project, such as its
    /// tests, have variables with the same prefix.
    ///
    /// # Errors
    /// The setting is a number or a switch and the text is not.
    pub fn set(&mut self, name: &str, value: String) -> Result<(), ConfigError> {
        match name {
            "listen" => self.server.listen = Some(value),
            "data_dir" => self.server.data_dir = Some(value),
            "log" => self.server.log = Some(value),
            "requests_per_second" => {
                self.server.requests_per_second = Some(whole("requests_per_second", &value)?);
            }
            "master_key_file" => self.seal.master_key_file = Some(value),
            "heartbeat_seconds" => {
                self.publisher.heartbeat_seconds = Some(whole("heartbeat_seconds", &value)?)
            }
            "coalesce_milliseconds" => {
                self.publisher.coalesce_milliseconds = Some(whole("coalesce_milliseconds", &value)?);
            }
            "push_timeout_seconds" => {
                self.publisher.push_timeout_seconds = Some(whole("push_timeout_seconds", &value)?);
            }
            "retry_max_seconds" => {
                self.publisher.retry_max_seconds = Some(whole("retry_max_seconds", &value)?)
            }
            "sink_folder" => self.publisher.sink_folder = Some(value),
            "purge_interval_seconds" => {
                self.jobs.purge_interval_seconds = Some(whole("purge_interval_seconds", &value)?)
            }
            "refill_interval_seconds" => {
                self.jobs.refill_interval_seconds = Some(whole("refill_interval_seconds", &value)?)
            }
            "allow_http_loopback" => {
                let flag = value.parse().map_err(|_| bad("allow_http_loopback", "must be true or false"))?;
                self.webhooks.allow_http_loopback = Some(flag);
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn overlaid_by(self, over: Self) -> Self {
        Self {
            server: Server {
                listen: over.server.listen.or(self.server.listen),
                data_dir: over.server.data_dir.or(self.server.data_dir),
                log: over.server.log.or(self.server.log),
                requests_per_second: over.server.requests_per_second.or(self.server.requests_per_second),
            },
            seal: Seal { master_key_file: over.seal.master_key_file.or(self.seal.master_key_file) },
            publisher: Publisher {
                heartbeat_seconds: over.publisher.heartbeat_seconds.or(self.publisher.heartbeat_seconds),
                coalesce_milliseconds: over
                    .publisher
                    .coalesce_milliseconds
                    .or(self.publisher.coalesce_milliseconds),
                push_timeout_seconds: over
                    .publisher
                    .push_timeout_seconds
                    .or(self.publisher.push_timeout_seconds),
                retry_max_seconds: over.publisher.retry_max_seconds.or(self.publisher.retry_max_seconds),
                sink_folder: over.publisher.sink_folder.or(self.publisher.sink_folder),
            },
            jobs: Jobs {
                purge_interval_seconds: over.jobs.purge_interval_seconds.or(self.jobs.purge_interval_seconds),
                refill_interval_seconds: over
                    .jobs
                    .refill_interval_seconds
                    .or(self.jobs.refill_interval_seconds),
            },
            webhooks: Webhooks {
                allow_http_loopback: over.webhooks.allow_http_loopback.or(self.webhooks.allow_http_loopback),
            },
        }
    }

    pub(super) fn check(self, master_key: Option<Zeroizing<String>>) -> Result<Config, ConfigError> {
        let Self { server, seal, publisher, jobs, webhooks } = self;
        let listen = present("listen", server.listen)?;
        let listen = listen
            .parse()
            .map_err(|_| bad("listen", "must be an address and a port, such as 127.0.0.1:7700"))?;
        let data_dir = present("data_dir", server.data_dir).map(PathBuf::from)?;
        let log = present("log", server.log)?;
        tracing_subscriber::EnvFilter::try_new(&log).map_err(|error| bad("log", &error.to_string()))?;
        let master_key = match (master_key, seal.master_key_file.filter(|path| !path.is_empty())) {
            (Some(key), _) => MasterKeySource::Environment(key),
            (None, Some(path)) => MasterKeySource::File(path.into()),
            (None, None) => MasterKeySource::File(data_dir.join("master.key")),
        };
        let seconds = |name, value, most| ranged(name, value, most).map(Duration::from_secs);
        Ok(Config {
            listen,
            data_dir,
            log,
            requests_per_second: ranged("requests_per_second", server.requests_per_second, 1_000_000)
                .map(|requests| u32::try_from(requests).unwrap_or(u32::MAX))?,
            master_key,
            publisher: PublisherConfig {
                heartbeat: seconds("heartbeat_seconds", publisher.heartbeat_seconds, 3_600)?,
                coalesce: ranged("coalesce_milliseconds", publisher.coalesce_milliseconds, 100)
                    .map(Duration::from_millis)?,
                push_timeout: seconds("push_timeout_seconds", publisher.push_timeout_seconds, 300)?,
                retry_max: seconds("retry_max_seconds", publisher.retry_max_seconds, 3_600)?,
                sink_folder: sink_folder(publisher.sink_folder)?,
            },
            jobs: JobsConfig {
                purge_interval: seconds("purge_interval_seconds", jobs.purge_interval_seconds, 86_400)?,
                refill_interval: seconds("refill_interval_seconds", jobs.refill_interval_seconds, 3_600)?,
            },
            webhook_loopback: match webhooks.allow_http_loopback {
                Some(true) => LoopbackRule::Allowed,
                Some(false) | None => LoopbackRule::Refused,
            },
        })
    }
}

fn sink_folder(value: Option<String>) -> Result<Option<PathBuf>, ConfigError> {
    let Some(path) = value.filter(|path| !path.is_empty()).map(PathBuf::from) else { return Ok(None) };
    if path.is_absolute() { Ok(Some(path)) } else { Err(bad("sink_folder", "must be an absolute path")) }
}

fn bad(name: &'static str, problem: &str) -> ConfigError {
    ConfigError::BadValue { name, problem: problem.to_owned() }
}

fn whole(name: &'static str, text: &str) -> Result<u64, ConfigError> {
    text.parse().map_err(|_| bad(name, "must be a whole number"))
}

fn present(name: &'static str, value: Option<String>) -> Result<String, ConfigError> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| bad(name, "must not be empty"))
}

fn ranged(name: &'static str, value: Option<u64>, most: u64) -> Result<u64, ConfigError> {
    value.filter(|value| (1..=most).contains(value)).ok_or_else(|| bad(name, &format!("must be 1 to {most}")))
}
