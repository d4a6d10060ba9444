//! What a sink must be able to do.

use std::time::Duration;

use async_trait::async_trait;

use crate::publisher::PushError;

/// A body on its way.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) hash: [u8; 32],
    pub(super) bytes: Vec<u8>,
}

/// How much is handed to [`Target::put_bodies`] at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    pub(super) bodies: usize,
    pub(super) bytes: usize,
}

/// What came of a batch.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    /// The bodies that are there now, whatever became of the others.
    pub(super) bodies: Vec<[u8; 32]>,
    pub(super) failure: Option<SinkError>,
}

/// A place to write to. All of it may be repeated.
#[async_trait]
pub(super) trait Target: Send + Sync {
    fn batch(&self) -> Batch;

    /// How far apart writes of the head must be.
    fn head_interval(&self) -> Duration;

    /// The names of everything that it holds.
    async fn list(&self) -> Result<Vec<String>, SinkError>;

    async fn get_head(&self, name: &str) -> Result<Option<Vec<u8>>, SinkError>;

    async fn put_bodies(&self, bodies: Vec<Outgoing>) -> Arrived;

    async fn put_head(&self, name: &str, head: &[u8]) -> Result<(), SinkError>;

    /// What is not there is deleted already.
    async fn delete_bodies(&self, hashes: &[[u8; 32]]) -> Result<(), SinkError>;
}

/// Why something was not written.
#[derive(Clone, Debug)]
pub(super) struct SinkError {
    pub(super) error: PushError,
    /// The service asks to be left alone for this long.
    pub(super) retry_after: Option<Duration>,
}

impl SinkError {
    /// `message` may come from outside: it is shown, so it is cut and cleaned.
    pub(super) fn new(code: &str, message: impl std::fmt::Display) -> Self {
        let message = message.to_string();
        let message = message.chars().filter(|letter| !letter.is_control()).take(500).collect();
        Self { error: PushError { code: code.to_owned(), message }, retry_after: None }
    }

    /// With the code for what a service answered.
    pub(super) fn answered(status: u16, message: impl std::fmt::Display) -> Self {
        let code = match status {
            429 => "RATE_LIMITED",
            401 | 403 => "NOT_PERMITTED",
            404 => "NOT_FOUND",
            400..=499 => "REFUSED",
            _ => "UNAVAILABLE",
        };
        Self::new(code, message)
    }

    pub(super) fn retry_after(mut self, pause: Option<Duration>) -> Self {
        self.retry_after = pause;
        self
    }
}

/// Longer than any service asks for; without it, one number could silence a sink for ever.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(900);

/// Reads a `Retry-After` header. Dates are not taken: none of the services sends them.
pub(super) fn retry_after(header: Option<&[u8]>) -> Option<Duration> {
    let seconds: u64 = std::str::from_utf8(header?).ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}
