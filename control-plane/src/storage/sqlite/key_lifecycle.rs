//! Rotation and restoring, and finding a key by its token.

use async_trait::async_trait;
use latchkey_token::Digest;
use rusqlite::{Connection, OptionalExtension, params};

use super::keys::insert_secret;
use super::mutation::{Mutation, Trail};
use super::rows::{number, unsigned};
use super::{SqliteStore, imports, key_checks, leaks, rows};
use crate::domain::error::ObjectKind;
use crate::domain::{
    Actor, ChangeKind, DomainError, FoundToken, Key, KeyId, KeyImport, KeyspaceId, Precondition, Secret,
    Timestamp, WorkspaceId,
};
use crate::storage::{Committed, KeyLifecycleStore, StoreError};

#[async_trait]
impl KeyLifecycleStore for SqliteStore {
    async fn key_of_token(&self, workspace: WorkspaceId, digest: Digest) -> Result<Key, StoreError> {
        self.read(move |connection| {
            let id = id_of_token(connection, workspace, &digest)?;
            rows::found_key(connection, workspace, id.ok_or(DomainError::NotFound(ObjectKind::Key))?)
        })
        .await
    }

    async fn home_of_token(
        &self,
        workspace: WorkspaceId,
        digest: Digest,
    ) -> Result<Option<(KeyspaceId, Option<Key>)>, StoreError> {
        self.read(move |connection| {
            if let Some(id) = id_of_token(connection, workspace, &digest)? {
                let key = rows::key(connection, workspace, id)?;
                return Ok(key.map(|key| (key.keyspace_id, Some(key))));
            }
            let mut statement = connection.prepare_cached(
                "SELECT p.keyspace_id FROM purged_secrets AS p JOIN keyspaces AS s ON s.id = p.keyspace_id \
                 WHERE p.workspace_id = ?1 AND p.digest = ?2 AND s.deleted_at IS NULL",
            )?;
            let home =
                statement.query_row(params![number(workspace.0), digest.0], |row| row.get(0)).optional()?;
            Ok(home.map(|id| (KeyspaceId(unsigned(id)), None)))
        })
        .await
    }

    async fn keys_of_presented_token(&self, digest: Digest) -> Result<Vec<(WorkspaceId, KeyId)>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT s.workspace_id, t.key_id FROM secrets AS t JOIN keyspaces AS s ON s.id = t.keyspace_id \
                 WHERE t.digest = ?1 AND s.deleted_at IS NULL",
            )?;
            let keys = statement.query_map([digest.0], |row| {
                Ok((WorkspaceId(unsigned(row.get(0)?)), KeyId(unsigned(row.get(1)?))))
            })?;
            Ok(keys.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn rotate_key(
        &self,
        actor: &Actor,
        id: KeyId,
        expected: Precondition,
        new: Secret,
        old_expires_at: Timestamp,
    ) -> Result<Committed<Key>, StoreError> {
        let at = new.created_at;
        self.mutate(actor, at, move |mutation| rotate(mutation, id, &expected, new, old_expires_at)).await
    }

    async fn reschedule_key(
        &self,
        actor: &Actor,
        id: KeyId,
        expected: Precondition,
        old_expires_at: Timestamp,
        at: Timestamp,
    ) -> Result<Committed<Key>, StoreError> {
        self.mutate(actor, at, move |mutation| reschedule(mutation, id, &expected, old_expires_at)).await
    }

    async fn restore_key(
        &self,
        actor: &Actor,
        id: KeyId,
        expected: Precondition,
        at: Timestamp,
    ) -> Result<Committed<Key>, StoreError> {
        self.mutate(actor, at, move |mutation| restore(mutation, id, &expected)).await
    }

    async fn revoke_leaked_keys(
        &self,
        actor: &Actor,
        tokens: Vec<FoundToken>,
        keyspaces: Option<Vec<KeyspaceId>>,
        at: Timestamp,
    ) -> Result<Vec<leaks::Outcome>, StoreError> {
        let report = move |mutation: &mut Mutation<'_>| {
            let value = leaks::report(mutation, &tokens, keyspaces.as_deref())?;
            Ok(Committed { value, change_seq: 0 })
        };
        Ok(self.mutate(actor, at, report).await?.value)
    }

    async fn import_keys(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        keys: Vec<KeyImport>,
        at: Timestamp,
    ) -> Result<Vec<imports::Outcome>, StoreError> {
        let import = move |mutation: &mut Mutation<'_>| {
            let value = imports::import(mutation, keyspace, keys)?;
            Ok(Committed { value, change_seq: 0 })
        };
        Ok(self.mutate(actor, at, import).await?.value)
    }
}

/// The key of the workspace that a token stands for.
pub(super) fn id_of_token(
    connection: &Connection,
    workspace: WorkspaceId,
    digest: &Digest,
) -> Result<Option<KeyId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT t.key_id FROM secrets AS t JOIN keyspaces AS s ON s.id = t.keyspace_id \
         WHERE t.digest = ?1 AND s.workspace_id = ?2 AND s.deleted_at IS NULL",
    )?;
    let id = statement.query_row(params![digest.0, number(workspace.0)], |row| row.get(0)).optional()?;
    Ok(id.map(|id| KeyId(unsigned(id))))
}

fn rotate(
    mutation: &mut Mutation<'_>,
    id: KeyId,
    expected: &Precondition,
    new: Secret,
    old_expires_at: Timestamp,
) -> Result<Committed<Key>, StoreError> {
    let connection = mutation.connection();
    let workspace = mutation.actor().workspace_id;
    let old = mutation.expected_key(id, expected)?;
    let (keyspace, before) = (old.keyspace_id, old.audit_view());
    let mut key = old.rotated(new, old_expires_at)?;
    for secret in &key.secrets {
        let is_new = secret.created_at == mutation.at && secret.expires_at.is_none();
        if is_new {
            key_checks::refuse_used_token(connection, workspace, &secret.digest)?;
            insert_secret(connection, &key, secret)?;
        } else {
            store_end(connection, secret)?;
        }
    }
    key.change_seq = mutation.next_change_seq(keyspace)?;
    touch(connection, &key)?;
    let (seq, after) = (key.change_seq, key.audit_view());
    let trail = Trail { keyspace, seq, kind: ChangeKind::KeyRotated, key: Some(id), before, after };
    mutation.record(trail, key)
}

fn reschedule(
    mutation: &mut Mutation<'_>,
    id: KeyId,
    expected: &Precondition,
    old_expires_at: Timestamp,
) -> Result<Committed<Key>, StoreError> {
    let connection = mutation.connection();
    let old = mutation.expected_key(id, expected)?;
    let (keyspace, before) = (old.keyspace_id, old.audit_view());
    let mut key = old.rescheduled(old_expires_at, mutation.at)?;
    key.secrets.iter().try_for_each(|secret| store_end(connection, secret))?;
    key.change_seq = mutation.next_change_seq(keyspace)?;
    touch(connection, &key)?;
    let (seq, after) = (key.change_seq, key.audit_view());
    let trail = Trail { keyspace, seq, kind: ChangeKind::KeyUpdated, key: Some(id), before, after };
    mutation.record(trail, key)
}

fn store_end(connection: &Connection, secret: &Secret) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE secrets SET expires_at = ?2 WHERE id = ?1")?
        .execute(params![number(secret.id.0), secret.expires_at.map(|at| at.0)])?;
    Ok(())
}

fn restore(
    mutation: &mut Mutation<'_>,
    id: KeyId,
    expected: &Precondition,
) -> Result<Committed<Key>, StoreError> {
    let connection = mutation.connection();
    let old = mutation.expected_key(id, expected)?;
    let keyspace = mutation.keyspace(old.keyspace_id)?;
    let before = old.audit_view();
    let mut key = old.restored(keyspace.rules.retention_days, mutation.at)?;
    key_checks::refuse_taken_name(connection, keyspace.id, key.owner.as_deref(), &key.name, Some(id))?;
    key_checks::refuse_at_quota(connection, &keyspace, key.owner.as_deref())?;
    key.change_seq = mutation.next_change_seq(keyspace.id)?;
    connection
        .prepare_cached("UPDATE keys SET revoked_at = NULL, revoked_reason = NULL WHERE id = ?1")?
        .execute([number(id.0)])?;
    connection.prepare_cached("DELETE FROM revocation_notes WHERE key_id = ?1")?.execute([number(id.0)])?;
    touch(connection, &key)?;
    let (seq, after) = (key.change_seq, key.audit_view());
    let trail =
        Trail { keyspace: keyspace.id, seq, kind: ChangeKind::KeyRestored, key: Some(id), before, after };
    mutation.record(trail, key)
}

fn touch(connection: &Connection, key: &Key) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE keys SET change_seq = ?2, updated_at = ?3 WHERE id = ?1")?
        .execute(params![number(key.id.0), number(key.change_seq), key.updated_at.0])?;
    Ok(())
}
