//! Telling of what nobody does: keys that expire, gates that fall behind. Each is told once, because what was told is noted in the
//! transaction of the event.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::super::rows::{self, number, unsigned};
use super::events;
use crate::domain::event::key_view;
use crate::domain::{EventDraft, EventType, GateUrl, Key, KeyId, KeyspaceId, Timestamp, WorkspaceId};
use crate::storage::{StaleGate, StoreError, WatchedGates};

/// Keys that are looked at in one transaction.
const BATCH: u32 = 200;

/// Moments in the life of a key that are told of.
struct Moment {
    cursor: &'static str,
    kind: EventType,
    /// Days before the end.
    days_left: i64,
}

const MOMENTS: [Moment; 3] = [
    Moment { cursor: "expiring in 7 days", kind: EventType::KeyExpiring, days_left: 7 },
    Moment { cursor: "expiring in 1 day", kind: EventType::KeyExpiring, days_left: 1 },
    Moment { cursor: "expired", kind: EventType::KeyExpired, days_left: 0 },
];

/// Begins to watch, unless that was begun: moments from before somebody listened are not told of.
pub(super) fn begin(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    for moment in &MOMENTS {
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO event_cursors (name, position, within) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![moment.cursor, now.plus_days(moment.days_left).0, i64::MAX])?;
    }
    Ok(())
}

/// Tells of some of the keys whose moment has come. Returns how many keys were looked at; call it until that is none.
pub(super) fn tell_of_expiry(connection: &Connection, now: Timestamp) -> Result<usize, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM webhook_subscriptions WHERE type IN (?1, ?2, '*'))";
    let types = [EventType::KeyExpiring, EventType::KeyExpired].map(EventType::as_str);
    if !connection.prepare_cached(sql)?.query_row(types, |row| row.get(0))? {
        let names = MOMENTS.map(|moment| moment.cursor);
        connection.prepare_cached("DELETE FROM event_cursors WHERE name IN (?1, ?2, ?3)")?.execute(names)?;
        return Ok(0);
    }
    begin(connection, now)?;
    let mut seen = 0;
    for moment in &MOMENTS {
        seen += tell_of_moment(connection, moment, now)?;
    }
    Ok(seen)
}

/// A key that was given less time than that from the start, or by a change, gets no warning: whoever did it knows. Nor does one for
/// which the next moment has come too, because the program was down.
fn tell_of_moment(connection: &Connection, moment: &Moment, now: Timestamp) -> Result<usize, StoreError> {
    let passed = keys_behind_cursor(connection, moment, now)?;
    for (workspace, id, expires_at) in &passed {
        let is_current = match moment.days_left {
            0 => true,
            1 => *expires_at > now,
            _ => *expires_at > now.plus_days(1),
        };
        if is_current
            && events::is_wanted(connection, *workspace, moment.kind)?
            && let Some(key) = rows::key(connection, *workspace, *id)?
        {
            events::write(connection, *workspace, &expiry(moment, &key, *expires_at), true, now)?;
        }
    }
    if let Some((_, id, expires_at)) = passed.last() {
        connection
            .prepare_cached("UPDATE event_cursors SET position = ?2, within = ?3 WHERE name = ?1")?
            .execute(params![moment.cursor, expires_at.0, number(id.0)])?;
    }
    Ok(passed.len())
}

type Expiring = (WorkspaceId, KeyId, Timestamp);

fn keys_behind_cursor(
    connection: &Connection,
    moment: &Moment,
    now: Timestamp,
) -> Result<Vec<Expiring>, StoreError> {
    let until = now.plus_days(moment.days_left).0;
    let (position, within): (i64, i64) = connection
        .prepare_cached("SELECT position, within FROM event_cursors WHERE name = ?1")?
        .query_row([moment.cursor], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut statement = connection.prepare_cached(
        "SELECT s.workspace_id, k.id, k.expires_at FROM keys AS k JOIN keyspaces AS s ON s.id = k.keyspace_id \
         WHERE k.expires_at IS NOT NULL AND k.revoked_at IS NULL AND (k.expires_at, k.id) > (?1, ?2) AND k.expires_at <= ?3 \
         AND s.deleted_at IS NULL ORDER BY k.expires_at, k.id LIMIT ?4",
    )?;
    let found = statement.query_map(params![position, within, until, BATCH], |row| {
        Ok((WorkspaceId(unsigned(row.get(0)?)), KeyId(unsigned(row.get(1)?)), Timestamp(row.get(2)?)))
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn expiry(moment: &Moment, key: &Key, expires_at: Timestamp) -> EventDraft {
    let mut data = json!({
        "keyspace_id": key.keyspace_id,
        "key_id": key.id,
        "expires_at": expires_at,
        "key": key_view(&key.audit_view()),
    });
    if moment.kind == EventType::KeyExpiring {
        data["days_left"] = moment.days_left.into();
    }
    EventDraft { kind: moment.kind, keyspace_id: Some(key.keyspace_id), key_id: Some(key.id), data }
}

/// The gates of keyspaces of whose stale gates somebody wants to hear.
pub(super) fn watched_gates(connection: &Connection) -> Result<Vec<WatchedGates>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT s.id, s.fresh_seconds, s.gates FROM keyspaces AS s WHERE s.deleted_at IS NULL AND s.gates <> '[]' AND EXISTS (\
             SELECT 1 FROM webhook_subscriptions AS w WHERE w.workspace_id = s.workspace_id AND w.type IN (?1, '*'))",
    )?;
    let found = statement.query_map([EventType::EdgeStale.as_str()], |row| {
        let gates: Vec<String> = rows::json(row, 2)?;
        Ok(WatchedGates {
            keyspace_id: KeyspaceId(unsigned(row.get(0)?)),
            fresh_seconds: row.get(1)?,
            gates: gates.into_iter().map(GateUrl::from_stored).collect(),
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Tells of the gates that were not stale before, and forgets those that are no more. Returns of how many it told.
pub(super) fn tell_of_stale_gates(
    connection: &Connection,
    stale: &[StaleGate],
    now: Timestamp,
) -> Result<usize, StoreError> {
    let mut known = connection.prepare_cached("SELECT keyspace_id, gate FROM stale_gates")?;
    let known = known.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    let known: BTreeSet<_> = known.collect::<Result<_, _>>()?;
    let mut told = 0;
    for gate in stale {
        let place = (number(gate.keyspace_id.0), gate.gate.as_str().to_owned());
        if known.contains(&place) {
            continue;
        }
        let workspace = connection
            .prepare_cached("SELECT workspace_id FROM keyspaces WHERE id = ?1")?
            .query_row([place.0], |row| row.get::<_, i64>(0))
            .optional()?;
        let Some(workspace) = workspace.map(|id| WorkspaceId(unsigned(id))) else { continue };
        connection
            .prepare_cached("INSERT INTO stale_gates (keyspace_id, gate) VALUES (?1, ?2)")?
            .execute(params![place.0, place.1])?;
        events::write(connection, workspace, &stale_event(gate), true, now)?;
        told += 1;
    }
    let still: BTreeSet<_> =
        stale.iter().map(|gate| (number(gate.keyspace_id.0), gate.gate.as_str().to_owned())).collect();
    for (keyspace, gate) in known.difference(&still) {
        connection
            .prepare_cached("DELETE FROM stale_gates WHERE keyspace_id = ?1 AND gate = ?2")?
            .execute(params![keyspace, gate])?;
    }
    Ok(told)
}

fn stale_event(gate: &StaleGate) -> EventDraft {
    let data = json!({
        "keyspace_id": gate.keyspace_id,
        "gate": gate.gate.as_str(),
        "applied_seq": gate.applied_seq,
        "applied_change_seq": gate.applied_change_seq,
        "acked_at": gate.acked_at,
        "last_error": gate.last_error,
    });
    EventDraft { kind: EventType::EdgeStale, keyspace_id: Some(gate.keyspace_id), key_id: None, data }
}
