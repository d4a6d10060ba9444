use async_trait::async_trait;
use rusqlite::{Connection, params};
use serde_json::Value;

use super::mutation::{Mutation, Trail};
use super::rows::number;
use super::{SqliteStore, head_keys, policies, roles, rows, sinks, upstream};
use crate::domain::{
    Actor, ChangeKind, DomainError, GateUrl, HeadKeyState, Keyspace, KeyspaceId, KeyspacePatch, Page,
    PageRequest, PolicyState, Timestamp, WorkspaceId,
};
use crate::storage::{Committed, DeleteMode, KeyspaceStore, NewKeyspace, StoreError};

#[async_trait]
impl KeyspaceStore for SqliteStore {
    async fn create_keyspace(
        &self,
        actor: &Actor,
        new: NewKeyspace,
    ) -> Result<Committed<Keyspace>, StoreError> {
        let at = new.at;
        self.mutate(actor, at, move |mutation| create(mutation, new)).await
    }

    async fn keyspace(&self, workspace: WorkspaceId, id: KeyspaceId) -> Result<Keyspace, StoreError> {
        self.read_here(|connection| rows::found_keyspace(connection, workspace, id)).await
    }

    async fn keyspaces(
        &self,
        workspace: WorkspaceId,
        page: PageRequest,
    ) -> Result<Page<Keyspace>, StoreError> {
        self.read(move |connection| {
            let before = page.before.map_or(i64::MAX, number);
            let items = rows::keyspaces(connection, workspace, before, page.limit + 1)?;
            Ok(Page::from_overfull(items, page.limit))
        })
        .await
    }

    async fn update_keyspace(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        patch: KeyspacePatch,
        at: Timestamp,
    ) -> Result<Committed<Keyspace>, StoreError> {
        self.mutate(actor, at, move |mutation| update(mutation, id, patch)).await
    }

    async fn delete_keyspace(
        &self,
        actor: &Actor,
        id: KeyspaceId,
        mode: DeleteMode,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError> {
        self.mutate(actor, at, move |mutation| delete(mutation, id, mode)).await
    }
}

fn create(mutation: &mut Mutation<'_>, new: NewKeyspace) -> Result<Committed<Keyspace>, StoreError> {
    let connection = mutation.connection();
    let NewKeyspace { id, settings, roles: first_roles, signing_key, at } = new;
    let keyspace = Keyspace {
        id,
        workspace_id: mutation.actor().workspace_id,
        name: settings.name,
        prefix: settings.prefix,
        environment: settings.environment,
        gates: settings.gates,
        sinks: settings.sinks.iter().map(|setting| setting.sink.clone()).collect(),
        freshness: settings.freshness,
        rules: settings.rules,
        gate_encryption_key: settings.gate_encryption_key,
        kill: None,
        change_seq: 1,
        created_at: at,
        updated_at: at,
        deleted_at: None,
    };
    connection
        .prepare_cached(
            "INSERT INTO keyspaces (id, workspace_id, name, prefix, environment, gates, fresh_seconds, valid_seconds, on_expired, \
             created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            number(id.0),
            number(keyspace.workspace_id.0),
            keyspace.name,
            keyspace.prefix.as_str(),
            keyspace.environment.as_str(),
            gates_json(&keyspace)?,
            keyspace.freshness.fresh_seconds,
            keyspace.freshness.valid_seconds,
            keyspace.freshness.on_expired.as_str(),
            at.0,
            at.0,
        ])?;
    // Without a beginning, so that a gate can be set up with nothing but the key.
    head_keys::insert(connection, id, &signing_key, HeadKeyState::Current, Timestamp(0), at)?;
    store_rules(connection, &keyspace)?;
    sinks::replace(connection, id, &settings.sinks)?;
    policies::insert(connection, &PolicyState::new(id, at))?;
    let mut after = keyspace.audit_view();
    let made = first_roles.into_iter().map(|role| roles::insert(connection, id, role, at));
    after["roles"] = made.map(|role| Ok(role?.audit_view())).collect::<Result<Vec<_>, StoreError>>()?.into();
    let seq = mutation.next_change_seq(id)?;
    let trail =
        Trail { keyspace: id, seq, kind: ChangeKind::KeyspaceCreated, key: None, before: Value::Null, after };
    mutation.record(trail, keyspace)
}

fn update(
    mutation: &mut Mutation<'_>,
    id: KeyspaceId,
    patch: KeyspacePatch,
) -> Result<Committed<Keyspace>, StoreError> {
    let old = mutation.keyspace(id)?;
    let before = old.audit_view();
    let settings = patch.apply(&old)?;
    let sinks = settings.sinks.clone();
    let seq = mutation.next_change_seq(id)?;
    let mut keyspace = old.with_settings(settings, mutation.at);
    keyspace.change_seq = seq;
    if keyspace.gate_encryption_key.is_none() {
        let credentials = upstream::count(mutation.connection(), id)?;
        if credentials > 0 {
            return Err(DomainError::GateEncryptionKeyInUse { credentials }.into());
        }
    }
    mutation
        .connection()
        .prepare_cached(
            "UPDATE keyspaces SET name = ?2, prefix = ?3, environment = ?4, gates = ?5, fresh_seconds = ?6, valid_seconds = ?7, \
             on_expired = ?8, updated_at = ?9 WHERE id = ?1",
        )?
        .execute(params![
            number(id.0),
            keyspace.name,
            keyspace.prefix.as_str(),
            keyspace.environment.as_str(),
            gates_json(&keyspace)?,
            keyspace.freshness.fresh_seconds,
            keyspace.freshness.valid_seconds,
            keyspace.freshness.on_expired.as_str(),
            keyspace.updated_at.0,
        ])?;
    store_rules(mutation.connection(), &keyspace)?;
    sinks::replace(mutation.connection(), id, &sinks)?;
    let mut after = keyspace.audit_view();
    let replaced = sinks.iter().filter(|setting| setting.sealed.is_some());
    let replaced: Vec<_> = replaced.map(|setting| setting.sink.name.as_str()).collect();
    if !replaced.is_empty() {
        after["sink_secrets_replaced"] = replaced.into();
    }
    let trail = Trail { keyspace: id, seq, kind: ChangeKind::KeyspaceUpdated, key: None, before, after };
    mutation.record(trail, keyspace)
}

fn delete(
    mutation: &mut Mutation<'_>,
    id: KeyspaceId,
    mode: DeleteMode,
) -> Result<Committed<()>, StoreError> {
    let keyspace = mutation.keyspace(id)?;
    let live_keys = count_live_keys(mutation.connection(), id, mutation.at)?;
    if live_keys > 0 && mode == DeleteMode::OnlyWithoutLiveKeys {
        return Err(DomainError::KeyspaceInUse { live_keys }.into());
    }
    let seq = mutation.next_change_seq(id)?;
    let at = mutation.at;
    let connection = mutation.connection();
    connection.execute(
        "INSERT INTO revocation_notes SELECT id, 'its keyspace was deleted' FROM keys WHERE keyspace_id = ?1 AND revoked_at IS NULL",
        [number(id.0)],
    )?;
    connection.execute(
        "UPDATE keys SET revoked_at = ?2, revoked_reason = 'admin', updated_at = ?2, change_seq = ?3 \
         WHERE keyspace_id = ?1 AND revoked_at IS NULL",
        params![number(id.0), at.0, number(seq)],
    )?;
    // Secrets of others that nobody needs any more.
    connection.execute("DELETE FROM upstream_credentials WHERE keyspace_id = ?1", [number(id.0)])?;
    connection.execute(
        "UPDATE keyspaces SET deleted_at = ?2, updated_at = ?2 WHERE id = ?1",
        params![number(id.0), at.0],
    )?;
    let after = serde_json::json!({ "deleted_at": at, "keys_revoked": live_keys });
    let before = keyspace.audit_view();
    mutation
        .record(Trail { keyspace: id, seq, kind: ChangeKind::KeyspaceDeleted, key: None, before, after }, ())
}

fn store_rules(connection: &Connection, keyspace: &Keyspace) -> Result<(), StoreError> {
    let rules = &keyspace.rules;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO key_rules (keyspace_id, keys_quota, owner_quota, leak_policy, retention_days, default_expiry_days, \
             foreign_tokens) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            number(keyspace.id.0),
            rules.keys_quota.map(number),
            rules.owner_quota.map(number),
            rules.leak_policy.as_str(),
            rules.retention_days,
            rules.default_expiry_days,
            rules.foreign_tokens,
        ])?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO request_log_rules (keyspace_id, request_log_days) VALUES (?1, ?2)",
        )?
        .execute(params![number(keyspace.id.0), rules.request_log_days])?;
    match keyspace.gate_encryption_key {
        Some(key) => connection
            .prepare_cached(
                "INSERT OR REPLACE INTO gate_encryption_keys (keyspace_id, public_key) VALUES (?1, ?2)",
            )?
            .execute(params![number(keyspace.id.0), key.0])?,
        None => connection
            .prepare_cached("DELETE FROM gate_encryption_keys WHERE keyspace_id = ?1")?
            .execute([number(keyspace.id.0)])?,
    };
    Ok(())
}

fn count_live_keys(connection: &Connection, id: KeyspaceId, now: Timestamp) -> Result<u64, StoreError> {
    let count: i64 = connection.query_row(
        "SELECT count(*) FROM keys WHERE keyspace_id = ?1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)",
        params![number(id.0), now.0],
        |row| row.get(0),
    )?;
    Ok(rows::unsigned(count))
}

fn gates_json(keyspace: &Keyspace) -> Result<String, StoreError> {
    rows::to_json(&keyspace.gates.iter().map(GateUrl::as_str).collect::<Vec<_>>())
}
