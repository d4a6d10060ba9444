//! What the sender reads and notes: events become deliveries, deliveries are tried, and all of it is forgotten in the end.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, params};

use super::super::rows::{self, number, unsigned};
use super::endpoints::{self, COLUMNS};
use super::events::{FAN_OUT, cursor, set_cursor};
use crate::domain::id::{first_number_at, next_number};
use crate::domain::webhook::{
    AttemptRecord, DeliveryState, DisabledReason, DueDelivery, HOLDING_TRIES, Outcome, retry_pause,
};
use crate::domain::{DeliveryId, EventId, EventType, KeyId, KeyspaceId, Timestamp, Webhook, WebhookId};
use crate::storage::{DueWebhook, FannedOut, StoreError};

const LAST_DELIVERY: &str = "delivery";
/// Rows of each table that one job of the writer forgets: mutations wait that long.
const SLICE: i64 = 1_000;

struct FreshEvent {
    id: u64,
    workspace: i64,
    keyspace: Option<KeyspaceId>,
    key: Option<i64>,
    kind: EventType,
}

/// Events and cursor change together, so an event fans out once, also over a crash.
pub(super) fn fan_out(connection: &Connection, limit: u32, at: Timestamp) -> Result<FannedOut, StoreError> {
    let fresh = fresh_events(connection, limit)?;
    let Some(last) = fresh.last() else { return Ok(FannedOut::default()) };
    let mut listeners: HashMap<i64, Vec<(Webhook, u64)>> = HashMap::new();
    let mut told = BTreeSet::new();
    let mut delivery = cursor(connection, LAST_DELIVERY)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO deliveries (webhook_id, id, event_id, key_id, state, next_at) VALUES (?1, ?2, ?3, ?4, 'pending', ?5)",
    )?;
    for event in &fresh {
        let listeners = match listeners.entry(event.workspace) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(listeners_of(connection, event.workspace)?),
        };
        for (webhook, from_event) in listeners.iter() {
            if event.id <= *from_event || !webhook.wants(event.kind, event.keyspace) {
                continue;
            }
            delivery = next_number(delivery, at);
            insert.execute(params![
                number(webhook.id.0),
                number(delivery),
                number(event.id),
                event.key,
                at.0
            ])?;
            told.insert(webhook.id);
        }
    }
    set_cursor(connection, LAST_DELIVERY, delivery)?;
    set_cursor(connection, FAN_OUT, last.id)?;
    let events = u32::try_from(fresh.len()).unwrap_or(u32::MAX);
    Ok(FannedOut { events, webhooks: told.into_iter().collect() })
}

/// Whether there is an event that has not fanned out: asked without the writer.
pub(super) fn has_fresh_events(connection: &Connection) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM events WHERE id > ?1 AND fans_out = 1)")?;
    Ok(statement.query_row([number(cursor(connection, FAN_OUT)?)], |row| row.get(0))?)
}

fn fresh_events(connection: &Connection, limit: u32) -> Result<Vec<FreshEvent>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, workspace_id, keyspace_id, key_id, type FROM events WHERE id > ?1 AND fans_out = 1 ORDER BY id LIMIT ?2",
    )?;
    let fresh = statement.query_map(params![number(cursor(connection, FAN_OUT)?), limit], |row| {
        Ok(FreshEvent {
            id: unsigned(row.get(0)?),
            workspace: row.get(1)?,
            keyspace: row.get::<_, Option<i64>>(2)?.map(|id| KeyspaceId(unsigned(id))),
            key: row.get(3)?,
            kind: rows::parsed(row, 4, |name| EventType::parse(name).ok_or("not a type of event"))?,
        })
    })?;
    Ok(fresh.collect::<Result<_, _>>()?)
}

fn listeners_of(connection: &Connection, workspace: i64) -> Result<Vec<(Webhook, u64)>, StoreError> {
    let columns = COLUMNS.replace(" FROM webhooks", ", from_event FROM webhooks");
    let sql = format!(
        "SELECT {columns} WHERE workspace_id = ?1 AND enabled = 1 AND deleted_at IS NULL ORDER BY id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let found =
        statement.query_map([workspace], |row| Ok((endpoints::read(row)?, unsigned(row.get(17)?))))?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn next_delivery_id(connection: &Connection, at: Timestamp) -> Result<DeliveryId, StoreError> {
    let id = next_number(cursor(connection, LAST_DELIVERY)?, at);
    set_cursor(connection, LAST_DELIVERY, id)?;
    Ok(DeliveryId(id))
}

pub(super) fn with_due(connection: &Connection, now: Timestamp) -> Result<Vec<WebhookId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT w.id FROM webhooks AS w WHERE w.enabled = 1 AND w.deleted_at IS NULL AND EXISTS (\
             SELECT 1 FROM deliveries AS d WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.next_at <= ?1)",
    )?;
    let ids = statement.query_map([now.0], |row| Ok(WebhookId(unsigned(row.get(0)?))))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Those that are due longest come first. One that is held up by an older one of its key stays out: it comes when that one is through.
pub(super) fn due(
    connection: &Connection,
    id: WebhookId,
    now: Timestamp,
    limit: u32,
) -> Result<Option<DueWebhook>, StoreError> {
    let Some((webhook, secrets)) = endpoints::enabled(connection, id)? else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT d.id, d.event_id, d.key_id, e.body FROM deliveries AS d JOIN events AS e ON e.id = d.event_id \
         WHERE d.webhook_id = ?1 AND d.state = 'pending' AND d.next_at <= ?2 AND NOT EXISTS (\
             SELECT 1 FROM deliveries AS o WHERE o.webhook_id = ?1 AND o.state = 'pending' AND o.key_id = d.key_id AND o.id < d.id \
             AND o.tries < ?3 AND o.next_at > d.next_at) \
         ORDER BY d.next_at, d.id LIMIT ?4",
    )?;
    let found = statement.query_map(params![number(id.0), now.0, HOLDING_TRIES, limit], |row| {
        Ok(DueDelivery {
            id: DeliveryId(unsigned(row.get(0)?)),
            event_id: EventId(unsigned(row.get(1)?)),
            key_id: row.get::<_, Option<i64>>(2)?.map(|id| KeyId(unsigned(id))),
            body: row.get(3)?,
        })
    })?;
    Ok(Some(DueWebhook { webhook, secrets, deliveries: found.collect::<Result<_, _>>()? }))
}

pub(super) fn note(
    connection: &Connection,
    record: &AttemptRecord,
) -> Result<Option<DisabledReason>, StoreError> {
    let key = params![number(record.webhook_id.0), number(record.delivery_id.0)];
    let mut counts = connection
        .prepare_cached("SELECT attempts, tries FROM deliveries WHERE webhook_id = ?1 AND id = ?2")?;
    let counts =
        counts.query_row(key, |row| Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?))).optional()?;
    // It was forgotten meanwhile.
    let Some((attempts, tries)) = counts else { return Ok(None) };
    connection
        .prepare_cached(
            "INSERT INTO delivery_attempts (delivery_id, number, at, duration_ms, status, error, response) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            number(record.delivery_id.0),
            attempts + 1,
            record.at.0,
            number(record.duration_ms),
            record.status,
            record.error,
            record.response,
        ])?;
    let pause = match record.outcome {
        Outcome::Failed if was_switched_off(connection, record.webhook_id)? => None,
        Outcome::Failed => retry_pause(tries + 1, record.lot),
        Outcome::Delivered | Outcome::Gone => None,
    };
    let state = match (record.outcome, pause) {
        (Outcome::Delivered, _) => DeliveryState::Delivered,
        (_, Some(_)) => DeliveryState::Pending,
        (_, None) => DeliveryState::Failed,
    };
    connection
        .prepare_cached(
            "UPDATE deliveries SET attempts = ?3, tries = ?4, state = ?5, next_at = ?6, finished_at = ?7 WHERE webhook_id = ?1 AND id = ?2",
        )?
        .execute(params![
            number(record.webhook_id.0),
            number(record.delivery_id.0),
            attempts + 1,
            tries + 1,
            state.as_str(),
            pause.map(|pause| record.ended_at.0.saturating_add(pause)),
            pause.is_none().then_some(record.ended_at.0),
        ])?;
    note_health(connection, record)
}

/// Whether a webhook was switched off by itself, and what was pending for it given up, while an attempt was under way.
fn was_switched_off(connection: &Connection, id: WebhookId) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT disabled_reason IS NOT NULL FROM webhooks WHERE id = ?1")?;
    Ok(statement.query_row([number(id.0)], |row| row.get(0)).optional()?.unwrap_or(true))
}

/// Since when a webhook fails. Nothing is written while that stays as it is.
fn note_health(
    connection: &Connection,
    record: &AttemptRecord,
) -> Result<Option<DisabledReason>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT failing_since FROM webhooks WHERE id = ?1 AND enabled = 1 AND deleted_at IS NULL",
    )?;
    let known = statement.query_row([number(record.webhook_id.0)], |row| row.get::<_, Option<i64>>(0));
    let Some(known) = known.optional()? else { return Ok(None) };
    let since = match record.outcome {
        Outcome::Delivered => None,
        Outcome::Failed | Outcome::Gone => Some(known.unwrap_or(record.ended_at.0)),
    };
    if since != known {
        connection
            .prepare_cached("UPDATE webhooks SET failing_since = ?2 WHERE id = ?1")?
            .execute(params![number(record.webhook_id.0), since])?;
    }
    Ok(since.and_then(|since| record.outcome.ends_webhook(Timestamp(since), record.ended_at)))
}

/// Removes some of what is too old, and tells how many rows.
pub(super) fn forget(connection: &Connection, before: Timestamp) -> Result<usize, StoreError> {
    let end = number(first_number_at(before));
    let mut removed = 0;
    let mut webhooks =
        connection.prepare_cached("SELECT id, deleted_at IS NOT NULL FROM webhooks ORDER BY id")?;
    let webhooks = webhooks.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)))?;
    for (webhook, is_deleted) in webhooks.collect::<Result<Vec<_>, _>>()? {
        if removed < SLICE as usize {
            removed +=
                forget_of_webhook(connection, webhook, if is_deleted { i64::MAX } else { end }, is_deleted)?;
        }
    }
    // What is newer belongs to a delivery, or is yet to fan out.
    removed += connection
        .prepare_cached(
            "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id < ?1 ORDER BY id LIMIT ?2)",
        )?
        .execute(params![end.min(number(cursor(connection, FAN_OUT)?)), SLICE])?;
    Ok(removed)
}

fn forget_of_webhook(
    connection: &Connection,
    webhook: i64,
    end: i64,
    is_deleted: bool,
) -> Result<usize, StoreError> {
    let mut old = connection
        .prepare_cached("SELECT id FROM deliveries WHERE webhook_id = ?1 AND id < ?2 ORDER BY id LIMIT ?3")?;
    let old = old.query_map(params![webhook, end, SLICE], |row| row.get::<_, i64>(0))?;
    let old = old.collect::<Result<Vec<_>, _>>()?;
    let mut attempts = connection.prepare_cached("DELETE FROM delivery_attempts WHERE delivery_id = ?1")?;
    let mut delivery =
        connection.prepare_cached("DELETE FROM deliveries WHERE webhook_id = ?1 AND id = ?2")?;
    for id in &old {
        attempts.execute([id])?;
        delivery.execute([webhook, *id])?;
    }
    if is_deleted && old.is_empty() {
        return Ok(connection.prepare_cached("DELETE FROM webhooks WHERE id = ?1")?.execute([webhook])?);
    }
    Ok(old.len())
}
