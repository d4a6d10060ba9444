use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::SqliteStore;
use super::rows::{number, unsigned};
use crate::domain::audit::LogEnd;
use crate::domain::{AuditEntry, KeyspaceId, Page, PageRequest, SessionId, Timestamp, WorkspaceId};
use crate::storage::{AuditFilter, AuditStore, StoreError};

#[async_trait]
impl AuditStore for SqliteStore {
    async fn audit_entries(
        &self,
        workspace: WorkspaceId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(move |connection| {
            let condition = "a.workspace_id = ?1 AND a.seq > ?2 ORDER BY a.seq LIMIT ?3";
            select(connection, condition, params![number(workspace.0), number(after), limit])
        })
        .await
    }

    async fn audit_page(
        &self,
        workspace: WorkspaceId,
        filter: AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        self.read(move |connection| {
            let ids = |ids: Vec<KeyspaceId>| ids.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(",");
            let keyspaces = filter.keyspaces.map(|keyspaces| format!("[{}]", ids(keyspaces)));
            let condition = "a.workspace_id = ?1 AND a.seq < ?2 \
                 AND (?3 IS NULL OR o.keyspace_id IN (SELECT value FROM json_each(?3))) \
                 AND (?4 IS NULL OR a.object = ?4) AND (?5 IS NULL OR a.actor = ?5) ORDER BY a.seq DESC LIMIT ?6";
            let before = page.before.map_or(i64::MAX, number);
            let values = params![number(workspace.0), before, keyspaces, filter.object, filter.actor, page.limit + 1];
            Ok(Page::from_overfull(select(connection, condition, values)?, page.limit))
        })
        .await
    }

    async fn audit_end(&self, workspace: WorkspaceId) -> Result<Option<LogEnd>, StoreError> {
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT seq, hash FROM audit_ends WHERE workspace_id = ?1")?;
            let end = statement.query_row([number(workspace.0)], |row| {
                Ok(LogEnd { seq: unsigned(row.get(0)?), hash: row.get(1)? })
            });
            Ok(end.optional()?)
        })
        .await
    }

    async fn audited_workspaces(&self) -> Result<Vec<WorkspaceId>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id FROM workspaces ORDER BY id")?;
            let ids = statement.query_map([], |row| Ok(WorkspaceId(unsigned(row.get(0)?))))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn select(
    connection: &Connection,
    condition: &str,
    values: &[&dyn ToSql],
) -> Result<Vec<AuditEntry>, StoreError> {
    let sql = format!(
        "SELECT a.seq, a.at, a.actor, a.request_id, a.action, a.object, a.before, a.after, a.previous_hash, a.hash, \
         ifnull(o.source, ''), o.keyspace_id, a.workspace_id, s.session_id \
         FROM audit AS a LEFT JOIN audit_origins AS o ON o.workspace_id = a.workspace_id AND o.seq = a.seq \
         LEFT JOIN audit_sessions AS s ON s.workspace_id = a.workspace_id AND s.seq = a.seq WHERE {condition}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let entries = statement.query_map(values, read)?;
    Ok(entries.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        workspace_id: WorkspaceId(unsigned(row.get(12)?)),
        seq: unsigned(row.get(0)?),
        at: Timestamp(row.get(1)?),
        actor: row.get(2)?,
        session_id: row.get::<_, Option<i64>>(13)?.map(|id| SessionId(unsigned(id))),
        request_id: row.get(3)?,
        source: row.get(10)?,
        keyspace_id: row.get::<_, Option<i64>>(11)?.map(|id| KeyspaceId(unsigned(id))),
        action: row.get(4)?,
        object: row.get(5)?,
        before: row.get(6)?,
        after: row.get(7)?,
        previous_hash: row.get(8)?,
        hash: row.get(9)?,
    })
}
