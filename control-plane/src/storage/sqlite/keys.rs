use async_trait::async_trait;
use latchkey_token::Environment;
use rusqlite::{Connection, params};
use serde_json::Value;

use super::key_checks::{self, holder_of_name, refuse_taken_name};
use super::mutation::{Mutation, Trail};
use super::rows::number;
use super::{SqliteStore, environments, key_list, policies, restrictions, rows};
use crate::domain::{
    Actor, ChangeKind, DomainError, FieldErrors, Key, KeyId, KeyPatch, KeyspaceId, NewKey, Page, PageRequest,
    Precondition, Revocation, RevocationReason, Secret, Timestamp, WorkspaceId,
};
use crate::storage::{Committed, KeyFilter, KeyStore, StoreError};

#[async_trait]
impl KeyStore for SqliteStore {
    async fn create_key(&self, actor: &Actor, new: NewKey) -> Result<Committed<Key>, StoreError> {
        let at = new.at;
        self.mutate(actor, at, move |mutation| create(mutation, new)).await
    }

    async fn key(&self, workspace: WorkspaceId, id: KeyId) -> Result<Key, StoreError> {
        self.read(move |connection| rows::found_key(connection, workspace, id)).await
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
            rows::found_keyspace(connection, workspace, keyspace)?;
            key_list::list(connection, keyspace, &filter, page, now)
        })
        .await
    }

    async fn update_key(
        &self,
        actor: &Actor,
        id: KeyId,
        expected: Precondition,
        patch: KeyPatch,
        at: Timestamp,
    ) -> Result<Committed<Key>, StoreError> {
        self.mutate(actor, at, move |mutation| update(mutation, id, &expected, patch)).await
    }

    async fn revoke_key(
        &self,
        actor: &Actor,
        id: KeyId,
        expected: Precondition,
        revocation: Revocation,
    ) -> Result<Committed<Key>, StoreError> {
        self.mutate(actor, revocation.at, move |mutation| revoke(mutation, id, &expected, revocation)).await
    }
}

pub(super) fn create(mutation: &mut Mutation<'_>, mut new: NewKey) -> Result<Committed<Key>, StoreError> {
    let connection = mutation.connection();
    let keyspace = new.keyspace_id;
    let rules = mutation.keyspace(keyspace)?;
    if new.settings.environment == Environment::Live && !environments::is_on(connection, keyspace)? {
        return Err(DomainError::LiveNotEnabled.into());
    }
    if !new.settings.roles.is_empty() {
        let mut errors = FieldErrors::default();
        policies::stored(connection, keyspace)?.check_roles(&new.settings.roles, &mut errors);
        errors.into_result()?;
    }
    key_checks::refuse_used_token(connection, mutation.actor().workspace_id, &new.secret.digest)?;
    if let Some(external_id) = &new.settings.external_id
        && let Some(holder) = key_checks::key_of_external_id(connection, keyspace, external_id)?
    {
        return Err(DomainError::ExternalIdTaken(holder).into());
    }
    let owner = new.settings.owner.as_deref();
    if let Some(name) = &new.name {
        refuse_taken_name(connection, keyspace, owner, name, None)?;
    }
    key_checks::refuse_at_quota(connection, &rules, owner)?;
    // Before a row is touched: the other lines of an import stay when this one is refused.
    if !new.settings.restrictions.is_empty() {
        new.clone().into_key(String::new(), 0).check_publishable()?;
    }
    let (name, seq) = match new.name.take() {
        Some(name) => (name, mutation.next_change_seq(keyspace)?),
        None => next_default_name(connection, keyspace, owner)?,
    };
    let key = new.into_key(name, seq);
    insert(connection, &key)?;
    let after = key.audit_view();
    let trail =
        Trail { keyspace, seq, kind: ChangeKind::KeyCreated, key: Some(key.id), before: Value::Null, after };
    mutation.record(trail, key)
}

pub(super) fn update(
    mutation: &mut Mutation<'_>,
    id: KeyId,
    expected: &Precondition,
    patch: KeyPatch,
) -> Result<Committed<Key>, StoreError> {
    let connection = mutation.connection();
    let old = mutation.expected_key(id, expected)?;
    let (keyspace, old_owner) = (old.keyspace_id, old.owner.clone());
    let before = old.audit_view();
    let policy = policies::stored(connection, keyspace)?;
    let changes_restrictions = !patch.restrictions.is_empty();
    let mut key = patch.apply(old, &policy, mutation.at)?;
    refuse_taken_name(connection, keyspace, key.owner.as_deref(), &key.name, Some(id))?;
    if key.owner != old_owner {
        let mut rules = mutation.keyspace(keyspace)?;
        // The keyspace gets no key more.
        rules.rules.keys_quota = None;
        key_checks::refuse_at_quota(connection, &rules, key.owner.as_deref())?;
    }
    if changes_restrictions || !key.restrictions.is_empty() {
        key.check_publishable()?;
    }
    key.change_seq = mutation.next_change_seq(keyspace)?;
    store_settings(connection, &key)?;
    if changes_restrictions {
        restrictions::put(connection, &key)?;
        restrictions::tell_levels(mutation, &key)?;
    }
    let (seq, after) = (key.change_seq, key.audit_view());
    let trail = Trail { keyspace, seq, kind: ChangeKind::KeyUpdated, key: Some(id), before, after };
    mutation.record(trail, key)
}

pub(super) fn revoke(
    mutation: &mut Mutation<'_>,
    id: KeyId,
    expected: &Precondition,
    revocation: Revocation,
) -> Result<Committed<Key>, StoreError> {
    let connection = mutation.connection();
    let old = mutation.expected_key(id, expected)?;
    if let Some(known) = &old.revocation {
        // That it leaked is news that must not be lost: such a key is never restored.
        if known.reason == RevocationReason::Leaked || revocation.reason != RevocationReason::Leaked {
            return Ok(Committed { change_seq: old.change_seq, value: old });
        }
    }
    let keyspace = old.keyspace_id;
    let before = old.audit_view();
    let mut key = old.revoked(revocation);
    key.change_seq = mutation.next_change_seq(keyspace)?;
    store_revocation(connection, &key)?;
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
    if let Some(external_id) = &key.external_id {
        connection
            .prepare_cached(
                "INSERT INTO external_ids (key_id, keyspace_id, external_id) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![number(key.id.0), number(key.keyspace_id.0), external_id])?;
    }
    if !key.restrictions.is_empty() {
        restrictions::put(connection, key)?;
    }
    key.secrets.iter().try_for_each(|secret| insert_secret(connection, key, secret))
}

pub(super) fn insert_secret(connection: &Connection, key: &Key, secret: &Secret) -> Result<(), StoreError> {
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
    Ok(())
}

fn store_revocation(connection: &Connection, key: &Key) -> Result<(), StoreError> {
    let Some(revocation) = &key.revocation else { return Ok(()) };
    connection
        .prepare_cached("UPDATE keys SET revoked_at = ?2, revoked_reason = ?3, updated_at = ?4, change_seq = ?5 WHERE id = ?1")?
        .execute(params![
            number(key.id.0),
            revocation.at.0,
            revocation.reason.as_str(),
            key.updated_at.0,
            number(key.change_seq)
        ])?;
    if let Some(note) = &revocation.note {
        connection
            .prepare_cached("INSERT OR REPLACE INTO revocation_notes (key_id, note) VALUES (?1, ?2)")?
            .execute(params![number(key.id.0), note])?;
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

/// `Key 1`, `Key 2`, …, and the number that the change has in its keyspace's log. Counts the keyspace's creations, and steps over
/// names that people have taken.
fn next_default_name(
    connection: &Connection,
    keyspace: KeyspaceId,
    owner: Option<&str>,
) -> Result<(String, u64), StoreError> {
    let mut skipped = 0;
    loop {
        // Both numbers in one statement: this is done for nearly every key that is made.
        let (created, seq): (i64, i64) = connection
            .prepare_cached(
                "UPDATE keyspaces SET keys_created = keys_created + 1, change_seq = change_seq + ?2 WHERE id = ?1 \
                 RETURNING keys_created, change_seq",
            )?
            .query_row([number(keyspace.0), i64::from(skipped == 0)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let name = format!("Key {created}");
        if holder_of_name(connection, keyspace, owner, &name)?.is_none() {
            return Ok((name, rows::unsigned(seq)));
        }
        skipped += 1;
    }
}
