//! Between rows and domain types. Everything here reads within the caller's transaction.

use latchkey_token::{Digest, Prefix};
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;

use super::{restrictions, roles, upstream};
use crate::domain::audit::AuditEntry;
use crate::domain::error::ObjectKind;
use crate::domain::upstream_credential::GateEncryptionKey;
use crate::domain::{
    DomainError, Freshness, GateUrl, Key, KeyId, KeyRules, Keyspace, KeyspaceId, Kill, LeakPolicy, OnExpired,
    PolicyState, Revocation, RevocationReason, Secret, SecretId, ServedEnvironment, Timestamp, WorkspaceId,
};
use crate::storage::StoreError;

/// Ids and sequence numbers stay below 2^63: the id parser and the calendar see to it.
pub(super) fn number(value: u64) -> i64 {
    value as i64
}

pub(super) fn unsigned(value: i64) -> u64 {
    value as u64
}

/// The tag under the scheme that all keyspaces have so far: the first half of the digest.
pub(super) fn tag(digest: &Digest) -> [u8; 16] {
    let mut tag = [0; 16];
    tag.copy_from_slice(&digest.0[..16]);
    tag
}

const KEYSPACE_COLUMNS: &str = "id, workspace_id, name, prefix, environment, gates, fresh_seconds, valid_seconds, \
     on_expired, change_seq, created_at, updated_at, deleted_at, keys_quota, owner_quota, leak_policy, retention_days, \
     default_expiry_days, foreign_tokens, (SELECT request_log_days FROM request_log_rules AS r WHERE r.keyspace_id = keyspaces.id), \
     (SELECT public_key FROM gate_encryption_keys AS g WHERE g.keyspace_id = keyspaces.id), \
     kills.seq, kills.at, kills.reason, \
     (SELECT json_group_array(json_object('name', name, 'target', json(target)) ORDER BY position) FROM sinks AS k \
      WHERE k.keyspace_id = keyspaces.id)";

const KEYSPACES: &str = "keyspaces JOIN key_rules ON key_rules.keyspace_id = id \
     LEFT JOIN keyspace_kills AS kills ON kills.keyspace_id = id";

pub(super) fn keyspace(
    connection: &Connection,
    workspace: WorkspaceId,
    id: KeyspaceId,
) -> Result<Option<Keyspace>, StoreError> {
    let sql = format!(
        "SELECT {KEYSPACE_COLUMNS} FROM {KEYSPACES} WHERE id = ?1 AND workspace_id = ?2 AND deleted_at IS NULL"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row(params![number(id.0), number(workspace.0)], read_keyspace).optional()?)
}

/// A keyspace of a workspace, which has to be there.
pub(super) fn found_keyspace(
    connection: &Connection,
    workspace: WorkspaceId,
    id: KeyspaceId,
) -> Result<Keyspace, StoreError> {
    keyspace(connection, workspace, id)?.ok_or_else(|| DomainError::NotFound(ObjectKind::Keyspace).into())
}

pub(super) fn any_keyspace(connection: &Connection, id: KeyspaceId) -> Result<Option<Keyspace>, StoreError> {
    let sql = format!("SELECT {KEYSPACE_COLUMNS} FROM {KEYSPACES} WHERE id = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([number(id.0)], read_keyspace).optional()?)
}

pub(super) fn keyspaces(
    connection: &Connection,
    workspace: WorkspaceId,
    before: i64,
    limit: u32,
) -> Result<Vec<Keyspace>, StoreError> {
    let sql = format!(
        "SELECT {KEYSPACE_COLUMNS} FROM {KEYSPACES} WHERE workspace_id = ?1 AND id < ?2 AND deleted_at IS NULL ORDER BY id DESC LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![number(workspace.0), before, limit], read_keyspace)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_keyspace(row: &Row<'_>) -> rusqlite::Result<Keyspace> {
    let gates: Vec<String> = json(row, 5)?;
    Ok(Keyspace {
        id: KeyspaceId(unsigned(row.get(0)?)),
        workspace_id: WorkspaceId(unsigned(row.get(1)?)),
        name: row.get(2)?,
        prefix: parsed(row, 3, Prefix::new)?,
        environment: parsed(row, 4, ServedEnvironment::parse)?,
        gates: gates.into_iter().map(GateUrl::from_stored).collect(),
        sinks: json(row, 24)?,
        freshness: Freshness {
            fresh_seconds: row.get(6)?,
            valid_seconds: row.get(7)?,
            on_expired: parsed(row, 8, OnExpired::parse)?,
        },
        kill: row.get::<_, Option<i64>>(21)?.map(|seq| read_kill(row, seq)).transpose()?,
        change_seq: unsigned(row.get(9)?),
        created_at: Timestamp(row.get(10)?),
        updated_at: Timestamp(row.get(11)?),
        deleted_at: row.get::<_, Option<i64>>(12)?.map(Timestamp),
        rules: KeyRules {
            keys_quota: row.get::<_, Option<i64>>(13)?.map(unsigned),
            owner_quota: row.get::<_, Option<i64>>(14)?.map(unsigned),
            leak_policy: parsed(row, 15, LeakPolicy::parse)?,
            retention_days: row.get(16)?,
            default_expiry_days: row.get(17)?,
            foreign_tokens: row.get(18)?,
            request_log_days: row
                .get::<_, Option<u32>>(19)?
                .unwrap_or_else(|| KeyRules::default().request_log_days),
        },
        gate_encryption_key: row.get::<_, Option<[u8; 32]>>(20)?.map(GateEncryptionKey),
    })
}

fn read_kill(row: &Row<'_>, seq: i64) -> rusqlite::Result<Kill> {
    Ok(Kill { seq: unsigned(seq), at: Timestamp(row.get(22)?), reason: row.get(23)? })
}

pub(super) fn policy(connection: &Connection, id: KeyspaceId) -> Result<Option<PolicyState>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT document, updated_at FROM policies WHERE keyspace_id = ?1")?;
    let policy = statement.query_row([number(id.0)], |row| {
        Ok(PolicyState {
            keyspace_id: id,
            policy: json(row, 0)?,
            roles: Vec::new(),
            upstream_credentials: Vec::new(),
            updated_at: Timestamp(row.get(1)?),
        })
    });
    let Some(policy) = policy.optional()? else { return Ok(None) };
    Ok(Some(PolicyState {
        roles: roles::all(connection, id)?,
        upstream_credentials: upstream::all(connection, id)?,
        ..policy
    }))
}

/// The columns of [`read_key`], for queries with `keys AS k`.
pub(super) const KEY_COLUMNS: &str = "k.id, k.keyspace_id, k.name, k.description, k.environment, k.owner, k.tags, k.metadata, k.enabled, \
     k.expires_at, k.permissions, k.roles, k.change_seq, k.created_at, k.updated_at, k.revoked_at, k.revoked_reason, \
     (SELECT note FROM revocation_notes WHERE key_id = k.id), (SELECT external_id FROM external_ids WHERE key_id = k.id), \
     (SELECT document FROM key_restrictions WHERE key_id = k.id)";

pub(super) fn key(
    connection: &Connection,
    workspace: WorkspaceId,
    id: KeyId,
) -> Result<Option<Key>, StoreError> {
    let sql = format!(
        "SELECT {KEY_COLUMNS} FROM keys AS k JOIN keyspaces AS s ON s.id = k.keyspace_id \
         WHERE k.id = ?1 AND s.workspace_id = ?2 AND s.deleted_at IS NULL"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let key = statement.query_row(params![number(id.0), number(workspace.0)], read_key).optional()?;
    key.map(|key| with_secrets(connection, key)).transpose()
}

/// A key of a workspace, which has to be there.
pub(super) fn found_key(
    connection: &Connection,
    workspace: WorkspaceId,
    id: KeyId,
) -> Result<Key, StoreError> {
    key(connection, workspace, id)?.ok_or_else(|| DomainError::NotFound(ObjectKind::Key).into())
}

/// A key without its secrets.
pub(super) fn read_key(row: &Row<'_>) -> rusqlite::Result<Key> {
    let revoked_at: Option<i64> = row.get(15)?;
    let revocation = match revoked_at {
        Some(at) => Some(Revocation {
            at: Timestamp(at),
            reason: parsed(row, 16, RevocationReason::parse)?,
            note: row.get(17)?,
        }),
        None => None,
    };
    Ok(Key {
        id: KeyId(unsigned(row.get(0)?)),
        keyspace_id: KeyspaceId(unsigned(row.get(1)?)),
        name: row.get(2)?,
        description: row.get(3)?,
        environment: parsed(row, 4, |text| text.parse())?,
        owner: row.get(5)?,
        tags: json(row, 6)?,
        metadata: json(row, 7)?,
        enabled: row.get(8)?,
        expires_at: row.get::<_, Option<i64>>(9)?.map(Timestamp),
        permissions: json(row, 10)?,
        roles: json(row, 11)?,
        secrets: Vec::new(),
        change_seq: unsigned(row.get(12)?),
        created_at: Timestamp(row.get(13)?),
        updated_at: Timestamp(row.get(14)?),
        revocation,
        external_id: row.get(18)?,
        restrictions: optional_json(row, 19)?.unwrap_or_default(),
    })
}

pub(super) fn with_secrets(connection: &Connection, mut key: Key) -> Result<Key, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, digest, start, created_at, expires_at, (SELECT at FROM last_used WHERE secret_id = id) \
         FROM secrets WHERE key_id = ?1 ORDER BY id",
    )?;
    let secrets = statement.query_map([number(key.id.0)], |row| {
        Ok(Secret {
            id: SecretId(unsigned(row.get(0)?)),
            digest: Digest(row.get(1)?),
            start: row.get(2)?,
            created_at: Timestamp(row.get(3)?),
            expires_at: row.get::<_, Option<i64>>(4)?.map(Timestamp),
            last_used_at: row.get::<_, Option<i64>>(5)?.map(Timestamp),
        })
    })?;
    key.secrets = secrets.collect::<Result<_, _>>()?;
    if let Some(credits) = &mut key.restrictions.credits {
        credits.used = restrictions::use_of(connection, key.id)?;
    }
    Ok(key)
}

pub(super) fn insert_audit(connection: &Connection, entry: &AuditEntry) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO audit (workspace_id, seq, at, actor, request_id, action, object, before, after, previous_hash, hash) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            number(entry.workspace_id.0),
            number(entry.seq),
            entry.at.0,
            entry.actor,
            entry.request_id,
            entry.action,
            entry.object,
            entry.before,
            entry.after,
            entry.previous_hash,
            entry.hash,
        ])?;
    let (workspace, seq) = (number(entry.workspace_id.0), number(entry.seq));
    connection
        .prepare_cached(
            "INSERT INTO audit_origins (workspace_id, seq, source, keyspace_id) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![workspace, seq, entry.source, entry.keyspace_id.map(|id| number(id.0))])?;
    if let Some(session) = entry.session_id {
        connection
            .prepare_cached("INSERT INTO audit_sessions (workspace_id, seq, session_id) VALUES (?1, ?2, ?3)")?
            .execute(params![workspace, seq, number(session.0)])?;
    }
    connection
        .prepare_cached(
            "INSERT INTO audit_ends (workspace_id, seq, hash) VALUES (?1, ?2, ?3) \
             ON CONFLICT (workspace_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
        )?
        .execute(params![workspace, seq, entry.hash])?;
    Ok(())
}

/// Reads a column that holds JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    json_text(column, &text)
}

/// As [`json`], for text that was found in a column.
pub(super) fn json_text<T: DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// As [`json`], for a column that may be NULL.
pub(super) fn optional_json<T: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<T>> {
    if row.get_ref(column)? == ValueRef::Null { Ok(None) } else { json(row, column).map(Some) }
}

/// Reads a column whose text has a grammar.
pub(super) fn parsed<T, E: ToString>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.to_string().into())
    })
}

/// JSON text of something whose serialization cannot fail: texts, numbers, lists and maps with text keys.
pub(super) fn to_json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Backend {
        message: "a value has no JSON form".into(),
        source: Some(Box::new(error)),
    })
}
