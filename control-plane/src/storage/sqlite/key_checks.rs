//! What has to be unique or bounded among keys. Called within the transaction that makes the change.

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{number, unsigned};
use crate::domain::{DomainError, KeyId, Keyspace, KeyspaceId, WorkspaceId};
use crate::storage::StoreError;
use latchkey_token::Digest;

/// Refuses a key more of this owner if a quota is used up. The last of all checks: from here on rows are touched, be it only the count of an
/// owner's keys.
pub(super) fn refuse_at_quota(
    connection: &Connection,
    keyspace: &Keyspace,
    owner: Option<&str>,
) -> Result<(), StoreError> {
    if let Some(limit) = keyspace.rules.keys_quota
        && live_keys(connection, keyspace.id, Scope::Keyspace, limit)? >= limit
    {
        return Err(quota_reached("the keyspace", "quotas.keys", limit));
    }
    if let Some(limit) = keyspace.rules.owner_quota
        && live_keys(connection, keyspace.id, Scope::Owner(owner.unwrap_or_default()), limit)? >= limit
    {
        return Err(quota_reached("the owner", "quotas.keys_per_owner", limit));
    }
    Ok(())
}

/// Whose live keys are counted.
#[derive(Clone, Copy)]
enum Scope<'a> {
    Keyspace,
    /// Keys without an owner are those of the owner whose name is empty.
    Owner(&'a str),
}

/// How many there are, or `limit` if there are more. An owner's are counted the first time; from then on the database keeps the count, as it does
/// for a keyspace from the moment that it has a quota.
fn live_keys(
    connection: &Connection,
    keyspace: KeyspaceId,
    scope: Scope<'_>,
    limit: u64,
) -> Result<u64, StoreError> {
    let id = number(keyspace.0);
    let (name, owner) = match scope {
        Scope::Keyspace => (String::new(), None),
        Scope::Owner(owner) => (format!("o{owner}"), Some(owner)),
    };
    let kept: Option<i64> = connection
        .prepare_cached("SELECT live FROM live_key_counts WHERE keyspace_id = ?1 AND scope = ?2")?
        .query_row(params![id, name], |row| row.get(0))
        .optional()?;
    if let Some(live) = kept {
        return Ok(unsigned(live).min(limit));
    }
    let condition = if owner.is_some() { "AND ifnull(owner, '') = ?3" } else { "AND ?3 IS NULL" };
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM keys WHERE keyspace_id = ?1 {condition} AND revoked_at IS NULL LIMIT ?2)"
    );
    let found: i64 =
        connection.prepare_cached(&sql)?.query_row(params![id, number(limit), owner], |row| row.get(0))?;
    // At the limit there may be more, and whoever is refused touches no row.
    if owner.is_some() && unsigned(found) < limit {
        connection
            .prepare_cached("INSERT INTO live_key_counts (keyspace_id, scope, live) VALUES (?1, ?2, ?3)")?
            .execute(params![id, name, found])?;
    }
    Ok(unsigned(found))
}

fn quota_reached(scope: &'static str, setting: &'static str, limit: u64) -> StoreError {
    DomainError::QuotaReached { scope, setting, limit }.into()
}

/// Refuses a token that stands or stood for any key of the workspace.
pub(super) fn refuse_used_token(
    connection: &Connection,
    workspace: WorkspaceId,
    digest: &Digest,
) -> Result<(), StoreError> {
    let used: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM secrets AS t JOIN keyspaces AS s ON s.id = t.keyspace_id \
                 WHERE t.digest = ?2 AND s.workspace_id = ?1) \
             OR EXISTS (SELECT 1 FROM purged_secrets WHERE workspace_id = ?1 AND digest = ?2)",
        )?
        .query_row(params![number(workspace.0), digest.0], |row| row.get(0))?;
    if used { Err(DomainError::TokenAlreadyUsed.into()) } else { Ok(()) }
}

pub(super) fn key_of_external_id(
    connection: &Connection,
    keyspace: KeyspaceId,
    external_id: &str,
) -> Result<Option<KeyId>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT key_id FROM external_ids WHERE keyspace_id = ?1 AND external_id = ?2")?;
    let key = statement.query_row(params![number(keyspace.0), external_id], |row| row.get(0)).optional()?;
    Ok(key.map(|key| KeyId(unsigned(key))))
}

pub(super) fn holder_of_name(
    connection: &Connection,
    keyspace: KeyspaceId,
    owner: Option<&str>,
    name: &str,
) -> Result<Option<KeyId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM keys WHERE keyspace_id = ?1 AND ifnull(owner, '') = ?2 AND name = ?3 AND revoked_at IS NULL",
    )?;
    let holder =
        statement.query_row(params![number(keyspace.0), owner.unwrap_or_default(), name], |row| row.get(0));
    Ok(holder.optional()?.map(|id| KeyId(unsigned(id))))
}

pub(super) fn refuse_taken_name(
    connection: &Connection,
    keyspace: KeyspaceId,
    owner: Option<&str>,
    name: &str,
    itself: Option<KeyId>,
) -> Result<(), StoreError> {
    match holder_of_name(connection, keyspace, owner, name)? {
        Some(holder) if Some(holder) != itself => {
            Err(DomainError::NameTaken { name: name.to_owned(), holder }.into())
        }
        _ => Ok(()),
    }
}
