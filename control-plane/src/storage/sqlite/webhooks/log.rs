//! The log of deliveries, and sending them again.

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use serde_json::{Value, json};

use super::super::mutation::Mutation;
use super::super::rows::{self, number, unsigned};
use super::backlog;
use super::endpoints::stored;
use super::events;
use super::send::next_delivery_id;
use crate::domain::audit::AuditDraft;
use crate::domain::error::ObjectKind;
use crate::domain::id::{first_number_at, time_of_number};
use crate::domain::webhook::{Attempt, Delivery, DeliveryState};
use crate::domain::{
    DeliveryId, DomainError, EventDraft, EventId, EventType, KeyId, KeyspaceId, Page, PageRequest, Timestamp,
    Webhook, WebhookId,
};
use crate::storage::{Committed, DeliveryFilter, DeliveryRecord, StoreError};

const COLUMNS: &str = "d.id, d.webhook_id, d.event_id, e.type, e.keyspace_id, e.key_id, d.state, d.attempts, a.status, a.error, \
     d.next_at, d.finished_at, e.body FROM deliveries AS d JOIN events AS e ON e.id = d.event_id \
     LEFT JOIN delivery_attempts AS a ON a.delivery_id = d.id AND a.number = d.attempts";

pub(super) fn page(
    connection: &Connection,
    webhook: WebhookId,
    filter: DeliveryFilter,
    page: PageRequest,
) -> Result<Page<Delivery>, StoreError> {
    let before = page.before.map_or(i64::MAX, number);
    let since = number(filter.since.map_or(0, first_number_at));
    let state = filter.state.map(DeliveryState::as_str);
    let mut sql = format!("SELECT {COLUMNS} WHERE d.webhook_id = ?1 AND d.id < ?2 AND d.id >= ?3");
    let (webhook, limit) = (number(webhook.0), page.limit + 1);
    let mut values: Vec<&dyn ToSql> = vec![&webhook, &before, &since, &limit];
    if let Some(state) = &state {
        sql += " AND d.state = ?5";
        values.push(state);
    }
    sql += " ORDER BY d.id DESC LIMIT ?4";
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map(values.as_slice(), read)?;
    Ok(Page::from_overfull(found.collect::<Result<_, _>>()?, page.limit))
}

pub(super) fn record(
    connection: &Connection,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<DeliveryRecord, StoreError> {
    let delivery = one(connection, webhook, id)?;
    let body = connection
        .prepare_cached("SELECT body FROM events WHERE id = ?1")?
        .query_row([number(delivery.event_id.0)], |row| row.get(0))?;
    let mut attempts = connection.prepare_cached(
        "SELECT number, at, duration_ms, status, error, response FROM delivery_attempts WHERE delivery_id = ?1 ORDER BY number",
    )?;
    let attempts = attempts.query_map([number(id.0)], |row| {
        Ok(Attempt {
            number: row.get(0)?,
            at: Timestamp(row.get(1)?),
            duration_ms: unsigned(row.get(2)?),
            status: row.get(3)?,
            error: row.get(4)?,
            response: row.get(5)?,
        })
    })?;
    Ok(DeliveryRecord { delivery, body, attempts: attempts.collect::<Result<_, _>>()? })
}

pub(super) fn send_test(
    mutation: &mut Mutation<'_>,
    id: WebhookId,
) -> Result<Committed<Delivery>, StoreError> {
    let webhook = enabled(mutation, id)?;
    let connection = mutation.connection();
    let data = json!({ "webhook_id": id, "message": "This is a test." });
    let event = EventDraft { kind: EventType::WebhookTest, keyspace_id: None, key_id: None, data };
    let event_id = events::write(connection, webhook.workspace_id, &event, false, mutation.at)?;
    let delivery = next_delivery_id(connection, mutation.at)?;
    connection
        .prepare_cached(
            "INSERT INTO deliveries (webhook_id, id, event_id, state, next_at) VALUES (?1, ?2, ?3, 'pending', ?4)",
        )?
        .execute(params![number(id.0), number(delivery.0), number(event_id.0), mutation.at.0])?;
    let after = json!({ "delivery_id": delivery });
    finish(mutation, "webhook.tested", id, after, one(connection, id, delivery)?)
}

pub(super) fn resend(
    mutation: &mut Mutation<'_>,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<Committed<Delivery>, StoreError> {
    enabled(mutation, webhook)?;
    let connection = mutation.connection();
    one(connection, webhook, id)?;
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = 'pending', tries = 0, next_at = ?3, finished_at = NULL WHERE webhook_id = ?1 AND id = ?2",
        )?
        .execute(params![number(webhook.0), number(id.0), mutation.at.0])?;
    let after = json!({ "delivery_id": id });
    finish(mutation, "webhook.resent", webhook, after, one(connection, webhook, id)?)
}

pub(super) fn resend_failed(
    mutation: &mut Mutation<'_>,
    webhook: WebhookId,
    since: Timestamp,
) -> Result<Committed<u64>, StoreError> {
    enabled(mutation, webhook)?;
    let resent = mutation
        .connection()
        .prepare_cached(
            "UPDATE deliveries SET state = 'pending', tries = 0, next_at = ?3, finished_at = NULL \
             WHERE webhook_id = ?1 AND id >= ?2 AND state = 'failed'",
        )?
        .execute(params![number(webhook.0), number(first_number_at(since)), mutation.at.0])?;
    let resent = resent as u64;
    backlog::take_up(mutation.connection(), webhook, since)?;
    finish(mutation, "webhook.resent", webhook, json!({ "since": since, "deliveries": resent }), resent)
}

fn enabled(mutation: &Mutation<'_>, id: WebhookId) -> Result<Webhook, StoreError> {
    let webhook = stored(mutation.connection(), mutation.actor().workspace_id, id)?;
    if webhook.settings.enabled { Ok(webhook) } else { Err(DomainError::WebhookDisabled(id).into()) }
}

fn finish<T>(
    mutation: &mut Mutation<'_>,
    action: &'static str,
    webhook: WebhookId,
    after: Value,
    value: T,
) -> Result<Committed<T>, StoreError> {
    mutation.notes_events();
    let object = webhook.to_string();
    let draft = AuditDraft { keyspace_id: None, action, object, before: Value::Null, after };
    mutation.record_in_workspace(draft, value)
}

fn one(connection: &Connection, webhook: WebhookId, id: DeliveryId) -> Result<Delivery, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE d.webhook_id = ?1 AND d.id = ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row(params![number(webhook.0), number(id.0)], read).optional()?;
    found.ok_or_else(|| DomainError::NotFound(ObjectKind::Delivery).into())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let id = unsigned(row.get(0)?);
    Ok(Delivery {
        id: DeliveryId(id),
        webhook_id: WebhookId(unsigned(row.get(1)?)),
        event_id: EventId(unsigned(row.get(2)?)),
        kind: rows::parsed(row, 3, |name| EventType::parse(name).ok_or("not a type of event"))?,
        keyspace_id: row.get::<_, Option<i64>>(4)?.map(|id| KeyspaceId(unsigned(id))),
        key_id: row.get::<_, Option<i64>>(5)?.map(|id| KeyId(unsigned(id))),
        state: rows::parsed(row, 6, DeliveryState::parse)?,
        attempts: row.get(7)?,
        last_status: row.get(8)?,
        last_error: row.get(9)?,
        next_at: row.get::<_, Option<i64>>(10)?.map(Timestamp),
        created_at: time_of_number(id),
        finished_at: row.get::<_, Option<i64>>(11)?.map(Timestamp),
    })
}
