//! What narrows keys: one document for each key that has any of it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use super::mutation::{Mutation, Trail};
use super::rows::{self, number, unsigned};
use super::{News, SqliteStore, usage, webhooks};
use crate::domain::event;
use crate::domain::restrictions::{CreditUse, Delta};
use crate::domain::usage::CreditReport;
use crate::domain::{
    Actor, ChangeKind, EventDraft, EventType, Key, KeyId, KeyspaceId, Precondition, RequestId,
    RestrictionChange, Restrictions, Timestamp, WorkspaceId,
};
use crate::storage::{Committed, DueRefill, RestrictionStore, StoreError};

#[async_trait]
impl RestrictionStore for SqliteStore {
    async fn change_restrictions(
        &self,
        actor: &Actor,
        id: KeyId,
        expected: Precondition,
        change: RestrictionChange,
        at: Timestamp,
    ) -> Result<Committed<Key>, StoreError> {
        self.mutate(actor, at, move |mutation| change_key(mutation, id, &expected, change)).await
    }

    async fn due_refills(&self, now: Timestamp, limit: u32) -> Result<Vec<DueRefill>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT s.workspace_id, k.id FROM credit_refills AS d JOIN keys AS k ON k.id = d.key_id \
                 JOIN keyspaces AS s ON s.id = k.keyspace_id \
                 WHERE d.next_at <= ?1 AND k.revoked_at IS NULL AND s.deleted_at IS NULL ORDER BY d.next_at LIMIT ?2",
            )?;
            let due = statement.query_map(params![now.0, limit], |row| {
                Ok(DueRefill {
                    workspace_id: WorkspaceId(unsigned(row.get(0)?)),
                    key_id: KeyId(unsigned(row.get(1)?)),
                })
            })?;
            Ok(due.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn refill(&self, due: DueRefill, request: RequestId, at: Timestamp) -> Result<bool, StoreError> {
        let actor = Actor::system(due.workspace_id, request);
        self.write_and_tell(move |connection| {
            let mut mutation = Mutation::begin(connection, &actor, at);
            if !refill(&mut mutation, due.key_id)? {
                return Ok((false, News::default()));
            }
            Ok((true, mutation.finish()?))
        })
        .await
    }
}

fn change_key(
    mutation: &mut Mutation<'_>,
    id: KeyId,
    expected: &Precondition,
    change: RestrictionChange,
) -> Result<Committed<Key>, StoreError> {
    let old = mutation.expected_key(id, expected)?;
    let before = old.audit_view();
    let kind = change.kind();
    let note = match &change {
        RestrictionChange::Credits { note, .. } => note.clone(),
        _ => None,
    };
    let (key, given) = change.apply(old, mutation.at)?;
    let key = store(mutation, key)?;
    let mut after = key.audit_view();
    if let Some(note) = note {
        after["note"] = note.into();
    }
    tell_deltas(&mut after, &given);
    if kind == ChangeKind::KeyCredited {
        tell_of_credits(mutation, &key, &given)?;
    }
    record(mutation, kind, before, after, key)
}

/// Nobody is told of a refill that gives nothing: only when it is due next is noted.
fn refill(mutation: &mut Mutation<'_>, id: KeyId) -> Result<bool, StoreError> {
    let connection = mutation.connection();
    let old = mutation.key(id)?;
    let before = old.audit_view();
    let (key, given) = RestrictionChange::Refill.apply(old, mutation.at)?;
    if given.is_empty() {
        put(connection, &key)?;
        return Ok(false);
    }
    let key = store(mutation, key)?;
    let mut after = key.audit_view();
    tell_deltas(&mut after, &given);
    tell_of_credits(mutation, &key, &given)?;
    record(mutation, ChangeKind::KeyRefilled, before, after, key)?;
    Ok(true)
}

fn store(mutation: &Mutation<'_>, mut key: Key) -> Result<Key, StoreError> {
    key.change_seq = mutation.next_change_seq(key.keyspace_id)?;
    let connection = mutation.connection();
    connection
        .prepare_cached("UPDATE keys SET change_seq = ?2, updated_at = ?3 WHERE id = ?1")?
        .execute(params![number(key.id.0), number(key.change_seq), key.updated_at.0])?;
    put(connection, &key)?;
    Ok(key)
}

fn record(
    mutation: &mut Mutation<'_>,
    kind: ChangeKind,
    before: Value,
    after: Value,
    key: Key,
) -> Result<Committed<Key>, StoreError> {
    let (keyspace, seq): (KeyspaceId, u64) = (key.keyspace_id, key.change_seq);
    let trail = Trail { keyspace, seq, kind, key: Some(key.id), before, after };
    mutation.record(trail, key)
}

/// Has whoever listens hear of what a key was given or lost, and how low that leaves it.
fn tell_of_credits(mutation: &mut Mutation<'_>, key: &Key, deltas: &[Delta]) -> Result<(), StoreError> {
    let Some(credits) = &key.restrictions.credits else { return Ok(()) };
    if mutation.is_wanted(EventType::CreditsChanged)? {
        let mut data = event::change_data(key.keyspace_id, key.change_seq, mutation.actor());
        data.insert("key_id".to_owned(), json!(key.id));
        let deltas = deltas.iter().map(|delta| json!({ "unit": delta.unit, "amount": delta.amount }));
        data.insert("deltas".to_owned(), deltas.collect());
        let units = credits.status().map(|unit| webhooks::unit_view(&unit));
        data.insert("credits".to_owned(), units.collect());
        data.insert("key".to_owned(), event::key_view(&key.audit_view()));
        mutation.emit(&EventDraft {
            kind: EventType::CreditsChanged,
            keyspace_id: Some(key.keyspace_id),
            key_id: Some(key.id),
            data: data.into(),
        })?;
    }
    tell_levels(mutation, key)
}

/// Has whoever listens hear of how low a key's credits are, unless that was told.
pub(super) fn tell_levels(mutation: &mut Mutation<'_>, key: &Key) -> Result<(), StoreError> {
    let Some(credits) = &key.restrictions.credits else { return Ok(()) };
    let workspace = mutation.actor().workspace_id;
    if webhooks::tell_levels(mutation.connection(), workspace, key.id, credits, mutation.at)? {
        mutation.notes_events();
    }
    Ok(())
}

/// As [`tell_levels`], after gates reported what was used.
pub(super) fn tell_levels_after_use(
    connection: &Connection,
    workspace: WorkspaceId,
    id: KeyId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT document FROM key_restrictions WHERE key_id = ?1")?;
    let found = statement.query_row([number(id.0)], |row| rows::json::<Restrictions>(row, 0)).optional()?;
    let Some(mut credits) = found.and_then(|restrictions| restrictions.credits) else { return Ok(false) };
    credits.used = use_of(connection, id)?;
    webhooks::tell_levels(connection, workspace, id, &credits, at)
}

fn tell_deltas(view: &mut Value, deltas: &[Delta]) {
    if !deltas.is_empty() {
        let told = deltas.iter().map(|delta| json!({ "unit": delta.unit, "amount": delta.amount }));
        view["deltas"] = told.collect::<Vec<_>>().into();
    }
}

/// Stores what narrows a key; a key that has none of it has no row.
pub(super) fn put(connection: &Connection, key: &Key) -> Result<(), StoreError> {
    let id = number(key.id.0);
    key.check_publishable()?;
    if key.restrictions.is_empty() {
        connection.prepare_cached("DELETE FROM key_restrictions WHERE key_id = ?1")?.execute([id])?;
    } else {
        connection
            .prepare_cached("INSERT OR REPLACE INTO key_restrictions (key_id, document) VALUES (?1, ?2)")?
            .execute(params![id, rows::to_json(&key.restrictions)?])?;
    }
    match key.restrictions.credits.as_ref().and_then(|credits| credits.next_refill_at()) {
        Some(at) => connection
            .prepare_cached("INSERT OR REPLACE INTO credit_refills (key_id, next_at) VALUES (?1, ?2)")?
            .execute(params![id, at.0])?,
        None => connection.prepare_cached("DELETE FROM credit_refills WHERE key_id = ?1")?.execute([id])?,
    };
    Ok(())
}

/// What gates last reported of a key's credits.
pub(super) fn use_of(connection: &Connection, id: KeyId) -> Result<BTreeMap<String, CreditUse>, StoreError> {
    let reported = usage::reported_credits(connection, id)?.into_iter();
    let used = |report: CreditReport| {
        (report.unit, CreditUse { consumed: report.consumed, written_off: report.written_off })
    };
    Ok(reported.map(used).collect())
}
