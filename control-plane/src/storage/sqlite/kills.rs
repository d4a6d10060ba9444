//! Shutting many keys out at once, and what the publisher reads of it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rusqlite::{Connection, params};
use serde_json::json;

use super::SqliteStore;
use super::mutation::{Mutation, Trail};
use super::rows::{number, unsigned};
use crate::domain::{Actor, ChangeKind, Keyspace, KeyspaceId, Kill, Timestamp};
use crate::storage::{Committed, KillStore, RevokedOwner, StoreError};

#[async_trait]
impl KillStore for SqliteStore {
    async fn kill_keyspace(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        reason: String,
        at: Timestamp,
    ) -> Result<Committed<Keyspace>, StoreError> {
        self.mutate(actor, at, move |mutation| kill(mutation, id, reason)).await
    }

    async fn revive_keyspace(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        reason: String,
        at: Timestamp,
    ) -> Result<Committed<Keyspace>, StoreError> {
        self.mutate(actor, at, move |mutation| revive(mutation, id, reason)).await
    }

    async fn override_guard(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        change_seq: u64,
        reason: String,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError> {
        self.mutate(actor, at, move |mutation| override_guard(mutation, id, change_seq, &reason)).await
    }

    async fn revoke_owner(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        owner: String,
        reason: String,
        at: Timestamp,
    ) -> Result<Committed<u64>, StoreError> {
        self.mutate(actor, at, move |mutation| revoke_owner(mutation, id, owner, reason)).await
    }
}

fn kill(
    mutation: &mut Mutation<'_>,
    id: KeyspaceId,
    reason: String,
) -> Result<Committed<Keyspace>, StoreError> {
    let mut keyspace = mutation.keyspace(id)?;
    if let Some(kill) = &keyspace.kill {
        let change_seq = kill.seq;
        return Ok(Committed { value: keyspace, change_seq });
    }
    let seq = mutation.next_change_seq(id)?;
    mutation
        .connection()
        .prepare_cached("INSERT INTO keyspace_kills (keyspace_id, seq, at, reason) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![number(id.0), number(seq), mutation.at.0, reason])?;
    let after = json!({ "killed": true, "reason": reason });
    keyspace.kill = Some(Kill { seq, at: mutation.at, reason });
    keyspace.change_seq = seq;
    let before = json!({ "killed": false });
    let trail = Trail { keyspace: id, seq, kind: ChangeKind::KeyspaceKilled, key: None, before, after };
    mutation.record(trail, keyspace)
}

fn revive(
    mutation: &mut Mutation<'_>,
    id: KeyspaceId,
    reason: String,
) -> Result<Committed<Keyspace>, StoreError> {
    let mut keyspace = mutation.keyspace(id)?;
    let Some(kill) = keyspace.kill.take() else {
        let change_seq = keyspace.change_seq;
        return Ok(Committed { value: keyspace, change_seq });
    };
    let seq = mutation.next_change_seq(id)?;
    mutation
        .connection()
        .prepare_cached("DELETE FROM keyspace_kills WHERE keyspace_id = ?1")?
        .execute([number(id.0)])?;
    keyspace.change_seq = seq;
    let before = json!({ "killed": true, "at": kill.at, "reason": kill.reason });
    let after = json!({ "killed": false, "reason": reason });
    let trail = Trail { keyspace: id, seq, kind: ChangeKind::KeyspaceRevived, key: None, before, after };
    mutation.record(trail, keyspace)
}

fn override_guard(
    mutation: &mut Mutation<'_>,
    id: KeyspaceId,
    change_seq: u64,
    reason: &str,
) -> Result<Committed<()>, StoreError> {
    mutation.keyspace(id)?;
    let seq = mutation.next_change_seq(id)?;
    mutation
        .connection()
        .prepare_cached("INSERT OR REPLACE INTO guard_overrides (keyspace_id, change_seq) VALUES (?1, ?2)")?
        .execute(params![number(id.0), number(change_seq)])?;
    let after = json!({ "base_change_seq": change_seq, "reason": reason });
    let (kind, before) = (ChangeKind::GuardOverridden, serde_json::Value::Null);
    mutation.record(Trail { keyspace: id, seq, kind, key: None, before, after }, ())
}

fn revoke_owner(
    mutation: &mut Mutation<'_>,
    id: KeyspaceId,
    owner: String,
    reason: String,
) -> Result<Committed<u64>, StoreError> {
    mutation.keyspace(id)?;
    let seq = mutation.next_change_seq(id)?;
    let connection = mutation.connection();
    connection
        .prepare_cached(
            "INSERT INTO revocation_notes SELECT id, ?3 FROM keys WHERE keyspace_id = ?1 AND ifnull(owner, '') = ?2 AND revoked_at IS NULL",
        )?
        .execute(params![number(id.0), owner, reason])?;
    let revoked = connection
        .prepare_cached(
            "UPDATE keys SET revoked_at = ?3, revoked_reason = 'admin', updated_at = ?3, change_seq = ?4 \
             WHERE keyspace_id = ?1 AND ifnull(owner, '') = ?2 AND revoked_at IS NULL",
        )?
        .execute(params![number(id.0), owner, mutation.at.0, number(seq)])?;
    connection
        .prepare_cached("INSERT INTO owner_kills (keyspace_id, seq, owner) VALUES (?1, ?2, ?3)")?
        .execute(params![number(id.0), number(seq), owner])?;
    let after = json!({ "owner": owner, "keys_revoked": revoked, "reason": reason });
    let trail = Trail {
        keyspace: id,
        seq,
        kind: ChangeKind::OwnerRevoked,
        key: None,
        before: json!({ "owner": owner }),
        after,
    };
    mutation.record(trail, revoked as u64)
}

/// Owners whose keys were revoked at once after change `after`, each with the last time.
pub(super) fn owner_kills(
    connection: &Connection,
    id: KeyspaceId,
    after: u64,
) -> Result<Vec<RevokedOwner>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT owner, seq FROM owner_kills WHERE keyspace_id = ?1 AND seq > ?2 ORDER BY seq",
    )?;
    let kills = statement.query_map(params![number(id.0), number(after)], |row| {
        Ok((row.get::<_, String>(0)?, unsigned(row.get(1)?)))
    })?;
    let last: BTreeMap<String, u64> = kills.collect::<Result<_, _>>()?;
    Ok(last.into_iter().map(|(owner, seq)| RevokedOwner { owner, seq }).collect())
}
