//! What the sender reads and notes: events become deliveries, and deliveries are tried.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::super::rows::{self, number, unsigned};
use super::backlog;
use super::endpoints::{self, COLUMNS};
use super::events::{FAN_OUT, cursor, set_cursor};
use crate::domain::id::next_number;
use crate::domain::webhook::{
    AttemptRecord, DeliveryState, DisabledReason, DueDelivery, HOLDING_TRIES, Outcome, WINDOW, retry_pause,
};
use crate::domain::{DeliveryId, EventId, EventType, KeyId, KeyspaceId, Timestamp, Webhook, WebhookId};
use crate::storage::{DueWebhook, FannedOut, StoreError};

const LAST_DELIVERY: &str = "delivery";
/// Deliveries of a webhook that are due: the third parameter is how far to count.
const DUE_COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE webhook_id = webhooks.id AND state = 'pending' \
     AND next_at <= ?2 LIMIT ?3)";

/// An event that may be for somebody.
pub(super) struct FreshEvent {
    pub(super) id: u64,
    workspace: i64,
    keyspace: Option<KeyspaceId>,
    key: Option<i64>,
    kind: EventType,
}

impl FreshEvent {
    /// What [`FreshEvent::read`] reads.
    pub(super) const COLUMNS: &str = "id, workspace_id, keyspace_id, key_id, type";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: unsigned(row.get(0)?),
            workspace: row.get(1)?,
            keyspace: row.get::<_, Option<i64>>(2)?.map(|id| KeyspaceId(unsigned(id))),
            key: row.get(3)?,
            kind: rows::parsed(row, 4, |name| EventType::parse(name).ok_or("not a type of event"))?,
        })
    }

    pub(super) fn is_for(&self, webhook: &Webhook) -> bool {
        self.workspace == number(webhook.workspace_id.0) && webhook.wants(self.kind, self.keyspace)
    }
}

/// Deliveries that are being made in one transaction.
pub(super) struct NewDeliveries<'a> {
    connection: &'a Connection,
    insert: CachedStatement<'a>,
    last: u64,
    at: Timestamp,
}

impl<'a> NewDeliveries<'a> {
    pub(super) fn begin(connection: &'a Connection, at: Timestamp) -> Result<Self, StoreError> {
        let insert = connection.prepare_cached(
            "INSERT INTO deliveries (webhook_id, id, event_id, key_id, state, next_at) VALUES (?1, ?2, ?3, ?4, 'pending', ?5)",
        )?;
        Ok(Self { connection, insert, last: cursor(connection, LAST_DELIVERY)?, at })
    }

    pub(super) fn add(&mut self, webhook: WebhookId, event: &FreshEvent) -> Result<(), StoreError> {
        self.last = next_number(self.last, self.at);
        let (id, event_id) = (number(self.last), number(event.id));
        self.insert.execute(params![number(webhook.0), id, event_id, event.key, self.at.0])?;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), StoreError> {
        set_cursor(self.connection, LAST_DELIVERY, self.last)
    }
}

/// Whom the events of a workspace are for.
struct Listeners {
    current: Vec<Listener>,
    /// Events wait for these.
    behind: Vec<WebhookId>,
}

struct Listener {
    webhook: Webhook,
    /// It hears of what came after this event.
    from_event: u64,
    /// How many more deliveries may wait for it.
    room: u32,
}

/// Events and cursor change together, so an event fans out once, also over a crash.
pub(super) fn fan_out(connection: &Connection, limit: u32, at: Timestamp) -> Result<FannedOut, StoreError> {
    let mut position = cursor(connection, FAN_OUT)?;
    let fresh = fresh_events(connection, position, limit)?;
    let mut listeners: HashMap<i64, Listeners> = HashMap::new();
    let mut told = BTreeSet::new();
    let mut new = NewDeliveries::begin(connection, at)?;
    for event in &fresh {
        let listeners = match listeners.entry(event.workspace) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Listeners::of(connection, event.workspace, at)?),
        };
        listeners.tell(connection, event, position, &mut new, &mut told)?;
        position = event.id;
    }
    if fresh.is_empty() {
        return Ok(FannedOut::default());
    }
    told.extend(listeners.into_values().flat_map(|listeners| listeners.behind));
    new.finish()?;
    set_cursor(connection, FAN_OUT, position)?;
    let events = u32::try_from(fresh.len()).unwrap_or(u32::MAX);
    Ok(FannedOut { events, webhooks: told.into_iter().collect() })
}

impl Listeners {
    fn of(connection: &Connection, workspace: i64, at: Timestamp) -> Result<Self, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, from_event, ({DUE_COUNT}) AS due FROM webhooks WHERE workspace_id = ?1 AND enabled = 1 AND deleted_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM webhook_backlogs WHERE webhook_id = webhooks.id AND until IS NULL) ORDER BY id"
        );
        let mut current = connection.prepare_cached(&sql)?;
        let current = current.query_map(params![workspace, at.0, WINDOW], |row| {
            let room = WINDOW.saturating_sub(row.get("due")?);
            Ok(Listener {
                webhook: endpoints::read(row)?,
                from_event: unsigned(row.get("from_event")?),
                room,
            })
        })?;
        let mut behind = connection.prepare_cached(
            "SELECT w.id FROM webhook_backlogs AS b JOIN webhooks AS w ON w.id = b.webhook_id \
             WHERE b.until IS NULL AND w.workspace_id = ?1",
        )?;
        let behind = behind.query_map([workspace], |row| Ok(WebhookId(unsigned(row.get(0)?))))?;
        Ok(Self { current: current.collect::<Result<_, _>>()?, behind: behind.collect::<Result<_, _>>()? })
    }

    /// Makes deliveries of an event. `before` is the one before it: where those fall behind that take no more.
    fn tell(
        &mut self,
        connection: &Connection,
        event: &FreshEvent,
        before: u64,
        new: &mut NewDeliveries<'_>,
        told: &mut BTreeSet<WebhookId>,
    ) -> Result<(), StoreError> {
        let mut has_full = false;
        for listener in &mut self.current {
            let id = listener.webhook.id;
            if event.id <= listener.from_event || !event.is_for(&listener.webhook) {
                continue;
            }
            if listener.room == 0 {
                backlog::open(connection, id, before)?;
                self.behind.push(id);
                has_full = true;
                continue;
            }
            new.add(id, event)?;
            listener.room -= 1;
            told.insert(id);
        }
        if has_full {
            self.current.retain(|listener| !self.behind.contains(&listener.webhook.id));
        }
        Ok(())
    }
}

/// Whether there is an event that has not fanned out: asked without the writer.
pub(super) fn has_fresh_events(connection: &Connection) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM events WHERE id > ?1 AND fans_out = 1)")?;
    Ok(statement.query_row([number(cursor(connection, FAN_OUT)?)], |row| row.get(0))?)
}

fn fresh_events(connection: &Connection, after: u64, limit: u32) -> Result<Vec<FreshEvent>, StoreError> {
    let sql = format!(
        "SELECT {} FROM events WHERE id > ?1 AND fans_out = 1 ORDER BY id LIMIT ?2",
        FreshEvent::COLUMNS
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let fresh = statement.query_map(params![number(after), limit], FreshEvent::read)?;
    Ok(fresh.collect::<Result<_, _>>()?)
}

pub(super) fn next_delivery_id(connection: &Connection, at: Timestamp) -> Result<DeliveryId, StoreError> {
    let id = next_number(cursor(connection, LAST_DELIVERY)?, at);
    set_cursor(connection, LAST_DELIVERY, id)?;
    Ok(DeliveryId(id))
}

pub(super) fn with_due(connection: &Connection, now: Timestamp) -> Result<Vec<WebhookId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT w.id FROM webhooks AS w WHERE w.enabled = 1 AND w.deleted_at IS NULL AND EXISTS (\
             SELECT 1 FROM deliveries AS d WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.next_at <= ?1 \
             UNION ALL SELECT 1 FROM webhook_backlogs AS b WHERE b.webhook_id = w.id AND b.given_up_at IS NULL \
             AND b.position < coalesce(b.until, ?2))",
    )?;
    let fanned_out = number(cursor(connection, FAN_OUT)?);
    let ids = statement.query_map([now.0, fanned_out], |row| Ok(WebhookId(unsigned(row.get(0)?))))?;
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
    // Left to itself SQLite looks through all that the webhook was ever sent, for each delivery.
    let mut statement = connection.prepare_cached(
        "SELECT d.id, d.event_id, d.key_id, e.body FROM deliveries AS d JOIN events AS e ON e.id = d.event_id \
         WHERE d.webhook_id = ?1 AND d.state = 'pending' AND d.next_at <= ?2 AND NOT EXISTS (\
             SELECT 1 FROM deliveries AS o INDEXED BY deliveries_of_key \
             WHERE o.webhook_id = ?1 AND o.state = 'pending' AND o.key_id = d.key_id AND o.id < d.id \
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
    let events_wait = backlog::events_wait(connection, &webhook)?;
    Ok(Some(DueWebhook { webhook, secrets, deliveries: found.collect::<Result<_, _>>()?, events_wait }))
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

/// Since when a webhook fails: meanwhile events wait for it. Nothing is written while that stays as it is.
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
    if since.is_some() {
        backlog::open(connection, record.webhook_id, cursor(connection, FAN_OUT)?)?;
    }
    Ok(since.and_then(|since| record.outcome.ends_webhook(Timestamp(since), record.ended_at)))
}
