//! What keeps keyspaces from being published in full, and telling of it.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::mutation::{Mutation, Trail};
use super::rows::{number, unsigned};
use super::{SqliteStore, epochs, webhooks};
use crate::domain::{
    Actor, ChangeKind, DomainError, EventType, GateRefusal, GateUrl, HeldBase, KeyspaceId, Pause, Timestamp,
};
use crate::storage::{Committed, HoldStore, Holds, StoreError};

#[async_trait]
impl HoldStore for SqliteStore {
    async fn holds(&self, keyspace: KeyspaceId) -> Result<Holds, StoreError> {
        self.read(move |connection| {
            Ok(Holds {
                foreign: epochs::foreign_head(connection, keyspace)?,
                pause: pause(connection, keyspace)?,
            })
        })
        .await
    }

    async fn note_held_base(
        &self,
        keyspace: KeyspaceId,
        held: Option<HeldBase>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.keep_and_tell(move |connection| note_held_base(connection, keyspace, held, at)).await
    }

    async fn note_gate_refusal(&self, keyspace: KeyspaceId, refusal: GateRefusal) -> Result<(), StoreError> {
        self.keep_and_tell(move |connection| note_gate_refusal(connection, keyspace, &refusal)).await
    }

    async fn forget_gate_refusal(&self, keyspace: KeyspaceId, gate: GateUrl) -> Result<(), StoreError> {
        self.keep(move |connection| {
            connection
                .prepare_cached("DELETE FROM gate_refusals WHERE keyspace_id = ?1 AND gate = ?2")?
                .execute(params![number(keyspace.0), gate.as_str()])?;
            Ok(())
        })
        .await
    }

    async fn pause_publishing(&self, keyspace: KeyspaceId, pause: Pause) -> Result<(), StoreError> {
        self.keep_and_tell(move |connection| pause_publishing(connection, keyspace, &pause)).await
    }

    async fn resume_publishing(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        reason: String,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError> {
        self.mutate(actor, at, move |mutation| resume(mutation, keyspace, &reason)).await
    }
}

fn note_held_base(
    connection: &Connection,
    keyspace: KeyspaceId,
    held: Option<HeldBase>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let Some(held) = held else {
        connection
            .prepare_cached("DELETE FROM held_bases WHERE keyspace_id = ?1")?
            .execute([number(keyspace.0)])?;
        return Ok(false);
    };
    // A base that is built again, after a restart say, and held for the same reason is no news.
    let is_new = connection
        .prepare_cached(
            "INSERT INTO held_bases (keyspace_id, reason) VALUES (?1, ?2) \
             ON CONFLICT (keyspace_id) DO UPDATE SET reason = excluded.reason WHERE reason <> excluded.reason",
        )?
        .execute(params![number(keyspace.0), held.reason.as_str()])?;
    if is_new == 0 {
        return Ok(false);
    }
    let data = json!({
        "keyspace_id": keyspace,
        "hold_reason": held.reason.as_str(),
        "change_seq": held.change_seq,
        "rows_before": held.rows_before,
        "rows_after": held.rows_after,
        "refused_by": null,
        "refused_with": null,
    });
    webhooks::tell(connection, keyspace, EventType::SnapshotHeld, data, at)
}

fn note_gate_refusal(
    connection: &Connection,
    keyspace: KeyspaceId,
    refusal: &GateRefusal,
) -> Result<bool, StoreError> {
    let is_new = connection
        .prepare_cached(
            "INSERT INTO gate_refusals (keyspace_id, gate, code) VALUES (?1, ?2, ?3) \
             ON CONFLICT (keyspace_id, gate) DO UPDATE SET code = excluded.code WHERE code <> excluded.code",
        )?
        .execute(params![number(keyspace.0), refusal.gate.as_str(), refusal.code])?;
    if is_new == 0 {
        return Ok(false);
    }
    let data = json!({
        "keyspace_id": keyspace,
        "gate": refusal.gate.as_str(),
        "refused_with": refusal.code,
        "detail": refusal.message,
        "seq": refusal.seq,
    });
    webhooks::tell(connection, keyspace, EventType::GateRefused, data, refusal.at)
}

fn pause_publishing(
    connection: &Connection,
    keyspace: KeyspaceId,
    pause: &Pause,
) -> Result<bool, StoreError> {
    let refusal = &pause.refusal;
    let is_new = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO publishing_pauses (keyspace_id, gate, code, message, seq, change_seq, confirmed, at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            number(keyspace.0),
            refusal.gate.as_str(),
            refusal.code,
            refusal.message,
            number(refusal.seq),
            number(pause.change_seq),
            pause.is_confirmed,
            refusal.at.0,
        ])?;
    if is_new == 0 {
        return Ok(false);
    }
    let data = json!({
        "keyspace_id": keyspace,
        "hold_reason": "refused",
        "change_seq": pause.change_seq,
        "rows_before": null,
        "rows_after": null,
        "refused_by": refusal.gate.as_str(),
        "refused_with": refusal.code,
    });
    webhooks::tell(connection, keyspace, EventType::SnapshotHeld, data, refusal.at)
}

fn resume(
    mutation: &mut Mutation<'_>,
    keyspace: KeyspaceId,
    reason: &str,
) -> Result<Committed<()>, StoreError> {
    mutation.keyspace(keyspace)?;
    let pause = pause(mutation.connection(), keyspace)?.ok_or(DomainError::NotPaused)?;
    let seq = mutation.next_change_seq(keyspace)?;
    forget_pause(mutation.connection(), keyspace)?;
    let refusal = &pause.refusal;
    let before = json!({
        "paused_at": refusal.at,
        "gate": refusal.gate.as_str(),
        "code": refusal.code,
        "seq": refusal.seq,
        "change_seq": pause.change_seq,
    });
    let (kind, after) = (ChangeKind::PublishingResumed, json!({ "reason": reason }));
    mutation.record(Trail { keyspace, seq, kind, key: None, before, after }, ())
}

/// Whether nothing but revocations is published, and why.
pub(super) fn pause(connection: &Connection, keyspace: KeyspaceId) -> Result<Option<Pause>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT gate, code, message, seq, change_seq, confirmed, at FROM publishing_pauses WHERE keyspace_id = ?1",
    )?;
    let found = statement.query_row([number(keyspace.0)], |row| {
        Ok(Pause {
            refusal: GateRefusal {
                gate: GateUrl::from_stored(row.get(0)?),
                code: row.get(1)?,
                message: row.get(2)?,
                seq: unsigned(row.get(3)?),
                at: Timestamp(row.get(6)?),
            },
            change_seq: unsigned(row.get(4)?),
            is_confirmed: row.get(5)?,
        })
    });
    Ok(found.optional()?)
}

pub(super) fn forget_pause(connection: &Connection, keyspace: KeyspaceId) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM publishing_pauses WHERE keyspace_id = ?1")?
        .execute([number(keyspace.0)])?;
    Ok(())
}
