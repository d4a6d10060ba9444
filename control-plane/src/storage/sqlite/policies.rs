use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::mutation::{Mutation, Trail};
use super::rows::number;
use super::{SqliteStore, rows};
use crate::domain::{Actor, ChangeKind, KeyspaceId, Policy, PolicyState, Timestamp, WorkspaceId};
use crate::storage::{Committed, PolicyStore, StoreError};

#[async_trait]
impl PolicyStore for SqliteStore {
    async fn policy(&self, workspace: WorkspaceId, id: KeyspaceId) -> Result<PolicyState, StoreError> {
        self.read(move |connection| {
            rows::found_keyspace(connection, workspace, id)?;
            stored(connection, id)
        })
        .await
    }

    async fn replace_policy(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        policy: Policy,
        at: Timestamp,
    ) -> Result<Committed<PolicyState>, StoreError> {
        self.mutate(actor, at, move |mutation| replace(mutation, id, policy)).await
    }
}

fn replace(
    mutation: &mut Mutation<'_>,
    id: KeyspaceId,
    policy: Policy,
) -> Result<Committed<PolicyState>, StoreError> {
    mutation.keyspace(id)?;
    let mut state = stored(mutation.connection(), id)?;
    let before = serde_json::to_value(&state.policy).unwrap_or_default();
    state.replace(policy, mutation.at)?;
    let seq = mutation.next_change_seq(id)?;
    mutation
        .connection()
        .prepare_cached("UPDATE policies SET document = ?2, updated_at = ?3 WHERE keyspace_id = ?1")?
        .execute(params![number(id.0), rows::to_json(&state.policy)?, state.updated_at.0])?;
    let after = serde_json::to_value(&state.policy).unwrap_or_default();
    let trail = Trail { keyspace: id, seq, kind: ChangeKind::PolicyReplaced, key: None, before, after };
    mutation.record(trail, state)
}

/// Puts the first policy of a keyspace in place.
pub(super) fn insert(connection: &Connection, state: &PolicyState) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO policies (keyspace_id, document, role_numbers, updated_at) VALUES (?1, ?2, '{}', ?3)",
        )?
        .execute(params![
            number(state.keyspace_id.0),
            rows::to_json(&state.policy)?,
            state.updated_at.0
        ])?;
    Ok(())
}

/// The policy of a keyspace that exists.
pub(super) fn stored(connection: &Connection, id: KeyspaceId) -> Result<PolicyState, StoreError> {
    rows::policy(connection, id)?
        .ok_or_else(|| StoreError::backend(format!("the keyspace {id} has no policy row")))
}
