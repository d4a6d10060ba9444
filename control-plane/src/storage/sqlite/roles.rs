use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::mutation::{Mutation, Trail};
use super::rows::{self, number, unsigned};
use super::{SqliteStore, policies};
use crate::domain::error::ObjectKind;
use crate::domain::role::{MAX_ROLE_NUMBER, MAX_ROLES, NewRole, Role, RolePatch};
use crate::domain::{
    Actor, ChangeKind, DomainError, FieldErrors, KeyId, KeyspaceId, Page, PageRequest, RoleId, Timestamp,
    WorkspaceId,
};
use crate::storage::{Committed, RoleDeleteMode, RoleStore, StoreError};

/// Keys that a refusal names.
const NAMED_KEYS: usize = 10;

#[async_trait]
impl RoleStore for SqliteStore {
    async fn create_role(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        new: NewRole,
        at: Timestamp,
    ) -> Result<Committed<Role>, StoreError> {
        self.mutate(actor, at, move |mutation| {
            mutation.keyspace(keyspace)?;
            let role = insert(mutation.connection(), keyspace, new, at)?;
            require_publishable(mutation.connection(), keyspace)?;
            let seq = mutation.next_change_seq(keyspace)?;
            record(mutation, seq, ChangeKind::RoleCreated, Value::Null, role.audit_view(), role)
        })
        .await
    }

    async fn role(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        id: RoleId,
    ) -> Result<Role, StoreError> {
        self.read(move |connection| {
            rows::found_keyspace(connection, workspace, keyspace)?;
            stored(connection, keyspace, id)
        })
        .await
    }

    async fn roles(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        page: PageRequest,
    ) -> Result<Page<Role>, StoreError> {
        self.read(move |connection| {
            rows::found_keyspace(connection, workspace, keyspace)?;
            let sql = format!(
                "SELECT {COLUMNS} WHERE keyspace_id = ?1 AND id < ?2 AND deleted_at IS NULL ORDER BY id DESC LIMIT ?3"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let before = page.before.map_or(i64::MAX, number);
            let roles = statement.query_map(params![number(keyspace.0), before, page.limit + 1], read)?;
            Ok(Page::from_overfull(roles.collect::<Result<_, _>>()?, page.limit))
        })
        .await
    }

    async fn update_role(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        id: RoleId,
        patch: RolePatch,
        at: Timestamp,
    ) -> Result<Committed<Role>, StoreError> {
        self.mutate(actor, at, move |mutation| update(mutation, keyspace, id, patch)).await
    }

    async fn delete_role(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        id: RoleId,
        mode: RoleDeleteMode,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError> {
        self.mutate(actor, at, move |mutation| delete(mutation, keyspace, id, mode)).await
    }
}

fn update(
    mutation: &mut Mutation<'_>,
    keyspace: KeyspaceId,
    id: RoleId,
    patch: RolePatch,
) -> Result<Committed<Role>, StoreError> {
    mutation.keyspace(keyspace)?;
    let connection = mutation.connection();
    let old = stored(connection, keyspace, id)?;
    let settings = patch.apply(&old)?;
    let renamed = settings.name != old.name;
    if renamed {
        refuse_taken_name(connection, keyspace, &settings.name)?;
    }
    let before = old.audit_view();
    let role = Role {
        name: settings.name,
        description: settings.description,
        grants: settings.grants,
        updated_at: mutation.at,
        ..old.clone()
    };
    connection
        .prepare_cached(
            "UPDATE roles SET name = ?2, description = ?3, grants = ?4, updated_at = ?5 WHERE id = ?1",
        )?
        .execute(params![
            number(id.0),
            role.name,
            role.description,
            rows::to_json(&role.grants)?,
            role.updated_at.0
        ])?;
    require_publishable(connection, keyspace)?;
    let seq = mutation.next_change_seq(keyspace)?;
    if renamed {
        rewrite_keys(mutation, &old, seq, Some(&role.name))?;
    }
    record(mutation, seq, ChangeKind::RoleUpdated, before, role.audit_view(), role)
}

fn delete(
    mutation: &mut Mutation<'_>,
    keyspace: KeyspaceId,
    id: RoleId,
    mode: RoleDeleteMode,
) -> Result<Committed<()>, StoreError> {
    mutation.keyspace(keyspace)?;
    let connection = mutation.connection();
    let role = stored(connection, keyspace, id)?;
    if mode == RoleDeleteMode::OnlyUnused {
        refuse_used(connection, keyspace, &role.name)?;
    }
    connection
        .prepare_cached("UPDATE roles SET deleted_at = ?2, updated_at = ?2 WHERE id = ?1")?
        .execute(params![number(id.0), mutation.at.0])?;
    let seq = mutation.next_change_seq(keyspace)?;
    rewrite_keys(mutation, &role, seq, None)?;
    let committed = record(mutation, seq, ChangeKind::RoleDeleted, role.audit_view(), Value::Null, role)?;
    Ok(Committed { value: (), change_seq: committed.change_seq })
}

fn record(
    mutation: &mut Mutation<'_>,
    seq: u64,
    kind: ChangeKind,
    before: Value,
    after: Value,
    role: Role,
) -> Result<Committed<Role>, StoreError> {
    let keyspace = role.keyspace_id;
    let object = role.id.to_string();
    mutation.record_about(object, Trail { keyspace, seq, kind, key: None, before, after }, role)
}

/// Gives a keyspace a role, with the next number.
pub(super) fn insert(
    connection: &Connection,
    keyspace: KeyspaceId,
    new: NewRole,
    at: Timestamp,
) -> Result<Role, StoreError> {
    let NewRole { id, settings } = new;
    refuse_taken_name(connection, keyspace, &settings.name)?;
    let (live, last): (u32, u16) = connection
        .prepare_cached("SELECT count(*) FILTER (WHERE deleted_at IS NULL), ifnull(max(number), 0) FROM roles WHERE keyspace_id = ?1")?
        .query_row([number(keyspace.0)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if live >= MAX_ROLES || last >= MAX_ROLE_NUMBER {
        let mut errors = FieldErrors::default();
        errors
            .add("", format!("a keyspace has at most {MAX_ROLES} roles, and {MAX_ROLE_NUMBER} in its life"));
        return Err(errors.into());
    }
    let role = Role {
        id,
        keyspace_id: keyspace,
        number: last + 1,
        name: settings.name,
        description: settings.description,
        grants: settings.grants,
        created_at: at,
        updated_at: at,
    };
    connection
        .prepare_cached(
            "INSERT INTO roles (id, keyspace_id, number, name, description, grants, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
        )?
        .execute(params![
            number(id.0),
            number(keyspace.0),
            role.number,
            role.name,
            role.description,
            rows::to_json(&role.grants)?,
            at.0
        ])?;
    Ok(role)
}

/// All roles of a keyspace, in the order of their numbers.
pub(super) fn all(connection: &Connection, keyspace: KeyspaceId) -> Result<Vec<Role>, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE keyspace_id = ?1 AND deleted_at IS NULL ORDER BY number");
    let mut statement = connection.prepare_cached(&sql)?;
    let roles = statement.query_map([number(keyspace.0)], read)?;
    Ok(roles.collect::<Result<_, _>>()?)
}

/// Changes a role's name in the keys that have it, or takes it from them. They count as changed: a gate must never see the new
/// name in a key before it sees it in the policy, nor keep the old.
fn rewrite_keys(
    mutation: &Mutation<'_>,
    role: &Role,
    seq: u64,
    new_name: Option<&str>,
) -> Result<(), StoreError> {
    mutation
        .connection()
        .prepare_cached(
            "UPDATE keys SET change_seq = ?4, updated_at = ?5, roles = (SELECT json_group_array(iif(value = ?2, ?3, value)) \
             FROM json_each(roles) WHERE value <> ?2 OR ?3 IS NOT NULL) \
             WHERE keyspace_id = ?1 AND roles <> '[]' AND EXISTS (SELECT 1 FROM json_each(roles) WHERE value = ?2)",
        )?
        .execute(params![number(role.keyspace_id.0), role.name, new_name, number(seq), mutation.at.0])?;
    Ok(())
}

fn refuse_used(connection: &Connection, keyspace: KeyspaceId, name: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM keys WHERE keyspace_id = ?1 AND roles <> '[]' AND revoked_at IS NULL \
         AND EXISTS (SELECT 1 FROM json_each(roles) WHERE value = ?2) ORDER BY id",
    )?;
    let users = statement.query_map(params![number(keyspace.0), name], |row| row.get::<_, i64>(0))?;
    let users = users.collect::<Result<Vec<_>, _>>()?;
    if users.is_empty() {
        return Ok(());
    }
    let keys = users.len() as u64;
    let first = users.into_iter().take(NAMED_KEYS).map(|id| KeyId(unsigned(id))).collect();
    Err(DomainError::RoleInUse { name: name.to_owned(), keys, first }.into())
}

fn refuse_taken_name(connection: &Connection, keyspace: KeyspaceId, name: &str) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM roles WHERE keyspace_id = ?1 AND name = ?2 AND deleted_at IS NULL")?;
    let holder = statement.query_row(params![number(keyspace.0), name], |row| row.get(0)).optional()?;
    match holder {
        Some(id) => {
            let holder = RoleId(unsigned(id));
            Err(DomainError::RoleNameTaken { name: name.to_owned(), holder }.into())
        }
        None => Ok(()),
    }
}

fn require_publishable(connection: &Connection, keyspace: KeyspaceId) -> Result<(), StoreError> {
    Ok(policies::stored(connection, keyspace)?.check_publishable()?)
}

const COLUMNS: &str = "id, keyspace_id, number, name, description, grants, created_at, updated_at FROM roles";

fn stored(connection: &Connection, keyspace: KeyspaceId, id: RoleId) -> Result<Role, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE id = ?1 AND keyspace_id = ?2 AND deleted_at IS NULL");
    let mut statement = connection.prepare_cached(&sql)?;
    let role = statement.query_row(params![number(id.0), number(keyspace.0)], read).optional()?;
    role.ok_or_else(|| DomainError::NotFound(ObjectKind::Role).into())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Role> {
    Ok(Role {
        id: RoleId(unsigned(row.get(0)?)),
        keyspace_id: KeyspaceId(unsigned(row.get(1)?)),
        number: row.get(2)?,
        name: row.get(3)?,
        description: row.get(4)?,
        grants: rows::json(row, 5)?,
        created_at: Timestamp(row.get(6)?),
        updated_at: Timestamp(row.get(7)?),
    })
}
