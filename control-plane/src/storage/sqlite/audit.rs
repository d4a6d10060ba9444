use async_trait::async_trait;
use rusqlite::params;

use super::SqliteStore;
use super::rows::{number, unsigned};
use crate::domain::{AuditEntry, Timestamp, WorkspaceId};
use crate::storage::{AuditStore, StoreError};

#[async_trait]
impl AuditStore for SqliteStore {
    async fn audit_entries(
        &self,
        workspace: WorkspaceId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT seq, at, actor, request_id, action, object, before, after, previous_hash, hash FROM audit \
                 WHERE workspace_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            )?;
            let entries = statement.query_map(params![number(workspace.0), number(after), limit], |row| {
                Ok(AuditEntry {
                    workspace_id: workspace,
                    seq: unsigned(row.get(0)?),
                    at: Timestamp(row.get(1)?),
                    actor: row.get(2)?,
                    request_id: row.get(3)?,
                    action: row.get(4)?,
                    object: row.get(5)?,
                    before: row.get(6)?,
                    after: row.get(7)?,
                    previous_hash: row.get(8)?,
                    hash: row.get(9)?,
                })
            })?;
            Ok(entries.collect::<Result<_, _>>()?)
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
