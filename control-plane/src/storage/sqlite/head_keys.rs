use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};

use super::SqliteStore;
use super::mutation::{Mutation, Trail};
use super::rows::{self, number, parsed};
use crate::domain::{
    Actor, ChangeKind, DomainError, HeadKey, HeadKeyState, KeyspaceId, Timestamp, WorkspaceId,
};
use crate::storage::{Committed, HeadKeyStore, SealedHeadKey, SealedSigningKey, StoreError};

#[async_trait]
impl HeadKeyStore for SqliteStore {
    async fn head_keys(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
    ) -> Result<Vec<HeadKey>, StoreError> {
        self.read(move |connection| {
            rows::found_keyspace(connection, workspace, keyspace)?;
            keys(connection, keyspace)
        })
        .await
    }

    async fn rotate_head_key(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        key: SealedSigningKey,
        overlap_ends: Timestamp,
        at: Timestamp,
    ) -> Result<Committed<Vec<HeadKey>>, StoreError> {
        self.mutate(actor, at, move |mutation| rotate(mutation, keyspace, &key, overlap_ends)).await
    }

    async fn complete_head_key_rotation(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        at: Timestamp,
    ) -> Result<Committed<Vec<HeadKey>>, StoreError> {
        self.mutate(actor, at, move |mutation| complete(mutation, keyspace)).await
    }

    async fn replace_head_key(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        key: SealedSigningKey,
        reason: String,
        at: Timestamp,
    ) -> Result<Committed<Vec<HeadKey>>, StoreError> {
        self.mutate(actor, at, move |mutation| replace(mutation, keyspace, &key, &reason)).await
    }
}

fn rotate(
    mutation: &mut Mutation<'_>,
    keyspace: KeyspaceId,
    key: &SealedSigningKey,
    overlap_ends: Timestamp,
) -> Result<Committed<Vec<HeadKey>>, StoreError> {
    let before = keys_of(mutation, keyspace)?;
    if let Some(next) = before.iter().find(|key| key.state == HeadKeyState::Next) {
        return Err(DomainError::HeadKeyRotating { next: next.id() }.into());
    }
    mutation
        .connection()
        .prepare_cached("UPDATE head_keys SET not_after = ?2 WHERE keyspace_id = ?1 AND state = 'current'")?
        .execute(params![number(keyspace.0), overlap_ends.0])?;
    insert(mutation.connection(), keyspace, key, HeadKeyState::Next, mutation.at, mutation.at)?;
    record(mutation, keyspace, ChangeKind::HeadKeyRotated, &before, json!({}))
}

fn complete(
    mutation: &mut Mutation<'_>,
    keyspace: KeyspaceId,
) -> Result<Committed<Vec<HeadKey>>, StoreError> {
    let before = keys_of(mutation, keyspace)?;
    if !before.iter().any(|key| key.state == HeadKeyState::Next) {
        return Err(DomainError::HeadKeyNotRotating.into());
    }
    retire(mutation, keyspace, &[HeadKeyState::Current])?;
    mutation
        .connection()
        .prepare_cached("UPDATE head_keys SET state = 'current' WHERE keyspace_id = ?1 AND state = 'next'")?
        .execute([number(keyspace.0)])?;
    record(mutation, keyspace, ChangeKind::HeadKeyRotationCompleted, &before, json!({}))
}

fn replace(
    mutation: &mut Mutation<'_>,
    keyspace: KeyspaceId,
    key: &SealedSigningKey,
    reason: &str,
) -> Result<Committed<Vec<HeadKey>>, StoreError> {
    let before = keys_of(mutation, keyspace)?;
    retire(mutation, keyspace, &[HeadKeyState::Current, HeadKeyState::Next])?;
    insert(mutation.connection(), keyspace, key, HeadKeyState::Current, mutation.at, mutation.at)?;
    record(mutation, keyspace, ChangeKind::HeadKeyReplaced, &before, json!({ "reason": reason }))
}

/// The keys of the actor's keyspace.
fn keys_of(mutation: &Mutation<'_>, keyspace: KeyspaceId) -> Result<Vec<HeadKey>, StoreError> {
    mutation.keyspace(keyspace)?;
    keys(mutation.connection(), keyspace)
}

/// Stores a key that signs from `not_before` on.
pub(super) fn insert(
    connection: &Connection,
    keyspace: KeyspaceId,
    key: &SealedSigningKey,
    state: HeadKeyState,
    not_before: Timestamp,
    at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO head_keys (keyspace_id, public_key, sealed_seed, state, not_before, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            number(keyspace.0),
            key.public_key,
            key.sealed_seed,
            state.as_str(),
            not_before.0,
            at.0
        ])?;
    Ok(())
}

fn retire(mutation: &Mutation<'_>, keyspace: KeyspaceId, states: &[HeadKeyState]) -> Result<(), StoreError> {
    for state in states {
        mutation
            .connection()
            .prepare_cached(
                "UPDATE head_keys SET state = 'retired', sealed_seed = NULL, retired_at = ?3, \
                 not_after = min(ifnull(not_after, ?3), ?3) WHERE keyspace_id = ?1 AND state = ?2",
            )?
            .execute(params![number(keyspace.0), state.as_str(), mutation.at.0])?;
    }
    Ok(())
}

fn record(
    mutation: &mut Mutation<'_>,
    keyspace: KeyspaceId,
    kind: ChangeKind,
    before: &[HeadKey],
    mut after: Value,
) -> Result<Committed<Vec<HeadKey>>, StoreError> {
    let now = keys(mutation.connection(), keyspace)?;
    after["signing_keys"] = audit_view(&now);
    let before = json!({ "signing_keys": audit_view(before) });
    let seq = mutation.next_change_seq(keyspace)?;
    mutation.record(Trail { keyspace, seq, kind, key: None, before, after }, now)
}

/// Retired ones are in the rows before.
fn audit_view(keys: &[HeadKey]) -> Value {
    keys.iter().filter(|key| key.is_in_use()).map(HeadKey::audit_view).collect()
}

fn keys(connection: &Connection, keyspace: KeyspaceId) -> Result<Vec<HeadKey>, StoreError> {
    Ok(sealed_keys(connection, keyspace)?.into_iter().map(|sealed| sealed.key).collect())
}

/// Every key of a keyspace, in the order of [`crate::storage::Signing::keys`].
pub(super) fn sealed_keys(
    connection: &Connection,
    keyspace: KeyspaceId,
) -> Result<Vec<SealedHeadKey>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT public_key, sealed_seed, state, not_before, not_after, created_at, retired_at FROM head_keys \
         WHERE keyspace_id = ?1 ORDER BY state, retired_at DESC, created_at DESC",
    )?;
    let keys = statement.query_map([number(keyspace.0)], read)?;
    let mut keys = keys.collect::<Result<Vec<_>, _>>()?;
    keys.sort_by_key(|sealed| sealed.key.state);
    Ok(keys)
}

fn read(row: &Row<'_>) -> rusqlite::Result<SealedHeadKey> {
    Ok(SealedHeadKey {
        key: HeadKey {
            public_key: row.get(0)?,
            state: parsed(row, 2, |name| {
                HeadKeyState::from_stored(name).ok_or("not a state of a signing key")
            })?,
            not_before: Timestamp(row.get(3)?),
            not_after: row.get::<_, Option<i64>>(4)?.map(Timestamp),
            created_at: Timestamp(row.get(5)?),
            retired_at: row.get::<_, Option<i64>>(6)?.map(Timestamp),
        },
        sealed_seed: row.get(1)?,
    })
}
