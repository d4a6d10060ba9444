//! What a step can end with. The reader is a person at a terminal, so a failure is one text: what happened and what to do.

use std::fmt;

/// Why a command stopped before its end.
#[derive(Debug)]
pub(crate) enum Error {
    /// Something failed; the text names it and, where there is one, the fix.
    Failed(String),
    /// Ctrl-C or SIGTERM arrived: not a failure of the step that was running.
    Interrupted,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// A failure with its text, ready to be returned.
pub(crate) fn fail<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::Failed(text.into()))
}

/// Says what was being done when an error of the standard library came up.
pub(crate) trait Context<T> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error::Failed(format!("{}: {error}", doing())))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) => out.write_str(text),
            Self::Interrupted => out.write_str("interrupted"),
        }
    }
}
