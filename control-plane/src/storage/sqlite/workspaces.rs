use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};

use super::mutation::Mutation;
use super::rows::number;
use super::{SqliteStore, admin_keys, rows};
use crate::domain::audit::AuditDraft;
use crate::domain::{Actor, AdminKey, Timestamp, Workspace, WorkspaceId};
use crate::storage::{Committed, StoreError, WorkspaceStore};

pub(super) const MASTER_KEY_CHECK: &str = "master_key_check";

#[async_trait]
impl WorkspaceStore for SqliteStore {
    async fn bootstrap(
        &self,
        actor: &Actor,
        workspace: Workspace,
        admin_key: AdminKey,
        digest: [u8; 32],
        master_key_check: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let at = workspace.created_at;
        let committed = self
            .mutate(actor, at, move |mutation| {
                let connection = mutation.connection();
                let any: bool =
                    connection.query_row("SELECT EXISTS (SELECT 1 FROM workspaces)", [], |row| row.get(0))?;
                if any {
                    return Ok(Committed { value: false, change_seq: 0 });
                }
                connection.execute(
                    "INSERT INTO settings (name, value) VALUES (?1, ?2)",
                    params![MASTER_KEY_CHECK, master_key_check],
                )?;
                insert(mutation, &workspace, &admin_key, digest)
            })
            .await?;
        Ok(committed.value)
    }

    async fn create_workspace(
        &self,
        actor: &Actor,
        workspace: Workspace,
        admin_key: AdminKey,
        digest: [u8; 32],
    ) -> Result<(), StoreError> {
        let at = workspace.created_at;
        self.mutate(actor, at, move |mutation| insert(mutation, &workspace, &admin_key, digest)).await?;
        Ok(())
    }

    async fn master_key_check(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT value FROM settings WHERE name = ?1")?;
            Ok(statement.query_row([MASTER_KEY_CHECK], |row| row.get(0)).optional()?)
        })
        .await
    }

    async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>, StoreError> {
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT name, created_at FROM workspaces WHERE id = ?1")?;
            let workspace = statement.query_row([rows::number(id.0)], |row| {
                Ok(Workspace { id, name: row.get(0)?, created_at: Timestamp(row.get(1)?) })
            });
            Ok(workspace.optional()?)
        })
        .await
    }
}

fn insert(
    mutation: &mut Mutation<'_>,
    workspace: &Workspace,
    admin_key: &AdminKey,
    digest: [u8; 32],
) -> Result<Committed<bool>, StoreError> {
    let connection = mutation.connection();
    connection.execute(
        "INSERT INTO workspaces (id, name, created_at) VALUES (?1, ?2, ?3)",
        params![number(workspace.id.0), workspace.name, workspace.created_at.0],
    )?;
    admin_keys::insert(connection, admin_key, digest)?;
    let draft = AuditDraft {
        keyspace_id: None,
        action: "workspace.created",
        object: workspace.id.to_string(),
        before: Value::Null,
        after: json!({ "name": workspace.name, "admin_key": { "id": admin_key.id, "start": admin_key.start } }),
    };
    mutation.record_in_workspace(draft, true)
}
