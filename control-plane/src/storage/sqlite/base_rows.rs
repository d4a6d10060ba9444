//! Secrets as rows of a base. A base reads all of them, so what is done for each is kept small: what many keys say alike is read once for a page.

use std::collections::HashMap;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;
use latchkey_token::Environment;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::environments;
use super::rows::{json, json_text, number, unsigned};
use crate::domain::{KeyId, KeyspaceId, Timestamp};
use crate::storage::{BasePage, BaseProfile, BaseRow, StoreError, TagRange};

/// Of `packed_rows`, and of the view that says how its rows have to be.
const COLUMNS: &str = "tag, key_id, flags, expires_at, profile, \
     CASE WHEN flags & 8 THEN (SELECT document FROM key_restrictions AS r WHERE r.key_id = rows.key_id) END";
/// Bits of the column `flags`.
const LIVE: i64 = 1;
const ENABLED: i64 = 1 << 1;
const REVOKED: i64 = 1 << 2;
const RESTRICTED: i64 = 1 << 3;
const PROFILE: usize = 4;
const RESTRICTIONS: usize = 5;
/// Between the parts of a packed profile.
const DIVIDER: char = '\x1f';
/// A page has no more profiles than this: some take kilobytes.
const PAGE_PROFILES: usize = 8_192;

/// Those rows of a range that a base still has, in the order of their tags.
pub(super) fn page(
    connection: &Connection,
    id: KeyspaceId,
    range: TagRange,
    limit: u32,
    forget_before: Timestamp,
) -> Result<BasePage, StoreError> {
    // An empty blob sorts before every tag, and one byte more than a tag has behind every other of its bytes.
    let after = range.after.map_or_else(Vec::new, |tag| tag.to_vec());
    let through = range.through.map_or_else(|| vec![0xff; 17], |tag| tag.to_vec());
    let sql = format!(
        "SELECT {COLUMNS} FROM packed_rows AS rows WHERE keyspace_id = ?1 AND tag > ?2 AND tag <= ?3 AND ifnull(dead_at, ?4) >= ?4 \
         ORDER BY tag LIMIT ?5"
    );
    let mut reading = Reading::of(connection, id)?;
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query(params![number(id.0), after, through, forget_before.0, limit])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(reading.row(row)?);
        if rows.len() == limit as usize || reading.profiles.len() == PAGE_PROFILES {
            return Ok(BasePage { rows, is_last: false });
        }
    }
    Ok(BasePage { rows, is_last: true })
}

/// All rows of a key, from where they come from.
pub(super) fn of_key(connection: &Connection, id: KeyspaceId, key: i64) -> Result<Vec<BaseRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM rows_to_pack AS rows WHERE key_id = ?1 ORDER BY tag");
    let mut reading = Reading::of(connection, id)?;
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([key], |row| reading.row(row))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The tags of secrets whose keys changed after `after`, and of those that were purged since; `None` if they are too many, or if a change may concern
/// keys that it does not name.
pub(super) fn changed_tags(
    connection: &Connection,
    id: KeyspaceId,
    after: u64,
    limit: u32,
) -> Result<Option<Vec<[u8; 16]>>, StoreError> {
    let concerns_all: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM changes WHERE keyspace_id = ?1 AND seq > ?2 AND key_id IS NULL)",
        )?
        .query_row(params![number(id.0), number(after)], |row| row.get(0))?;
    if concerns_all {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(
        "SELECT t.tag FROM keys AS k JOIN secrets AS t ON t.key_id = k.id WHERE k.keyspace_id = ?1 AND k.change_seq > ?2 \
         UNION ALL SELECT tag FROM purged_secrets WHERE keyspace_id = ?1 AND change_seq > ?2 LIMIT ?3",
    )?;
    let tags = statement
        .query_map(params![number(id.0), number(after), limit.saturating_add(1)], |row| row.get(0))?;
    let tags: Vec<[u8; 16]> = tags.collect::<Result<_, _>>()?;
    Ok(Some(tags).filter(|tags| tags.len() <= limit as usize))
}

/// Rows that are read one after the other, and the profiles that were seen.
struct Reading {
    live_keys_work: bool,
    /// By their columns as they stand.
    profiles: HashMap<Vec<u8>, Arc<BaseProfile>, DefaultHashBuilder>,
    columns: Vec<u8>,
}

impl Reading {
    fn of(connection: &Connection, id: KeyspaceId) -> Result<Self, StoreError> {
        let live_keys_work = environments::is_on(connection, id)?;
        Ok(Self { live_keys_work, profiles: HashMap::default(), columns: Vec::new() })
    }

    fn row(&mut self, row: &Row<'_>) -> rusqlite::Result<BaseRow> {
        let flags: i64 = row.get(2)?;
        let has = |flag| flags & flag != 0;
        Ok(BaseRow {
            tag: row.get(0)?,
            key_id: KeyId(unsigned(row.get(1)?)),
            environment: if has(LIVE) { Environment::Live } else { Environment::Test },
            enabled: has(ENABLED) && (self.live_keys_work || !has(LIVE)),
            revoked: has(REVOKED),
            expires_at: row.get::<_, Option<i64>>(3)?.map(Timestamp),
            profile: self.profile(row, has(RESTRICTED))?,
        })
    }

    fn profile(&mut self, row: &Row<'_>, is_restricted: bool) -> rusqlite::Result<Arc<BaseProfile>> {
        self.columns.clear();
        if is_restricted {
            // Without them the key could do more than it may.
            let missing = |_| damaged(RESTRICTIONS, "a restricted key has no restrictions");
            self.columns.extend_from_slice(row.get_ref(RESTRICTIONS)?.as_bytes().map_err(missing)?);
        }
        // No JSON has a zero byte in it.
        self.columns.push(0);
        self.columns.extend_from_slice(row.get_ref(PROFILE)?.as_bytes()?);
        if let Some(known) = self.profiles.get(&self.columns) {
            return Ok(Arc::clone(known));
        }
        let profile = Arc::new(unpack(row, is_restricted)?);
        self.profiles.insert(self.columns.clone(), Arc::clone(&profile));
        Ok(profile)
    }
}

fn unpack(row: &Row<'_>, is_restricted: bool) -> rusqlite::Result<BaseProfile> {
    let packed = row.get_ref(PROFILE)?.as_str()?;
    let mut parts = packed.splitn(4, DIVIDER);
    let mut part = || parts.next().ok_or_else(|| damaged(PROFILE, "a profile lacks a part"));
    let (permissions, roles, metadata) = (part()?, part()?, part()?);
    Ok(BaseProfile {
        owner: parts.next().map(str::to_owned),
        permissions: json_text(PROFILE, permissions)?,
        roles: json_text(PROFILE, roles)?,
        metadata: metadata.to_owned(),
        restrictions: if is_restricted { Some(json(row, RESTRICTIONS)?) } else { None },
    })
}

fn damaged(column: usize, what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
}
