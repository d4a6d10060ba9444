use async_trait::async_trait;
use latchkey_token::Environment;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::mutation::{Mutation, Trail};
use super::rows::{KEY_COLUMNS, number, unsigned};
use super::{SqliteStore, environments, policies, rows};
use crate::domain::error::ObjectKind;
use crate::domain::{
    Actor, ChangeKind, DomainError, FieldErrors, Key, KeyId, KeyPatch, KeyStatus, KeyspaceId, NewKey, Page,
    PageRequest, Timestamp, WorkspaceId,
};
use crate::storage::{Committed, KeyFilter, KeyStore, StoreError};

#[async_trait]
impl KeyStore for SqliteStore {
    async fn create_key(&self, actor: &Actor, new: NewKey) -> Result<Committed<Key>, StoreError> {
        let at = new.at;
        self.mutate(actor, at, move |mutation| create(mutation, new)).await
    }

    async fn key(&self, workspace: WorkspaceId, id: KeyId) -> Result<Key, StoreError> {
        self.read(move |connection| found(rows::key(connection, workspace, id)?)).await
    }

    async fn keys(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        filter: KeyFilter,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Page<Key>, StoreError> {
        self.read(move |connection| {
            let missing = DomainError::NotFound(ObjectKind::Keyspace);
            rows::keyspace(connection, workspace, keyspace)?.ok_or(missing)?;
            list(connection, keyspace, filter, page, now)
        })
        .await
    }

    async fn update_key(
        &self,
        actor: &Actor,
        id: KeyId,
        patch: KeyPatch,
        at: Timestamp,
    ) -> Result<Committed<Key>, StoreError> {
        self.mutate(actor, at, move |mutation| update(mutation, id, patch)).await
    }

    async fn revoke_key(
        &self,
        actor: &Actor,
        id: KeyId,
        reason: Option<String>,
        at: Timestamp,
    ) -> Result<Committed<Key>, StoreError> {
        self.mutate(actor, at, move |mutation| revoke(mutation, id, reason)).await
    }
}

fn found(key: Option<Key>) -> Result<Key, StoreError> {
    key.ok_or_else(|| DomainError::NotFound(ObjectKind::Key).into())
}

fn create(mutation: &mut Mutation<'_>, mut new: NewKey) -> Result<Committed<Key>, StoreError> {
    let connection = mutation.connection();
    let keyspace = new.keyspace_id;
    mutation.keyspace(keyspace)?;
    if new.settings.environment == Environment::Live && !environments::is_on(connection, keyspace)? {
        return Err(DomainError::LiveNotEnabled.into());
    }
    if !new.settings.roles.is_empty() {
        let mut errors = FieldErrors::default();
        policies::stored(connection, keyspace)?.check_roles(&new.settings.roles, &mut errors);
        errors.into_result()?;
    }
    let name = match new.name.take() {
        Some(name) => {
            refuse_taken_name(connection, keyspace, new.settings.owner.as_deref(), &name, None)?;
            name
        }
        None => next_default_name(connection, keyspace, new.settings.owner.as_deref())?,
    };
    let seq = mutation.next_change_seq(keyspace)?;
    let key = new.into_key(name, seq);
    insert(connection, &key)?;
    let after = key.audit_view();
    let trail =
        Trail { keyspace, seq, kind: ChangeKind::KeyCreated, key: Some(key.id), before: Value::Null, after };
    mutation.record(trail, key)
}

fn update(mutation: &mut Mutation<'_>, id: KeyId, patch: KeyPatch) -> Result<Committed<Key>, StoreError> {
    let connection = mutation.connection();
    let old = found(rows::key(connection, mutation.actor().workspace_id, id)?)?;
    let keyspace = old.keyspace_id;
    let before = old.audit_view();
    let policy = policies::stored(connection, keyspace)?;
    let mut key = patch.apply(old, &policy, mutation.at)?;
    refuse_taken_name(connection, keyspace, key.owner.as_deref(), &key.name, Some(id))?;
    key.change_seq = mutation.next_change_seq(keyspace)?;
    store_settings(connection, &key)?;
    let (seq, after) = (key.change_seq, key.audit_view());
    let trail = Trail { keyspace, seq, kind: ChangeKind::KeyUpdated, key: Some(id), before, after };
    mutation.record(trail, key)
}

fn revoke(
    mutation: &mut Mutation<'_>,
    id: KeyId,
    reason: Option<String>,
) -> Result<Committed<Key>, StoreError> {
    let connection = mutation.connection();
    let old = found(rows::key(connection, mutation.actor().workspace_id, id)?)?;
    if old.revocation.is_some() {
        return Ok(Committed { change_seq: old.change_seq, value: old });
    }
    let keyspace = old.keyspace_id;
    let before = old.audit_view();
    let mut key = old.revoked(reason.clone(), mutation.at);
    key.change_seq = mutation.next_change_seq(keyspace)?;
    connection
        .prepare_cached("UPDATE keys SET revoked_at = ?2, revoked_reason = ?3, updated_at = ?2, change_seq = ?4 WHERE id = ?1")?
        .execute(params![number(id.0), mutation.at.0, reason, number(key.change_seq)])?;
    let (seq, after) = (key.change_seq, key.audit_view());
    let trail = Trail { keyspace, seq, kind: ChangeKind::KeyRevoked, key: Some(id), before, after };
    mutation.record(trail, key)
}

fn insert(connection: &Connection, key: &Key) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO keys (id, keyspace_id, name, description, environment, owner, tags, metadata, enabled, expires_at, \
             permissions, roles, change_seq, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            number(key.id.0),
            number(key.keyspace_id.0),
            key.name,
            key.description,
            key.environment.as_str(),
            key.owner,
            rows::to_json(&key.tags)?,
            rows::to_json(&key.metadata)?,
            key.enabled,
            key.expires_at.map(|at| at.0),
            rows::to_json(&key.permissions)?,
            rows::to_json(&key.roles)?,
            number(key.change_seq),
            key.created_at.0,
            key.updated_at.0,
        ])?;
    for secret in &key.secrets {
        connection
            .prepare_cached(
                "INSERT INTO secrets (id, key_id, keyspace_id, digest, tag, start, created_at, expires_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                number(secret.id.0),
                number(key.id.0),
                number(key.keyspace_id.0),
                secret.digest.0,
                rows::tag(&secret.digest),
                secret.start,
                secret.created_at.0,
                secret.expires_at.map(|at| at.0),
            ])?;
    }
    Ok(())
}

fn store_settings(connection: &Connection, key: &Key) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE keys SET name = ?2, description = ?3, owner = ?4, tags = ?5, metadata = ?6, enabled = ?7, expires_at = ?8, \
             permissions = ?9, roles = ?10, change_seq = ?11, updated_at = ?12 WHERE id = ?1",
        )?
        .execute(params![
            number(key.id.0),
            key.name,
            key.description,
            key.owner,
            rows::to_json(&key.tags)?,
            rows::to_json(&key.metadata)?,
            key.enabled,
            key.expires_at.map(|at| at.0),
            rows::to_json(&key.permissions)?,
            rows::to_json(&key.roles)?,
            number(key.change_seq),
            key.updated_at.0,
        ])?;
    Ok(())
}

fn holder_of_name(
    connection: &Connection,
    keyspace: KeyspaceId,
    owner: Option<&str>,
    name: &str,
) -> Result<Option<KeyId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM keys WHERE keyspace_id = ?1 AND ifnull(owner, '') = ?2 AND name = ?3 AND revoked_at IS NULL",
    )?;
    let holder =
        statement.query_row(params![number(keyspace.0), owner.unwrap_or_default(), name], |row| row.get(0));
    Ok(holder.optional()?.map(|id| KeyId(unsigned(id))))
}

fn refuse_taken_name(
    connection: &Connection,
    keyspace: KeyspaceId,
    owner: Option<&str>,
    name: &str,
    itself: Option<KeyId>,
) -> Result<(), StoreError> {
    match holder_of_name(connection, keyspace, owner, name)? {
        Some(holder) if Some(holder) != itself => {
            Err(DomainError::NameTaken { name: name.to_owned(), holder }.into())
        }
        _ => Ok(()),
    }
}

/// `Key 1`, `Key 2`, …: counts the keyspace's creations, and steps over names that people have taken.
fn next_default_name(
    connection: &Connection,
    keyspace: KeyspaceId,
    owner: Option<&str>,
) -> Result<String, StoreError> {
    loop {
        let created: i64 = connection
            .prepare_cached(
                "UPDATE keyspaces SET keys_created = keys_created + 1 WHERE id = ?1 RETURNING keys_created",
            )?
            .query_row([number(keyspace.0)], |row| row.get(0))?;
        let name = format!("Key {created}");
        if holder_of_name(connection, keyspace, owner, &name)?.is_none() {
            return Ok(name);
        }
    }
}

fn list(
    connection: &Connection,
    keyspace: KeyspaceId,
    filter: KeyFilter,
    page: PageRequest,
    now: Timestamp,
) -> Result<Page<Key>, StoreError> {
    // The order of the conditions is that of `Key::status`.
    let status = match filter.status {
        None => "k.revoked_at IS NULL",
        Some(KeyStatus::Revoked) => "k.revoked_at IS NOT NULL",
        Some(KeyStatus::Disabled) => "k.revoked_at IS NULL AND NOT k.enabled",
        Some(KeyStatus::Expired) => "k.revoked_at IS NULL AND k.enabled AND k.expires_at <= ?4",
        Some(KeyStatus::Active) => {
            "k.revoked_at IS NULL AND k.enabled AND (k.expires_at IS NULL OR k.expires_at > ?4)"
        }
    };
    let sql = format!(
        "SELECT {KEY_COLUMNS} FROM keys AS k WHERE k.keyspace_id = ?1 AND k.id < ?2 AND {status} AND ?4 = ?4 ORDER BY k.id DESC LIMIT ?3"
    );
    let before = page.before.map_or(i64::MAX, number);
    let mut statement = connection.prepare_cached(&sql)?;
    let keys =
        statement.query_map(params![number(keyspace.0), before, page.limit + 1, now.0], rows::read_key)?;
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let page = Page::from_overfull(keys, page.limit);
    let items =
        page.items.into_iter().map(|key| rows::with_secrets(connection, key)).collect::<Result<_, _>>()?;
    Ok(Page { items, has_more: page.has_more })
}
