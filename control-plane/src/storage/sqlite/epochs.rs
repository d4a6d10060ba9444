use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::mutation::{Mutation, Trail};
use super::rows::{number, unsigned};
use super::{SqliteStore, head_keys, holds};
use crate::domain::epoch::{self, FIRST_EPOCH, SignersOf};
use crate::domain::{
    Actor, ChangeKind, ForeignHead, HeadKey, KeyspaceId, LossAccepted, RaisedEpoch, Timestamp,
};
use crate::storage::{Committed, EpochStore, StoreError};

#[async_trait]
impl EpochStore for SqliteStore {
    async fn note_foreign_head(&self, keyspace: KeyspaceId, foreign: ForeignHead) -> Result<(), StoreError> {
        self.keep(move |connection| {
            let known = foreign_head(connection, keyspace)?;
            if known.is_some_and(|known| known.head.high_water() >= foreign.head.high_water()) {
                return Ok(());
            }
            connection
                .prepare_cached(
                    "INSERT INTO foreign_heads (keyspace_id, place, head, known_change_seq, found_at) VALUES (?1, ?2, ?3, ?4, ?5) \
                     ON CONFLICT (keyspace_id) DO UPDATE SET place = excluded.place, head = excluded.head, found_at = excluded.found_at",
                )?
                .execute(params![
                    number(keyspace.0),
                    foreign.place,
                    foreign.bytes,
                    number(foreign.known_change_seq),
                    foreign.found_at.0,
                ])?;
            Ok(())
        })
        .await
    }

    async fn keyspaces_with_foreign_heads(&self) -> Result<Vec<KeyspaceId>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT f.keyspace_id FROM foreign_heads AS f JOIN keyspaces AS s ON s.id = f.keyspace_id \
                 WHERE s.deleted_at IS NULL ORDER BY f.keyspace_id",
            )?;
            let ids = statement.query_map([], |row| Ok(KeyspaceId(unsigned(row.get(0)?))))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn raise_epoch(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        reason: String,
        accepted: LossAccepted,
        at: Timestamp,
    ) -> Result<Committed<RaisedEpoch>, StoreError> {
        self.mutate(actor, at, move |mutation| raise(mutation, keyspace, &reason, accepted)).await
    }
}

fn raise(
    mutation: &mut Mutation<'_>,
    keyspace: KeyspaceId,
    reason: &str,
    accepted: LossAccepted,
) -> Result<Committed<RaisedEpoch>, StoreError> {
    mutation.keyspace(keyspace)?;
    let connection = mutation.connection();
    let current = epoch(connection, keyspace)?;
    let foreign = foreign_head(connection, keyspace)?;
    let signers = signers_of(connection, keyspace, foreign.as_ref())?;
    let raised = epoch::raise(current, foreign.as_ref(), signers, accepted)?;
    connection
        .prepare_cached(
            "INSERT INTO epochs (keyspace_id, epoch) VALUES (?1, ?2) ON CONFLICT (keyspace_id) DO UPDATE SET epoch = excluded.epoch",
        )?
        .execute(params![number(keyspace.0), raised.epoch])?;
    connection
        .prepare_cached("DELETE FROM foreign_heads WHERE keyspace_id = ?1")?
        .execute([number(keyspace.0)])?;
    // What the operator says here is more than that publishing may go on.
    holds::forget_pause(connection, keyspace)?;
    let seq = mutation.next_change_seq(keyspace)?;
    let before = json!({ "epoch": current, "foreign_head": foreign.as_ref().map(ForeignHead::audit_view) });
    let after =
        json!({ "epoch": raised.epoch, "reason": reason, "loss_accepted": accepted == LossAccepted::Yes });
    mutation.record(Trail { keyspace, seq, kind: ChangeKind::EpochRaised, key: None, before, after }, raised)
}

fn signers_of(
    connection: &Connection,
    keyspace: KeyspaceId,
    foreign: Option<&ForeignHead>,
) -> Result<SignersOf, StoreError> {
    let keys = head_keys::sealed_keys(connection, keyspace)?;
    let in_use = keys.iter().map(|sealed| &sealed.key).filter(|key| key.is_in_use());
    let in_use: Vec<_> = in_use.map(HeadKey::id).collect();
    let is_ours = foreign.is_none_or(|foreign| foreign.signers.iter().any(|signer| in_use.contains(signer)));
    Ok(if is_ours { SignersOf::Ours } else { SignersOf::Thief })
}

/// What the next head has at least.
pub(super) fn epoch(connection: &Connection, keyspace: KeyspaceId) -> Result<u32, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT max(ifnull((SELECT epoch FROM epochs WHERE keyspace_id = ?1), ?2), \
         ifnull((SELECT epoch FROM publications WHERE keyspace_id = ?1), ?2))",
    )?;
    Ok(statement.query_row(params![number(keyspace.0), FIRST_EPOCH], |row| row.get(0))?)
}

/// The head that keeps the keyspace from being published, if there is one.
pub(super) fn foreign_head(
    connection: &Connection,
    keyspace: KeyspaceId,
) -> Result<Option<ForeignHead>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT place, head, known_change_seq, found_at FROM foreign_heads WHERE keyspace_id = ?1",
    )?;
    let row = statement.query_row([number(keyspace.0)], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?, row.get(3)?))
    });
    let Some((place, bytes, known, found_at)) = row.optional()? else { return Ok(None) };
    let foreign = ForeignHead::read(place, bytes, unsigned(known), Timestamp(found_at));
    foreign.map(Some).map_err(|refusal| StoreError::backend(format!("a stored head {refusal}")))
}
