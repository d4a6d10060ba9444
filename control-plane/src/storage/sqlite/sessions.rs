use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};

use super::rows::{number, unsigned};
use super::{SqliteStore, admin_keys};
use crate::domain::audit::AuditDraft;
use crate::domain::session::{MAX_OF_AN_ADMIN_KEY, Session};
use crate::domain::{Actor, AdminKey, AdminKeyId, SessionId, Timestamp};
use crate::storage::{Committed, SessionStore, StoreError};

#[async_trait]
impl SessionStore for SqliteStore {
    async fn begin_session(
        &self,
        actor: &Actor,
        session: Session,
        digest: [u8; 32],
    ) -> Result<Committed<Session>, StoreError> {
        let at = session.created_at;
        self.mutate(actor, at, move |mutation| {
            insert(mutation.connection(), &session, digest)?;
            let draft = about(&session, "session.began", Value::Null, session.audit_view());
            mutation.record_in_workspace(draft, session)
        })
        .await
    }

    async fn presented_session(&self, digest: [u8; 32]) -> Result<Option<(Session, AdminKey)>, StoreError> {
        self.read_here(|connection| {
            let session = connection
                .prepare_cached(
                    "SELECT id, admin_key_id, created_at, last_used_at, ends_at FROM sessions WHERE digest = ?1",
                )?
                .query_row([digest], read)
                .optional()?;
            let Some(session) = session else { return Ok(None) };
            Ok(admin_keys::by_id(connection, session.admin_key_id)?.map(|admin_key| (session, admin_key)))
        })
        .await
    }

    async fn note_session_use(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError> {
        self.keep(move |connection| {
            connection
                .prepare_cached("UPDATE sessions SET last_used_at = max(last_used_at, ?2) WHERE id = ?1")?
                .execute(params![number(id.0), at.0])?;
            Ok(())
        })
        .await
    }

    async fn end_session(
        &self,
        actor: &Actor,
        session: Session,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError> {
        self.mutate(actor, at, move |mutation| {
            let mut statement = mutation.connection().prepare_cached("DELETE FROM sessions WHERE id = ?1")?;
            if statement.execute([number(session.id.0)])? == 0 {
                return Ok(Committed { value: (), change_seq: 0 });
            }
            let draft = about(&session, "session.ended", session.audit_view(), Value::Null);
            mutation.record_in_workspace(draft, ())
        })
        .await
    }

    async fn end_sessions_of(
        &self,
        actor: &Actor,
        admin_key: AdminKeyId,
        at: Timestamp,
    ) -> Result<Committed<u64>, StoreError> {
        self.mutate(actor, at, move |mutation| {
            let mut statement =
                mutation.connection().prepare_cached("DELETE FROM sessions WHERE admin_key_id = ?1")?;
            let ended = statement.execute([number(admin_key.0)])? as u64;
            let draft = AuditDraft {
                keyspace_id: None,
                action: "admin_key.sessions_ended",
                object: admin_key.to_string(),
                before: Value::Null,
                after: json!({ "ended": ended }),
            };
            mutation.record_in_workspace(draft, ended)
        })
        .await
    }
}

fn insert(connection: &Connection, session: &Session, digest: [u8; 32]) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO sessions (id, digest, admin_key_id, created_at, last_used_at, ends_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            number(session.id.0),
            digest,
            number(session.admin_key_id.0),
            session.created_at.0,
            session.last_used_at.0,
            session.ends_at.0
        ])?;
    connection
        .prepare_cached(
            "DELETE FROM sessions WHERE admin_key_id = ?1 AND id NOT IN \
             (SELECT id FROM sessions WHERE admin_key_id = ?1 ORDER BY id DESC LIMIT ?2)",
        )?
        .execute(params![number(session.admin_key_id.0), MAX_OF_AN_ADMIN_KEY])?;
    Ok(())
}

fn about(session: &Session, action: &'static str, before: Value, after: Value) -> AuditDraft {
    AuditDraft { keyspace_id: None, action, object: session.id.to_string(), before, after }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: SessionId(unsigned(row.get(0)?)),
        admin_key_id: AdminKeyId(unsigned(row.get(1)?)),
        created_at: Timestamp(row.get(2)?),
        last_used_at: Timestamp(row.get(3)?),
        ends_at: Timestamp(row.get(4)?),
    })
}
