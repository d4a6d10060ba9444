//! The one thread that writes. It takes whatever waits in its queue into one transaction, so that many mutations share
//! the price of one flush to disk (group commit), and answers only when that flush is done.

use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::storage::StoreError;

/// Mutations that share a commit: bounds how long the first of them waits for the last.
const MAX_BATCH: usize = 256;

#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel();
        let thread = thread::Builder::new().name("sqlite-writer".to_owned());
        let thread = thread.spawn(move || write_until_closed(&connection, &jobs))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Runs an operation in the next transaction. `Ok` means that it is on disk; an operation that returns an error
    /// leaves nothing behind, and the others in its transaction are not concerned.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Pending { operation: Some(operation), outcome: None, reply };
        let queue = self.queue.as_ref().ok_or_else(writer_gone)?;
        queue.send(Box::new(job)).map_err(|_| writer_gone())?;
        answer.await.unwrap_or_else(|_| Err(writer_gone()))
    }
}

/// The connection is closed, and its file tidy, before whoever comes next may open it.
impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn writer_gone() -> StoreError {
    StoreError::backend("the database writer has stopped; restart latchkey and look at its log")
}

fn write_until_closed(connection: &Connection, jobs: &mpsc::Receiver<Box<dyn Job>>) {
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(MAX_BATCH - 1));
        let committed = commit_together(connection, &mut batch);
        if committed.is_err() && !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        let failure = committed.err().map(|error| error.to_string());
        for job in batch {
            job.answer(failure.as_deref());
        }
    }
}

/// An error here is one of the transaction as a whole: no job of the batch has happened.
fn commit_together(connection: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    run(connection, "BEGIN IMMEDIATE")?;
    for job in batch {
        run(connection, "SAVEPOINT job")?;
        // After a full disk SQLite may have dropped the whole transaction; then these fail, and with them the batch.
        if let Verdict::Undo = job.run(connection) {
            run(connection, "ROLLBACK TO job")?;
        }
        run(connection, "RELEASE job")?;
    }
    run(connection, "COMMIT")
}

/// These are run for every mutation, so they are parsed only once.
fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

enum Verdict {
    Keep,
    Undo,
}

trait Job: Send {
    fn run(&mut self, connection: &Connection) -> Verdict;
    fn answer(self: Box<Self>, failure: Option<&str>);
}

struct Pending<T, F> {
    operation: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T, StoreError> + Send> Job for Pending<T, F> {
    fn run(&mut self, connection: &Connection) -> Verdict {
        let Some(operation) = self.operation.take() else { return Verdict::Undo };
        let outcome = operation(connection);
        let verdict = if outcome.is_ok() { Verdict::Keep } else { Verdict::Undo };
        self.outcome = Some(outcome);
        verdict
    }

    fn answer(self: Box<Self>, failure: Option<&str>) {
        let answer = match (failure, self.outcome) {
            (None, Some(outcome)) => outcome,
            // A refusal stands even if the transaction around it failed.
            (Some(_), Some(Err(refusal))) => Err(refusal),
            (Some(failure), _) => {
                Err(StoreError::backend(format!("the database could not commit: {failure}")))
            }
            (None, None) => Err(writer_gone()),
        };
        // A caller that went away does not want the answer.
        let _ = self.reply.send(answer);
    }
}
