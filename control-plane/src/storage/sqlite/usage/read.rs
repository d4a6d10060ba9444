use latchkey_validator::Code;
use rusqlite::types::{Type, Value};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::super::rows::{number, unsigned};
use super::DROPPED;
use crate::domain::id::{first_number_at, time_of_number};
use crate::domain::{
    CreditReport, Hour, HourCount, KeyId, KeyspaceId, LastUsed, LoggedRequest, Page, PageRequest,
    RequestReport, SecretId,
};
use crate::storage::{RequestFilter, StoreError};

pub(super) fn requests(
    connection: &Connection,
    keyspace: KeyspaceId,
    filter: &RequestFilter,
    page: PageRequest,
) -> Result<Page<LoggedRequest>, StoreError> {
    let mut conditions = vec!["keyspace_id = ?"];
    let mut values: Vec<Value> = vec![number(keyspace.0).into()];
    let mut add = |condition, value: i64| {
        conditions.push(condition);
        values.push(value.into());
    };
    let first = filter.since.map_or(0, |since| number(first_number_at(since)));
    let end = filter.until.map_or(i64::MAX, |until| number(first_number_at(until)));
    add("id >= ?", first);
    add("id < ?", page.before.map_or(end, |before| number(before).min(end)));
    if let Some(key) = filter.key {
        add("key_id = ?", number(key.0));
    }
    if let Some(code) = filter.code {
        // The second condition lets SQLite see that the index of denials will do.
        add(if code.is_allowed() { "code = ?" } else { "code <> 1 AND code = ?" }, code.number().into());
    }
    if let Some(status) = filter.status {
        add("status = ?", status.into());
    }
    let sql = format!(
        "SELECT id, key_id, secret_id, code, status, method, path, route, address, colo, seq, request_id, gate \
         FROM requests WHERE {} ORDER BY id DESC LIMIT {}",
        conditions.join(" AND "),
        page.limit + 1
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), read_request)?;
    Ok(Page::from_overfull(rows.collect::<Result<_, _>>()?, page.limit))
}

fn read_request(row: &Row<'_>) -> rusqlite::Result<LoggedRequest> {
    let number = unsigned(row.get(0)?);
    let address: Option<String> = row.get(8)?;
    Ok(LoggedRequest {
        number,
        gate: row.get(12)?,
        secret: row.get::<_, Option<i64>>(2)?.map(|id| SecretId(unsigned(id))),
        request: RequestReport {
            at: time_of_number(number),
            tag: None,
            key: row.get::<_, Option<i64>>(1)?.map(|id| KeyId(unsigned(id))),
            code: code(row, 3)?.ok_or_else(|| not_a_code(3))?,
            status: row.get(4)?,
            method: row.get(5)?,
            path: row.get(6)?,
            route: row.get(7)?,
            address: address.and_then(|address| address.parse().ok()),
            colo: row.get(9)?,
            seq: unsigned(row.get(10)?),
            request_id: row.get(11)?,
        },
    })
}

pub(super) fn hours(
    connection: &Connection,
    keyspace: KeyspaceId,
    key: i64,
    from: Hour,
    to: Hour,
) -> Result<Vec<HourCount>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT hour, code, requests FROM usage_hours WHERE keyspace_id = ?1 AND key_id = ?2 AND hour >= ?3 AND hour < ?4 \
         ORDER BY hour, code",
    )?;
    let counts = statement.query_map(params![number(keyspace.0), key, from.0, to.0], |row| {
        Ok(HourCount { hour: Hour(row.get(0)?), code: code(row, 1)?, requests: unsigned(row.get(2)?) })
    })?;
    Ok(counts.collect::<Result<_, _>>()?)
}

pub(super) fn last_used(connection: &Connection, key: KeyId) -> Result<Option<LastUsed>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT at, address, colo FROM last_used WHERE key_id = ?1 ORDER BY at DESC LIMIT 1",
    )?;
    let last = statement.query_row([number(key.0)], |row| {
        Ok(LastUsed { at: crate::domain::Timestamp(row.get(0)?), address: row.get(1)?, colo: row.get(2)? })
    });
    Ok(last.optional()?)
}

/// What a key has used up of each unit, as last reported.
pub(in crate::storage::sqlite) fn reported_credits(
    connection: &Connection,
    key: KeyId,
) -> Result<Vec<CreditReport>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT unit, consumed, written_off FROM reported_credits WHERE key_id = ?1 ORDER BY unit",
    )?;
    let credits = statement.query_map([number(key.0)], |row| {
        Ok(CreditReport {
            key,
            unit: row.get(0)?,
            consumed: unsigned(row.get(1)?),
            written_off: unsigned(row.get(2)?),
        })
    })?;
    Ok(credits.collect::<Result<_, _>>()?)
}

/// `None`: requests that were dropped.
fn code(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Code>> {
    match row.get(column)? {
        DROPPED => Ok(None),
        number => Code::from_number(number).map(Some).ok_or_else(|| not_a_code(column)),
    }
}

fn not_a_code(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, "no code has this number".into())
}
