//! Events that wait for a webhook without deliveries, so that one that fails costs nothing for each event that it does not take: it has a
//! place among the events, and deliveries are made from there when it is their turn.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::rows::{number, unsigned};
use super::endpoints;
use super::events::{FAN_OUT, cursor, newest};
use super::send::{FreshEvent, NewDeliveries};
use crate::domain::id::first_number_at;
use crate::domain::{Timestamp, Webhook, WebhookId};
use crate::storage::{CaughtUp, StoreError};

/// Events that one job of the writer looks at: mutations wait that long.
const SCAN: u32 = 2_000;

/// From now on events wait for this webhook: those behind `position`, the last one that was not for it or has a delivery. What it was told
/// of when it was switched on stays its begin.
pub(super) fn open(connection: &Connection, webhook: WebhookId, position: u64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO webhook_backlogs (webhook_id, began, position) \
             SELECT id, max(?2, from_event), max(?2, from_event) FROM webhooks WHERE id = ?1 \
             AND NOT EXISTS (SELECT 1 FROM webhook_backlogs WHERE webhook_id = ?1 AND until IS NULL)",
        )?
        .execute(params![number(webhook.0), number(position)])?;
    Ok(())
}

/// What has happened until now waits on, also what was yet to fan out; what happens from now on does not.
pub(super) fn close(connection: &Connection, webhook: WebhookId) -> Result<(), StoreError> {
    open(connection, webhook, cursor(connection, FAN_OUT)?)?;
    connection
        .prepare_cached("UPDATE webhook_backlogs SET until = ?2 WHERE webhook_id = ?1 AND until IS NULL")?
        .execute(params![number(webhook.0), number(newest(connection)?)])?;
    connection
        .prepare_cached("DELETE FROM webhook_backlogs WHERE webhook_id = ?1 AND position >= until")?
        .execute([number(webhook.0)])?;
    Ok(())
}

/// What waited while the webhook was off goes ahead of what happens from now on.
pub(super) fn go_on(connection: &Connection, webhook: WebhookId) -> Result<(), StoreError> {
    if oldest(connection, webhook)?.is_some() {
        open(connection, webhook, newest(connection)?)
    } else {
        Ok(())
    }
}

/// Nothing that has happened until now is to be sent any more, unless somebody asks for it.
pub(super) fn give_up(connection: &Connection, webhook: WebhookId, at: Timestamp) -> Result<(), StoreError> {
    close(connection, webhook)?;
    connection
        .prepare_cached(
            "UPDATE webhook_backlogs SET given_up_at = ?2 WHERE webhook_id = ?1 AND given_up_at IS NULL",
        )?
        .execute(params![number(webhook.0), at.0])?;
    Ok(())
}

/// What was given up is to be sent after all, as far as it happened at or after `since`.
pub(super) fn take_up(
    connection: &Connection,
    webhook: WebhookId,
    since: Timestamp,
) -> Result<(), StoreError> {
    let values = params![number(webhook.0), number(first_number_at(since).saturating_sub(1))];
    let straddles = "webhook_id = ?1 AND given_up_at IS NOT NULL AND position < ?2 AND until > ?2";
    connection
        .prepare_cached(&format!(
            "INSERT INTO webhook_backlogs (webhook_id, began, position, until, given_up_at) \
             SELECT webhook_id, ?2, ?2, until, given_up_at FROM webhook_backlogs WHERE {straddles}"
        ))?
        .execute(values)?;
    connection
        .prepare_cached(&format!("UPDATE webhook_backlogs SET until = ?2 WHERE {straddles}"))?
        .execute(values)?;
    connection
        .prepare_cached(
            "UPDATE webhook_backlogs SET given_up_at = NULL WHERE webhook_id = ?1 AND position >= ?2 AND given_up_at IS NOT NULL",
        )?
        .execute(values)?;
    Ok(())
}

/// Forgets all that waits for a webhook.
pub(super) fn clear(connection: &Connection, webhook: WebhookId) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM webhook_backlogs WHERE webhook_id = ?1")?
        .execute([number(webhook.0)])?;
    Ok(())
}

/// Whether there may be something to catch up with: asked without the writer.
pub(super) fn events_wait(connection: &Connection, webhook: &Webhook) -> Result<bool, StoreError> {
    let Some(backlog) = oldest(connection, webhook.id)? else { return Ok(false) };
    // One that has been caught up with is there until the webhook has shown that it answers.
    let may_end = backlog.until.is_some() || webhook.failing_since.is_none();
    Ok(may_end || backlog.position < cursor(connection, FAN_OUT)?)
}

/// Makes up to `limit` deliveries of what waits, oldest first. Cursor and deliveries change together, so each event has one, also over a
/// crash.
pub(super) fn catch_up(
    connection: &Connection,
    id: WebhookId,
    limit: u32,
    at: Timestamp,
) -> Result<CaughtUp, StoreError> {
    let Some((webhook, _)) = endpoints::enabled(connection, id)? else { return Ok(CaughtUp::default()) };
    let Some(backlog) = oldest(connection, id)? else { return Ok(CaughtUp::default()) };
    let end = backlog.until.map_or_else(|| cursor(connection, FAN_OUT), Ok)?;
    let sql = format!(
        "SELECT {} FROM events WHERE id > ?1 AND id <= ?2 AND fans_out = 1 ORDER BY id LIMIT ?3",
        FreshEvent::COLUMNS
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut waiting = statement.query(params![number(backlog.position), number(end), SCAN])?;
    let mut new = NewDeliveries::begin(connection, at)?;
    let (mut position, mut seen, mut deliveries) = (backlog.position, 0, 0);
    while deliveries < limit
        && let Some(row) = waiting.next()?
    {
        let event = FreshEvent::read(row)?;
        (position, seen) = (event.id, seen + 1);
        if event.is_for(&webhook) {
            new.add(id, &event)?;
            deliveries += 1;
        }
    }
    new.finish()?;
    if deliveries == limit || seen == SCAN {
        backlog.move_to(connection, id, position)?;
        return Ok(CaughtUp { deliveries, may_have_more: true });
    }
    if backlog.until.is_none() && webhook.failing_since.is_some() {
        backlog.move_to(connection, id, end)?;
        return Ok(CaughtUp { deliveries, may_have_more: false });
    }
    connection
        .prepare_cached("DELETE FROM webhook_backlogs WHERE webhook_id = ?1 AND began = ?2")?
        .execute(params![number(id.0), number(backlog.began)])?;
    Ok(CaughtUp { deliveries, may_have_more: backlog.until.is_some() })
}

struct Backlog {
    began: u64,
    position: u64,
    until: Option<u64>,
}

impl Backlog {
    fn move_to(&self, connection: &Connection, webhook: WebhookId, position: u64) -> Result<(), StoreError> {
        connection
            .prepare_cached("UPDATE webhook_backlogs SET position = ?3 WHERE webhook_id = ?1 AND began = ?2")?
            .execute(params![number(webhook.0), number(self.began), number(position)])?;
        Ok(())
    }
}

/// The one that is next, of those that are to be sent.
fn oldest(connection: &Connection, webhook: WebhookId) -> Result<Option<Backlog>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT began, position, until FROM webhook_backlogs WHERE webhook_id = ?1 AND given_up_at IS NULL \
         ORDER BY began LIMIT 1",
    )?;
    let found = statement.query_row([number(webhook.0)], |row| {
        Ok(Backlog {
            began: unsigned(row.get(0)?),
            position: unsigned(row.get(1)?),
            until: row.get::<_, Option<i64>>(2)?.map(unsigned),
        })
    });
    Ok(found.optional()?)
}
