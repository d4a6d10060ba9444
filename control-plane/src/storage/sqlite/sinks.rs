//! Sinks of keyspaces.

use std::collections::HashMap;

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::rows::{self, number};
use crate::domain::{FieldErrors, KeyspaceId, SinkSetting, SinkTarget};
use crate::storage::{SinkStore, StoreError};

#[async_trait]
impl SinkStore for SqliteStore {
    async fn sink_secrets(&self, keyspace: KeyspaceId) -> Result<HashMap<String, Vec<u8>>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT name, sealed_secret FROM sinks WHERE keyspace_id = ?1 AND sealed_secret IS NOT NULL",
            )?;
            let found = statement.query_map([number(keyspace.0)], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn forget_sinks(&self, keyspace: KeyspaceId) -> Result<(), StoreError> {
        self.keep(move |connection| {
            let forget = "DELETE FROM sinks WHERE keyspace_id = ?1 \
                          AND EXISTS (SELECT 1 FROM keyspaces WHERE id = ?1 AND deleted_at IS NOT NULL)";
            connection.prepare_cached(forget)?.execute([number(keyspace.0)])?;
            Ok(())
        })
        .await
    }
}

/// Puts a list in the place of the one that the keyspace has.
///
/// # Errors
/// Those that say nothing of their secret and cannot keep one. It is kept only while all else of the sink stays as it was: otherwise
/// whoever may change a sink could have its secret sent to an address of their own.
pub(super) fn replace(
    connection: &Connection,
    keyspace: KeyspaceId,
    settings: &[SinkSetting],
) -> Result<(), StoreError> {
    let kept = stored(connection, keyspace)?;
    let mut errors = FieldErrors::default();
    connection.prepare_cached("DELETE FROM sinks WHERE keyspace_id = ?1")?.execute([number(keyspace.0)])?;
    for (position, SinkSetting { sink, sealed }) in settings.iter().enumerate() {
        let kept = kept.get(&sink.name).filter(|(target, _)| *target == sink.target);
        let sealed = sealed.as_ref().or_else(|| kept.and_then(|(_, sealed)| sealed.as_ref()));
        if sealed.is_none() && sink.target.needs_secret() {
            let message = "is required: the sink is new, or something else of it than its place in the list has changed";
            errors.add(format!("/sinks/{position}/secret"), message);
        }
        connection
            .prepare_cached(
                "INSERT INTO sinks (keyspace_id, name, position, target, sealed_secret) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                number(keyspace.0),
                sink.name,
                number(position as u64),
                rows::to_json(&sink.target)?,
                sealed
            ])?;
    }
    Ok(errors.into_result()?)
}

type Stored = HashMap<String, (SinkTarget, Option<Vec<u8>>)>;

fn stored(connection: &Connection, keyspace: KeyspaceId) -> Result<Stored, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT name, target, sealed_secret FROM sinks WHERE keyspace_id = ?1")?;
    let found = statement
        .query_map([number(keyspace.0)], |row| Ok((row.get(0)?, (rows::json(row, 1)?, row.get(2)?))))?;
    Ok(found.collect::<Result<_, _>>()?)
}
