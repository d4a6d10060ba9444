//! Secrets as rows of a base. A base reads all of them, so what is done for each is kept small: what many keys say alike is read once for a page.

use std::collections::HashMap;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;
use latchkey_token::Environment;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, Row, params};

use super::environments;
use super::rows::{json, number, optional_json, unsigned};
use crate::domain::{KeyId, KeyspaceId, Timestamp};
use crate::storage::{BaseProfile, BaseRow, StoreError, TagRange};

/// As the table has them that exists for this. Few columns, since taking each out of a row costs as much as finding the next row.
const COLUMNS: &str = "tag, key_id, live | (enabled << 1) | ((revoked_at IS NOT NULL) << 2) | (restricted << 3), \
     min(ifnull(key_expires_at, expires_at), ifnull(expires_at, key_expires_at)), owner, permissions, roles, metadata, \
     CASE WHEN restricted THEN (SELECT document FROM key_restrictions WHERE key_id = base_rows.key_id) END";
/// The same from where they come from.
const COLUMNS_OF_A_KEY: &str = "t.tag, k.id, (k.environment = 'live') | (k.enabled << 1) | ((k.revoked_at IS NOT NULL) << 2) \
     | (EXISTS (SELECT 1 FROM key_restrictions WHERE key_id = k.id) << 3), \
     min(ifnull(k.expires_at, t.expires_at), ifnull(t.expires_at, k.expires_at)), k.owner, k.permissions, k.roles, k.metadata, \
     (SELECT document FROM key_restrictions WHERE key_id = k.id)";
/// Bits of the third column.
const LIVE: i64 = 1;
const ENABLED: i64 = 1 << 1;
const REVOKED: i64 = 1 << 2;
const RESTRICTED: i64 = 1 << 3;
/// The columns of [`COLUMNS`] that make a profile.
const OWNER: usize = 4;
const PERMISSIONS: usize = 5;
const ROLES: usize = 6;
const METADATA: usize = 7;
const RESTRICTIONS: usize = 8;

/// Those rows of a range that a base still has, in the order of their tags.
pub(super) fn page(
    connection: &Connection,
    id: KeyspaceId,
    range: TagRange,
    limit: u32,
    forget_before: Timestamp,
) -> Result<Vec<BaseRow>, StoreError> {
    // An empty blob sorts before every tag, and one byte more than a tag has behind every other of its bytes.
    let after = range.after.map_or_else(Vec::new, |tag| tag.to_vec());
    let through = range.through.map_or_else(|| vec![0xff; 17], |tag| tag.to_vec());
    let sql = format!(
        "SELECT {COLUMNS} FROM base_rows WHERE keyspace_id = ?1 AND tag > ?2 AND tag <= ?3 AND ifnull(revoked_at, ?4) >= ?4 \
         AND ifnull(key_expires_at, ?4) >= ?4 AND ifnull(expires_at, ?4) >= ?4 ORDER BY tag LIMIT ?5"
    );
    let mut reading = Reading::of(connection, id)?;
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement
        .query_map(params![number(id.0), after, through, forget_before.0, limit], |row| reading.row(row))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// All rows of a key.
pub(super) fn of_key(connection: &Connection, id: KeyspaceId, key: i64) -> Result<Vec<BaseRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS_OF_A_KEY} FROM secrets AS t JOIN keys AS k ON k.id = t.key_id WHERE t.key_id = ?1 ORDER BY t.tag"
    );
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
        // Without them the key could do more than it may.
        if has(RESTRICTED) && row.get_ref(RESTRICTIONS)? == ValueRef::Null {
            let what = "a restricted key has no restrictions".to_owned();
            return Err(rusqlite::Error::InvalidColumnType(RESTRICTIONS, what, Type::Null));
        }
        Ok(BaseRow {
            tag: row.get(0)?,
            key_id: KeyId(unsigned(row.get(1)?)),
            environment: if has(LIVE) { Environment::Live } else { Environment::Test },
            enabled: has(ENABLED) && (self.live_keys_work || !has(LIVE)),
            revoked: has(REVOKED),
            expires_at: row.get::<_, Option<i64>>(3)?.map(Timestamp),
            profile: self.profile(row)?,
        })
    }

    fn profile(&mut self, row: &Row<'_>) -> rusqlite::Result<Arc<BaseProfile>> {
        self.columns.clear();
        for column in OWNER..=RESTRICTIONS {
            // No text is as long as what stands for none.
            let (length, text) = match row.get_ref(column)? {
                ValueRef::Text(text) => (text.len(), text),
                _ => (usize::MAX, &[][..]),
            };
            self.columns.extend_from_slice(&length.to_le_bytes());
            self.columns.extend_from_slice(text);
        }
        if let Some(known) = self.profiles.get(&self.columns) {
            return Ok(Arc::clone(known));
        }
        let profile = Arc::new(BaseProfile {
            owner: row.get(OWNER)?,
            permissions: json(row, PERMISSIONS)?,
            roles: json(row, ROLES)?,
            metadata: row.get(METADATA)?,
            restrictions: optional_json(row, RESTRICTIONS)?,
        });
        self.profiles.insert(self.columns.clone(), Arc::clone(&profile));
        Ok(profile)
    }
}
