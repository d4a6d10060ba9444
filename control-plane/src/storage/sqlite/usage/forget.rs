use rusqlite::{Connection, params};

use super::super::rows::{number, unsigned};
use crate::domain::id::first_number_at;
use crate::domain::{Hour, KeyRules, KeyspaceId, Timestamp};
use crate::storage::StoreError;

/// Rows that one job of the writer removes of each table: mutations wait that long.
const SLICE: i64 = 2_000;
/// For how long hourly counts are kept: a year, and the month in which somebody looks back at it.
const HOURS_DAYS: i64 = 400;
/// For how long a report that is sent again is known. A gate gives up long before.
const BATCH_DAYS: i64 = 2;

/// Keyspaces with requests that are older than they are kept, with the number below which they are.
pub(super) fn keyspaces_with_old_requests(
    connection: &Connection,
    now: Timestamp,
) -> Result<Vec<(KeyspaceId, u64)>, StoreError> {
    let mut all = connection.prepare_cached(
        "SELECT s.id, ifnull(r.request_log_days, ?1) FROM keyspaces AS s LEFT JOIN request_log_rules AS r ON r.keyspace_id = s.id",
    )?;
    let all = all.query_map([KeyRules::default().request_log_days], |row| {
        Ok((KeyspaceId(unsigned(row.get(0)?)), row.get::<_, i64>(1)?))
    })?;
    let mut has_old = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM requests WHERE keyspace_id = ?1 AND id < ?2)")?;
    let mut old = Vec::new();
    for keyspace in all {
        let (id, days) = keyspace?;
        let end = first_number_at(now.plus_days(-days));
        if has_old.query_row([number(id.0), number(end)], |row| row.get(0))? {
            old.push((id, end));
        }
    }
    Ok(old)
}

/// Removes some of what is too old, and tells how many rows.
pub(super) fn slice(
    connection: &Connection,
    old: &[(KeyspaceId, u64)],
    now: Timestamp,
) -> Result<usize, StoreError> {
    let hours = connection
        .prepare_cached(
            "DELETE FROM usage_hours WHERE (keyspace_id, key_id, hour, code) IN \
             (SELECT keyspace_id, key_id, hour, code FROM usage_hours WHERE hour < ?1 LIMIT ?2)",
        )?
        .execute(params![Hour::of(now.plus_days(-HOURS_DAYS)).0, SLICE])?;
    let batches = connection
        .prepare_cached(
            "DELETE FROM usage_batches WHERE (keyspace_id, batch_id) IN \
             (SELECT keyspace_id, batch_id FROM usage_batches WHERE taken_at < ?1 LIMIT ?2)",
        )?
        .execute(params![now.plus_days(-BATCH_DAYS).0, SLICE])?;
    let mut requests = 0;
    let mut delete = connection.prepare_cached(
        "DELETE FROM requests WHERE keyspace_id = ?1 AND id IN \
         (SELECT id FROM requests WHERE keyspace_id = ?1 AND id < ?2 ORDER BY id LIMIT ?3)",
    )?;
    for (keyspace, end) in old {
        let left = SLICE - requests as i64;
        if left <= 0 {
            break;
        }
        requests += delete.execute(params![number(keyspace.0), number(*end), left])?;
    }
    Ok(hours + batches + requests)
}
