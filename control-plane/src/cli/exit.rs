//! How a command ends: what is said, and the exit code.

use std::process::ExitCode;

use super::client::Problem;
use crate::config::ConfigError;

/// The table of exit codes, as `--help` shows it.
pub(super) const TABLE: &str = "\
Exit codes:
  0  done
  1  it failed; standard error says why and what to do
  2  wrong command line, configuration or input
  3  not found
  4  refused: the admin key is missing, unknown or lacks a scope
  5  conflict: the state of things, or an If-Match, forbids it
  6  the server cannot be reached";

const FAILED: u8 = 1;
const MISUSED: u8 = 2;
const NOT_FOUND: u8 = 3;
const REFUSED: u8 = 4;
const CONFLICT: u8 = 5;
const UNREACHABLE: u8 = 6;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The caller asked for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// The server says no.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// Nobody answers.
    #[error(
        "cannot reach the server at {url}: {cause}; check --url or LATCHKEY_URL, and that `latchkey serve` runs there"
    )]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What the system says.
        cause: String,
    },
    /// Anything else.
    #[error("{0:#}")]
    Failed(anyhow::Error),
    /// The output says it already.
    #[error("")]
    Reported,
}

impl Failure {
    /// The code in [`TABLE`].
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => MISUSED,
            Self::Failed(error) if error.is::<ConfigError>() => MISUSED,
            Self::Refused(problem) => match problem.status() {
                404 => NOT_FOUND,
                401 | 403 => REFUSED,
                409 | 412 => CONFLICT,
                _ => FAILED,
            },
            Self::Unreachable { .. } => UNREACHABLE,
            Self::Failed(_) | Self::Reported => FAILED,
        })
    }

    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self::Failed(anyhow::Error::msg(text.into()))
    }

    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}
