use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::import::{ImportDoneView, ImportResultView, read_line};
use crate::app::App;
use crate::domain::{Actor, KeyImport, KeyspaceId};
use crate::http::lines::{Line, LinesBody};
use crate::http::problem::Failure;

/// Lines that share a transaction.
const BATCH_LINES: usize = 500;
/// Bytes of lines that share one: with the longest of lines, 500 would be too many to hold.
const BATCH_BYTES: usize = 1 << 20;
/// How long the first line of a batch waits for more, so that a slow sender hears of each line soon.
const BATCH_WAIT: Duration = Duration::from_millis(50);

/// An import that runs while its answer is being read.
pub(super) struct Import {
    pub(super) app: App,
    pub(super) actor: Actor,
    pub(super) keyspace: KeyspaceId,
    pub(super) sender: mpsc::Sender<std::io::Result<Bytes>>,
}

/// Lines with their numbers, as far as they could be read.
type Batch = Vec<(u64, Result<KeyImport, Failure>)>;

struct Reader {
    lines: LinesBody,
    number: u64,
}

/// Why an import stops before its end.
enum Stopped {
    BodyBrokeOff,
    StoreFailed,
    NobodyReads,
}

impl Import {
    pub(super) async fn run(self, lines: LinesBody) {
        let why = match self.import_all(lines).await {
            Ok(()) | Err(Stopped::NobodyReads) => return,
            Err(Stopped::BodyBrokeOff) => "the body broke off",
            Err(Stopped::StoreFailed) => "the store failed",
        };
        tracing::warn!(keyspace = %self.keyspace, why, "an import was cut off");
        // The answer must not look complete.
        let _ = self.sender.send(Err(std::io::Error::other("the import was cut off"))).await;
    }

    async fn import_all(&self, lines: LinesBody) -> Result<(), Stopped> {
        let mut reader = Reader { lines, number: 0 };
        let mut sum = ImportDoneView::default();
        loop {
            let (batch, is_last) = reader.batch(&self.app).await?;
            let mut answer = Vec::new();
            self.import(batch, &mut sum, &mut answer).await?;
            if is_last {
                write(&mut answer, &ImportResultView::Done(ImportDoneView { done: true, ..sum }));
            }
            if !answer.is_empty() {
                self.sender.send(Ok(answer.into())).await.map_err(|_| Stopped::NobodyReads)?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    async fn import(
        &self,
        batch: Batch,
        sum: &mut ImportDoneView,
        answer: &mut Vec<u8>,
    ) -> Result<(), Stopped> {
        let mut keys = Vec::with_capacity(batch.len());
        let mut failed = Vec::with_capacity(batch.len());
        for (number, line) in batch {
            failed.push((number, line.map(|key| keys.push(key)).err()));
        }
        let outcomes = if keys.is_empty() {
            Vec::new()
        } else {
            let at = self.app.now();
            let outcomes = self.app.store.import_keys(&self.actor, self.keyspace, keys, at).await;
            outcomes.map_err(Failure::from).map_err(|_| Stopped::StoreFailed)?
        };
        let mut outcomes = outcomes.into_iter();
        for (number, failure) in failed {
            let result = match failure {
                Some(failure) => Err(failure),
                None => outcomes
                    .next()
                    .map_or(Err(Failure::Internal), |outcome| outcome.map_err(Failure::Refused)),
            };
            write(answer, &sum.count(number, result));
        }
        Ok(())
    }
}

impl Reader {
    /// The next lines, and whether they are the last.
    async fn batch(&mut self, app: &App) -> Result<(Batch, bool), Stopped> {
        let (mut batch, mut bytes, mut until) = (Batch::new(), 0, None);
        while batch.len() < BATCH_LINES && bytes < BATCH_BYTES {
            let next = self.lines.next();
            let next = match until {
                None => next.await,
                Some(until) => match timeout_at(until, next).await {
                    Ok(next) => next,
                    Err(_) => return Ok((batch, false)),
                },
            };
            let Some(line) = next.map_err(|_| Stopped::BodyBrokeOff)? else { return Ok((batch, true)) };
            self.number += 1;
            if let Line::Whole(line) = &line {
                bytes += line.len();
            }
            if let Some(read) = read_line(app, line) {
                batch.push((self.number, read));
                until.get_or_insert_with(|| Instant::now() + BATCH_WAIT);
            }
        }
        Ok((batch, false))
    }
}

fn write(answer: &mut Vec<u8>, line: &ImportResultView) {
    answer.extend(serde_json::to_vec(line).unwrap_or_default());
    answer.push(b'\n');
}
