//! Writing events down, within the transaction of what they tell of.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::super::rows::{number, unsigned};
use crate::domain::id::next_number;
use crate::domain::{EventDraft, EventId, EventType, KeyspaceId, Timestamp, WorkspaceId};
use crate::storage::StoreError;

pub(super) const FAN_OUT: &str = "fan_out";

/// Whether any webhook of a workspace is to be told of events of this type. Asked in every mutation, so it is one look into an index.
pub(in crate::storage::sqlite) fn is_wanted(
    connection: &Connection,
    workspace: WorkspaceId,
    kind: EventType,
) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM webhook_subscriptions WHERE workspace_id = ?1 AND type IN (?2, '*'))",
    )?;
    Ok(statement.query_row(params![number(workspace.0), kind.as_str()], |row| row.get(0))?)
}

/// Writes an event down that somebody wants. One that does not fan out gets its delivery from whoever writes it.
pub(in crate::storage::sqlite) fn write(
    connection: &Connection,
    workspace: WorkspaceId,
    event: &EventDraft,
    fans_out: bool,
    at: Timestamp,
) -> Result<EventId, StoreError> {
    let id = next_number(newest(connection)?, at);
    connection
        .prepare_cached(
            "INSERT INTO events (id, workspace_id, keyspace_id, key_id, type, fans_out, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            number(id),
            number(workspace.0),
            event.keyspace_id.map(|id| number(id.0)),
            event.key_id.map(|id| number(id.0)),
            event.kind.as_str(),
            fans_out,
            event.body(at),
        ])?;
    Ok(EventId(id))
}

/// Writes down what happened to a keyspace, if somebody wants it. `true`: somebody does.
pub(in crate::storage::sqlite) fn tell(
    connection: &Connection,
    keyspace: KeyspaceId,
    kind: EventType,
    data: Value,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let workspace = connection
        .prepare_cached("SELECT workspace_id FROM keyspaces WHERE id = ?1")?
        .query_row([number(keyspace.0)], |row| Ok(WorkspaceId(unsigned(row.get(0)?))))?;
    if !is_wanted(connection, workspace, kind)? {
        return Ok(false);
    }
    let event = EventDraft { kind, keyspace_id: Some(keyspace), key_id: None, data };
    write(connection, workspace, &event, true, at)?;
    Ok(true)
}

/// The id of the newest event, also if it was forgotten: one below what has fanned out would never fan out.
pub(super) fn newest(connection: &Connection) -> Result<u64, StoreError> {
    let newest: Option<i64> =
        connection.prepare_cached("SELECT max(id) FROM events")?.query_row([], |row| row.get(0))?;
    Ok(newest.map_or(0, unsigned).max(cursor(connection, FAN_OUT)?))
}

/// How far something has come; 0 before it began.
pub(super) fn cursor(connection: &Connection, name: &str) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT position FROM event_cursors WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?.map_or(0, unsigned))
}

pub(super) fn set_cursor(connection: &Connection, name: &str, position: u64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO event_cursors (name, position) VALUES (?1, ?2) \
             ON CONFLICT (name) DO UPDATE SET position = excluded.position",
        )?
        .execute(params![name, number(position)])?;
    Ok(())
}
