use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::{News, rows, webhooks};
use crate::domain::audit::{AuditDraft, AuditEntry};
use crate::domain::event::{self, KeyChange};
use crate::domain::{
    Actor, ChangeKind, EventDraft, EventType, Key, KeyId, Keyspace, KeyspaceId, Precondition, Timestamp,
};
use crate::storage::{Committed, StoreError};

/// One mutation inside the writer's transaction.
///
/// No mutation can forget its trail: [`Mutation::record`] is the way to a [`Committed`] answer, and
/// [`Mutation::finish`] undoes an operation that touched rows without it.
pub(super) struct Mutation<'a> {
    connection: &'a Connection,
    actor: &'a Actor,
    pub(super) at: Timestamp,
    rows_before: u64,
    recorded: bool,
    news: News,
}

/// What a mutation of a keyspace tells the change log and the audit log.
pub(super) struct Trail {
    pub(super) keyspace: KeyspaceId,
    pub(super) seq: u64,
    pub(super) kind: ChangeKind,
    pub(super) key: Option<KeyId>,
    pub(super) before: Value,
    pub(super) after: Value,
}

impl<'a> Mutation<'a> {
    pub(super) fn begin(connection: &'a Connection, actor: &'a Actor, at: Timestamp) -> Self {
        let rows_before = connection.total_changes();
        Self { connection, actor, at, rows_before, recorded: false, news: News::default() }
    }

    pub(super) fn connection(&self) -> &'a Connection {
        self.connection
    }

    pub(super) fn actor(&self) -> &Actor {
        self.actor
    }

    /// The actor's keyspace of this id.
    pub(super) fn keyspace(&self, id: KeyspaceId) -> Result<Keyspace, StoreError> {
        rows::found_keyspace(self.connection, self.actor.workspace_id, id)
    }

    /// The actor's key of this id.
    pub(super) fn key(&self, id: KeyId) -> Result<Key, StoreError> {
        rows::found_key(self.connection, self.actor.workspace_id, id)
    }

    /// As [`Mutation::key`], if it is as the caller believes.
    pub(super) fn expected_key(&self, id: KeyId, expected: &Precondition) -> Result<Key, StoreError> {
        let key = self.key(id)?;
        expected.check(&key)?;
        Ok(key)
    }

    /// The number that the change being made has in its keyspace's log.
    pub(super) fn next_change_seq(&self, keyspace: KeyspaceId) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE keyspaces SET change_seq = change_seq + 1 WHERE id = ?1 RETURNING change_seq",
        )?;
        let seq = statement.query_row([rows::number(keyspace.0)], |row| row.get::<_, i64>(0))?;
        Ok(rows::unsigned(seq))
    }

    /// Leaves the change-log row and the audit row.
    pub(super) fn record<T>(&mut self, trail: Trail, value: T) -> Result<Committed<T>, StoreError> {
        let object = trail.key.map_or_else(|| trail.keyspace.to_string(), |key| key.to_string());
        self.record_about(object, trail, value)
    }

    /// As [`Mutation::record`], about an object that is neither the keyspace nor a key.
    pub(super) fn record_about<T>(
        &mut self,
        object: String,
        trail: Trail,
        value: T,
    ) -> Result<Committed<T>, StoreError> {
        let Trail { keyspace, seq, kind, key, before, after } = trail;
        self.connection
            .prepare_cached(
                "INSERT INTO changes (keyspace_id, seq, kind, key_id, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                rows::number(keyspace.0),
                rows::number(seq),
                kind.as_str(),
                key.map(|key| rows::number(key.0)),
                self.at.0
            ])?;
        if let Some(key_id) = key {
            let (before, after) = (&before, &after);
            self.tell(KeyChange { kind, key_id, keyspace_id: keyspace, seq, before, after })?;
        } else if let Some(kind) = event::of_many_keys(kind) {
            let mut data = event::change_data(keyspace, seq, self.actor);
            data.extend(after.as_object().cloned().unwrap_or_default());
            self.emit(&EventDraft { kind, keyspace_id: Some(keyspace), key_id: None, data: data.into() })?;
        }
        let draft = AuditDraft { keyspace_id: Some(keyspace), action: kind.as_str(), object, before, after };
        self.append_audit(draft)?;
        self.news.keyspaces.insert(keyspace);
        Ok(Committed { value, change_seq: seq })
    }

    /// Tells webhooks of a change of a key.
    fn tell(&mut self, change: KeyChange<'_>) -> Result<(), StoreError> {
        for kind in change.types() {
            if self.is_wanted(kind)? {
                self.emit(&change.event(kind, self.actor))?;
            }
        }
        Ok(())
    }

    /// Whether a webhook is to be told of such events: without one, nobody need put them together.
    pub(super) fn is_wanted(&self, kind: EventType) -> Result<bool, StoreError> {
        webhooks::is_wanted(self.connection, self.actor.workspace_id, kind)
    }

    /// Writes an event down, unless nobody wants it. It becomes true with the mutation or not at all.
    pub(super) fn emit(&mut self, event: &EventDraft) -> Result<(), StoreError> {
        if self.is_wanted(event.kind)? {
            webhooks::write(self.connection, self.actor.workspace_id, event, true, self.at)?;
            self.notes_events();
        }
        Ok(())
    }

    /// Has the sender of events look for something to do once the mutation is committed.
    pub(super) fn notes_events(&mut self) {
        self.news.has_events = true;
    }

    /// Leaves an audit row for something that belongs to no keyspace.
    pub(super) fn record_in_workspace<T>(
        &mut self,
        draft: AuditDraft,
        value: T,
    ) -> Result<Committed<T>, StoreError> {
        self.append_audit(draft)?;
        Ok(Committed { value, change_seq: 0 })
    }

    fn append_audit(&mut self, draft: AuditDraft) -> Result<(), StoreError> {
        let workspace = self.actor.workspace_id;
        let last = self
            .connection
            .prepare_cached("SELECT seq, hash FROM audit_ends WHERE workspace_id = ?1")?
            .query_row([rows::number(workspace.0)], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 32]>(1)?))
            })
            .optional()?;
        let (last_seq, previous_hash) = last.unwrap_or((0, [0; 32]));
        let entry = AuditEntry::link(self.actor, self.at, draft, rows::unsigned(last_seq) + 1, previous_hash);
        rows::insert_audit(self.connection, &entry)?;
        self.recorded = true;
        Ok(())
    }

    /// Checks that nothing was changed without a trail. Returns what to tell of it.
    pub(super) fn finish(self) -> Result<News, StoreError> {
        let touched = self.connection.total_changes() != self.rows_before;
        if touched && !self.recorded {
            return Err(StoreError::backend(
                "a mutation left no audit row and was undone; this is a fault of latchkey",
            ));
        }
        Ok(self.news)
    }
}
