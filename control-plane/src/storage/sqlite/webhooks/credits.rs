//! Telling that a key's credits are low or out: once for each change of what is granted.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use super::super::rows::{self, number, unsigned};
use super::events;
use crate::domain::event::key_view;
use crate::domain::restrictions::{CreditLevel, Credits, UnitStatus};
use crate::domain::{EventDraft, EventType, KeyId, Timestamp, WorkspaceId};
use crate::storage::StoreError;

/// Tells of every unit that is lower than was told. `true`: there was something to tell.
pub(in crate::storage::sqlite) fn tell_levels(
    connection: &Connection,
    workspace: WorkspaceId,
    key: KeyId,
    credits: &Credits,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let is_wanted = |kind| events::is_wanted(connection, workspace, kind);
    if !is_wanted(EventType::CreditsLow)? && !is_wanted(EventType::CreditsExhausted)? {
        return Ok(false);
    }
    let mut has_told = false;
    for (unit, level) in credits.levels() {
        if level <= told(connection, key, &unit.unit, credits.grant_seq)? {
            continue;
        }
        note(connection, key, &unit.unit, level, credits.grant_seq)?;
        let kind = match level {
            CreditLevel::Exhausted => EventType::CreditsExhausted,
            CreditLevel::Low | CreditLevel::Enough => EventType::CreditsLow,
        };
        let Some(key) = rows::key(connection, workspace, key)? else { return Ok(false) };
        if is_wanted(kind)? {
            let mut data = unit_view(&unit);
            data["keyspace_id"] = json!(key.keyspace_id);
            data["key_id"] = json!(key.id);
            data["low_at"] = json!(credits.low_at.get(&unit.unit));
            data["key"] = key_view(&key.audit_view());
            let (keyspace_id, key_id) = (Some(key.keyspace_id), Some(key.id));
            events::write(connection, workspace, &EventDraft { kind, keyspace_id, key_id, data }, true, at)?;
            has_told = true;
        }
    }
    Ok(has_told)
}

/// How a unit stands, for receivers.
pub(in crate::storage::sqlite) fn unit_view(unit: &UnitStatus) -> Value {
    json!({ "unit": unit.unit, "granted": unit.granted, "consumed": unit.consumed, "remaining": unit.remaining })
}

/// What was told since the last change of what is granted.
fn told(connection: &Connection, key: KeyId, unit: &str, grant_seq: u64) -> Result<CreditLevel, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT level, grant_seq FROM credit_alerts WHERE key_id = ?1 AND unit = ?2")?;
    let found = statement
        .query_row(params![number(key.0), unit], |row| Ok((row.get::<_, u8>(0)?, unsigned(row.get(1)?))));
    Ok(match found.optional()? {
        Some((level, seq)) if seq == grant_seq => {
            CreditLevel::ALL.get(usize::from(level)).copied().unwrap_or_default()
        }
        _ => CreditLevel::Enough,
    })
}

fn note(
    connection: &Connection,
    key: KeyId,
    unit: &str,
    level: CreditLevel,
    grant_seq: u64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO credit_alerts (key_id, unit, level, grant_seq) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![number(key.0), unit, level as i64, number(grant_seq)])?;
    Ok(())
}
