//! Forgetting events, deliveries and attempts once they were kept long enough, and all that is left of deleted webhooks.

use rusqlite::{Connection, params};

use super::super::rows::number;
use super::events::{FAN_OUT, cursor};
use crate::domain::Timestamp;
use crate::domain::id::first_number_at;
use crate::storage::StoreError;

/// Rows of each table that one job of the writer forgets: mutations wait that long.
const SLICE: i64 = 1_000;

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
    // What was not sent until now, because somebody switched the webhook off, is not sent any more.
    removed += connection.prepare_cached("DELETE FROM webhook_backlogs WHERE until < ?1")?.execute([end])?;
    // One that waited may have a delivery that is younger. One that is yet to fan out stays too.
    removed += connection
        .prepare_cached(
            "DELETE FROM events WHERE id IN (SELECT id FROM events AS e WHERE id < ?1 \
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event_id = e.id) ORDER BY id LIMIT ?2)",
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
