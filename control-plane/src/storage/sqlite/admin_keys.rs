use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::SqliteStore;
use super::mutation::Mutation;
use super::rows::{self, number, unsigned};
use crate::domain::admin_key::Scopes;
use crate::domain::audit::AuditDraft;
use crate::domain::error::ObjectKind;
use crate::domain::{
    Actor, AdminKey, AdminKeyId, DomainError, FieldErrors, KeyspaceId, Page, PageRequest, Timestamp,
    WorkspaceId,
};
use crate::storage::{AdminKeyStore, Committed, StoreError};

#[async_trait]
impl AdminKeyStore for SqliteStore {
    async fn presented_admin_key(&self, digest: [u8; 32]) -> Result<Option<AdminKey>, StoreError> {
        self.read_here(|connection| {
            let sql = format!("SELECT {COLUMNS} WHERE a.digest = ?1");
            Ok(connection.prepare_cached(&sql)?.query_row([digest], read).optional()?)
        })
        .await
    }

    async fn create_admin_key(
        &self,
        actor: &Actor,
        admin_key: AdminKey,
        digest: [u8; 32],
    ) -> Result<Committed<AdminKey>, StoreError> {
        let at = admin_key.created_at;
        self.mutate(actor, at, move |mutation| {
            refuse_foreign_keyspaces(mutation, &admin_key)?;
            insert(mutation.connection(), &admin_key, digest)?;
            record(mutation, "admin_key.created", Value::Null, admin_key)
        })
        .await
    }

    async fn admin_key(&self, workspace: WorkspaceId, id: AdminKeyId) -> Result<AdminKey, StoreError> {
        self.read(move |connection| stored(connection, workspace, id)).await
    }

    async fn admin_keys(&self, viewer: &AdminKey, page: PageRequest) -> Result<Page<AdminKey>, StoreError> {
        let viewer = viewer.clone();
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} WHERE a.workspace_id = ?1 AND a.id < ?2 AND r.revoked_at IS NULL \
                 AND (?3 IS NULL OR (r.keyspaces IS NOT NULL AND NOT EXISTS (SELECT 1 FROM json_each(r.keyspaces) AS k \
                 WHERE k.value NOT IN (SELECT value FROM json_each(?3))))) ORDER BY a.id DESC LIMIT ?4"
            );
            let before = page.before.map_or(i64::MAX, number);
            let own = viewer.keyspaces.as_deref().map(keyspaces_json).transpose()?;
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement
                .query_map(params![number(viewer.workspace_id.0), before, own, page.limit + 1], read)?;
            Ok(Page::from_overfull(rows.collect::<Result<_, _>>()?, page.limit))
        })
        .await
    }

    async fn revoke_admin_key(
        &self,
        actor: &Actor,
        id: AdminKeyId,
        at: Timestamp,
    ) -> Result<Committed<AdminKey>, StoreError> {
        self.mutate(actor, at, move |mutation| revoke(mutation, id)).await
    }
}

fn revoke(mutation: &mut Mutation<'_>, id: AdminKeyId) -> Result<Committed<AdminKey>, StoreError> {
    let connection = mutation.connection();
    let workspace = mutation.actor().workspace_id;
    let mut admin_key = stored(connection, workspace, id)?;
    if admin_key.revoked_at.is_some() {
        return Ok(Committed { value: admin_key, change_seq: 0 });
    }
    refuse_last(connection, workspace, id)?;
    let before = admin_key.audit_view();
    admin_key.revoked_at = Some(mutation.at);
    connection.execute(
        "UPDATE admin_key_rights SET revoked_at = ?2 WHERE admin_key_id = ?1",
        params![number(id.0), mutation.at.0],
    )?;
    record(mutation, "admin_key.revoked", before, admin_key)
}

fn refuse_last(connection: &Connection, workspace: WorkspaceId, id: AdminKeyId) -> Result<(), StoreError> {
    let another: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM admin_keys AS a JOIN admin_key_rights AS r ON r.admin_key_id = a.id \
         WHERE a.workspace_id = ?1 AND a.id <> ?2 AND r.scopes = '[\"*\"]' AND r.keyspaces IS NULL AND r.expires_at IS NULL \
         AND r.revoked_at IS NULL)",
        params![number(workspace.0), number(id.0)],
        |row| row.get(0),
    )?;
    if another { Ok(()) } else { Err(DomainError::LastAdminKey(id).into()) }
}

fn refuse_foreign_keyspaces(mutation: &Mutation<'_>, admin_key: &AdminKey) -> Result<(), StoreError> {
    let mut errors = FieldErrors::default();
    for (at, id) in admin_key.keyspaces.iter().flatten().enumerate() {
        if rows::keyspace(mutation.connection(), admin_key.workspace_id, *id)?.is_none() {
            errors.add(format!("/keyspaces/{at}"), "is not a keyspace of this workspace");
        }
    }
    Ok(errors.into_result()?)
}

fn record(
    mutation: &mut Mutation<'_>,
    action: &'static str,
    before: Value,
    admin_key: AdminKey,
) -> Result<Committed<AdminKey>, StoreError> {
    let after = admin_key.audit_view();
    let draft = AuditDraft { keyspace_id: None, action, object: admin_key.id.to_string(), before, after };
    mutation.record_in_workspace(draft, admin_key)
}

/// Keeps an admin key with the digest of its token.
pub(super) fn insert(
    connection: &Connection,
    admin_key: &AdminKey,
    digest: [u8; 32],
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO admin_keys (id, workspace_id, name, digest, start, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            number(admin_key.id.0),
            number(admin_key.workspace_id.0),
            admin_key.name,
            digest,
            admin_key.start,
            admin_key.created_at.0
        ],
    )?;
    connection.execute(
        "INSERT INTO admin_key_rights (admin_key_id, scopes, keyspaces, expires_at) VALUES (?1, ?2, ?3, ?4)",
        params![
            number(admin_key.id.0),
            rows::to_json(&admin_key.scopes.names())?,
            admin_key.keyspaces.as_deref().map(keyspaces_json).transpose()?,
            admin_key.expires_at.map(|at| at.0)
        ],
    )?;
    Ok(())
}

const COLUMNS: &str = "a.id, a.workspace_id, a.name, a.start, a.created_at, r.scopes, r.keyspaces, r.expires_at, r.revoked_at \
     FROM admin_keys AS a JOIN admin_key_rights AS r ON r.admin_key_id = a.id";

/// An admin key of whatever workspace, revoked or not.
pub(super) fn by_id(connection: &Connection, id: AdminKeyId) -> Result<Option<AdminKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE a.id = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([number(id.0)], read).optional()?)
}

fn stored(connection: &Connection, workspace: WorkspaceId, id: AdminKeyId) -> Result<AdminKey, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE a.id = ?1 AND a.workspace_id = ?2");
    let found = connection
        .prepare_cached(&sql)?
        .query_row(params![number(id.0), number(workspace.0)], read)
        .optional()?;
    found.ok_or_else(|| DomainError::NotFound(ObjectKind::AdminKey).into())
}

fn read(row: &Row<'_>) -> rusqlite::Result<AdminKey> {
    let names: Vec<String> = rows::json(row, 5)?;
    let scopes = Scopes::parse(&names).map_err(|(_, message)| {
        rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, message.into())
    })?;
    let keyspaces: Option<Vec<i64>> = match row.get_ref(6)? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(rows::json(row, 6)?),
    };
    Ok(AdminKey {
        id: AdminKeyId(unsigned(row.get(0)?)),
        workspace_id: WorkspaceId(unsigned(row.get(1)?)),
        name: row.get(2)?,
        start: row.get(3)?,
        scopes,
        keyspaces: keyspaces.map(|ids| ids.into_iter().map(|id| KeyspaceId(unsigned(id))).collect()),
        expires_at: row.get::<_, Option<i64>>(7)?.map(Timestamp),
        created_at: Timestamp(row.get(4)?),
        revoked_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
    })
}

fn keyspaces_json(ids: &[KeyspaceId]) -> Result<String, StoreError> {
    rows::to_json(&ids.iter().map(|id| number(id.0)).collect::<Vec<_>>())
}
