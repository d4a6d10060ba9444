use async_trait::async_trait;
use rusqlite::params;
use tokio::sync::broadcast;

use super::SqliteStore;
use super::rows::{number, parsed, unsigned};
use crate::domain::{Change, ChangeKind, KeyId, KeyspaceId, Timestamp};
use crate::storage::{ChangeLog, StoreError};

#[async_trait]
impl ChangeLog for SqliteStore {
    fn subscribe(&self) -> broadcast::Receiver<KeyspaceId> {
        self.notices.subscribe()
    }

    async fn changes(&self, keyspace: KeyspaceId, after: u64, limit: u32) -> Result<Vec<Change>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT seq, kind, key_id, at FROM changes WHERE keyspace_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            )?;
            let changes = statement.query_map(params![number(keyspace.0), number(after), limit], |row| {
                Ok(Change {
                    keyspace_id: keyspace,
                    seq: unsigned(row.get(0)?),
                    kind: parsed(row, 1, |name| ChangeKind::from_stored(name).ok_or("not a kind of change"))?,
                    key_id: row.get::<_, Option<i64>>(2)?.map(|id| KeyId(unsigned(id))),
                    at: Timestamp(row.get(3)?),
                })
            })?;
            Ok(changes.collect::<Result<_, _>>()?)
        })
        .await
    }
}
