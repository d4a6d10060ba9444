//! The embedded backend: one SQLite file, one writer thread, a few readers.

mod admin_keys;
mod audit;
mod base_rows;
mod changes;
mod environments;
mod epochs;
mod head_keys;
mod holds;
mod idempotency;
mod imports;
mod inspect;
mod key_checks;
mod key_lifecycle;
mod key_list;
mod keys;
mod keyspaces;
mod kills;
mod leaks;
mod migrate;
mod mutation;
mod open;
mod policies;
mod publications;
mod published_heads;
mod purge;
mod readers;
mod restrictions;
mod roles;
mod rows;
mod sessions;
mod sinks;
mod upstream;
mod usage;
mod webhooks;
mod workspaces;
mod writer;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{Notify, Semaphore, broadcast};

use self::mutation::Mutation;
use self::readers::Readers;
use self::writer::Writer;
use crate::domain::{Actor, KeyspaceId, Timestamp};
use crate::storage::{Committed, Store, StoreError};

pub use inspect::{Inspection, inspect};
pub use open::OpenError;

/// Notices that a receiver may be behind before it has to look at every keyspace.
const NOTICES: usize = 4_096;

/// A [`Store`] in one file.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    notices: broadcast::Sender<KeyspaceId>,
    events: Arc<Notify>,
    usage_turn: Semaphore,
    // Held as long as the store lives: two programs on one file would each believe they publish alone.
    _lock: std::fs::File,
}

impl Store for SqliteStore {}

impl SqliteStore {
    /// Reads within one snapshot of the database.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(query).await
    }

    /// Reads a single row that many requests ask for, without waiting for a thread. See [`Readers::read_here`].
    async fn read_here<T>(
        &self,
        query: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.readers.read_here(query).await
    }

    /// Changes something that tenants own. See [`Mutation`] for what the operation must do.
    async fn mutate<T: Send + 'static>(
        &self,
        actor: &Actor,
        at: Timestamp,
        operation: impl FnOnce(&mut Mutation<'_>) -> Result<Committed<T>, StoreError> + Send + 'static,
    ) -> Result<Committed<T>, StoreError> {
        let actor = actor.clone();
        self.write_and_tell(move |connection| {
            let mut mutation = Mutation::begin(connection, &actor, at);
            let committed = operation(&mut mutation)?;
            Ok((committed, mutation.finish()?))
        })
        .await
    }

    /// Writes what the control plane keeps for itself, such as publications: no tenant sees it, so it leaves no trail.
    async fn keep<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run(operation).await
    }

    /// As [`SqliteStore::keep`], of an operation that says whether it wrote an event.
    async fn keep_and_tell(
        &self,
        operation: impl FnOnce(&rusqlite::Connection) -> Result<bool, StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.write_and_tell(move |connection| Ok(((), News::of_events(operation(connection)?)))).await
    }

    /// Writes, and tells of it behind the commit.
    async fn write_and_tell<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&rusqlite::Connection) -> Result<(T, News), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (notices, events) = (self.notices.clone(), Arc::clone(&self.events));
        let write = move |connection: &rusqlite::Connection| {
            let (written, news) = operation(connection)?;
            Ok((written, Notice { notices, events, news }))
        };
        let (written, _) = self.writer.run(write).await?;
        Ok(written)
    }
}

/// What others are told once it is committed.
#[derive(Default)]
struct News {
    /// These changed.
    keyspaces: BTreeSet<KeyspaceId>,
    /// The sender of events finds something to do.
    has_events: bool,
}

impl News {
    fn of_events(has_events: bool) -> Self {
        Self { has_events, ..Self::default() }
    }
}

/// Tells the news when it is dropped: behind the commit, and also if nobody waits for the answer any more. A caller that hangs
/// up must not keep a revocation from being published.
struct Notice {
    notices: broadcast::Sender<KeyspaceId>,
    events: Arc<Notify>,
    news: News,
}

impl Drop for Notice {
    fn drop(&mut self) {
        for keyspace in &self.news.keyspaces {
            // Nobody listening is fine: a publisher that starts later looks at every keyspace.
            let _ = self.notices.send(*keyspace);
        }
        if self.news.has_events {
            self.events.notify_one();
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase, ReadOnly};
        let message = match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => {
                "the database is damaged; stop latchkey and put a backup of the data folder in place"
            }
            Some(DiskFull) => "the disk is full; make room, nothing was changed",
            Some(ReadOnly) => "the database cannot be written to; check the permissions of the data folder",
            _ => "the database failed",
        };
        Self::Backend { message: message.to_owned(), source: Some(Box::new(error)) }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;
    use crate::domain::{RequestId, WorkspaceId};

    #[tokio::test]
    async fn a_mutation_that_leaves_no_trail_is_undone() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        let actor = Actor::system(WorkspaceId(1), RequestId(1));
        let forgetful = store.mutate(&actor, Timestamp(0), |mutation| {
            let row = params![1, "sneaked in", 0];
            mutation
                .connection()
                .execute("INSERT INTO workspaces (id, name, created_at) VALUES (?1, ?2, ?3)", row)?;
            Ok(Committed { value: (), change_seq: 0 })
        });
        assert!(forgetful.await.unwrap_err().to_string().contains("left no audit row"));
        let count = |connection: &rusqlite::Connection| {
            Ok(connection.query_row("SELECT count(*) FROM workspaces", [], |row| row.get::<_, i64>(0))?)
        };
        assert_eq!(store.read(count).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_panic_in_a_query_costs_no_reader() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        for _ in 0..10 {
            let outcome = store.read(|_| -> Result<(), StoreError> { panic!("on purpose") }).await;
            assert!(outcome.is_err());
        }
        assert!(store.read(|connection| Ok(connection.is_autocommit())).await.is_ok());
    }
}
