//! What has to be unique or bounded among keys. Called within the transaction that makes the change.

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{number, unsigned};
use crate::domain::{DomainError, KeyId, Keyspace, KeyspaceId, WorkspaceId};
use crate::storage::StoreError;
use latchkey_token::Digest;

/// Refuses a key more of this owner if a quota is used up.
pub(super) fn refuse_at_quota(
    connection: &Connection,
    keyspace: &Keyspace,
    owner: Option<&str>,
) -> Result<(), StoreError> {
    let id = number(keyspace.id.0);
    if let Some(limit) = keyspace.rules.keys_quota {
        // Counts in the index of names, and no further than the quota.
        let sql = "SELECT count(*) FROM (SELECT 1 FROM keys WHERE keyspace_id = ?1 AND revoked_at IS NULL LIMIT ?2)";
        let found: i64 =
            connection.prepare_cached(sql)?.query_row(params![id, number(limit)], |row| row.get(0))?;
        if unsigned(found) >= limit {
            return Err(quota_reached("the keyspace", "quotas.keys", limit));
        }
    }
    if let Some(limit) = keyspace.rules.owner_quota {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM keys WHERE keyspace_id = ?1 AND ifnull(owner, '') = ?3 \
                   AND revoked_at IS NULL LIMIT ?2)";
        let found: i64 = connection
            .prepare_cached(sql)?
            .query_row(params![id, number(limit), owner.unwrap_or_default()], |row| row.get(0))?;
        if unsigned(found) >= limit {
            return Err(quota_reached("the owner", "quotas.keys_per_owner", limit));
        }
    }
    Ok(())
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
