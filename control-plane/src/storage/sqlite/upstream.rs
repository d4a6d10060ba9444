//! Credentials for upstreams.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::mutation::{Mutation, Trail};
use super::rows::{self, number, unsigned};
use super::{SqliteStore, policies};
use crate::domain::error::ObjectKind;
use crate::domain::upstream_credential::{
    GateEncryptionKey, MAX_UPSTREAM_CREDENTIALS, UpstreamCredentialSettings,
};
use crate::domain::{
    Actor, ChangeKind, DomainError, FieldErrors, KeyspaceId, Page, PageRequest, Timestamp,
    UpstreamCredential, UpstreamCredentialId, WorkspaceId,
};
use crate::storage::{Committed, PublishedCredential, SealedValue, StoreError, UpstreamStore};

const COLUMNS: &str = "id, keyspace_id, name, header, prefix, value_bytes, created_at, updated_at, sealed_value, gate_key, gate_value \
     FROM upstream_credentials";

#[async_trait]
impl UpstreamStore for SqliteStore {
    async fn create_upstream_credential(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        id: UpstreamCredentialId,
        settings: UpstreamCredentialSettings,
        value: SealedValue,
        at: Timestamp,
    ) -> Result<Committed<UpstreamCredential>, StoreError> {
        let UpstreamCredentialSettings { name, header, prefix } = settings;
        let credential = UpstreamCredential {
            id,
            keyspace_id: keyspace,
            name,
            header,
            prefix,
            value_bytes: value.value_bytes,
            created_at: at,
            updated_at: at,
        };
        self.mutate(actor, at, move |mutation| create(mutation, credential, &value)).await
    }

    async fn upstream_credential(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        id: UpstreamCredentialId,
    ) -> Result<UpstreamCredential, StoreError> {
        self.read(move |connection| {
            rows::found_keyspace(connection, workspace, keyspace)?;
            stored(connection, keyspace, id)
        })
        .await
    }

    async fn upstream_credentials(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        page: PageRequest,
    ) -> Result<Page<UpstreamCredential>, StoreError> {
        self.read(move |connection| {
            rows::found_keyspace(connection, workspace, keyspace)?;
            let sql =
                format!("SELECT {COLUMNS} WHERE keyspace_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3");
            let mut statement = connection.prepare_cached(&sql)?;
            let before = page.before.map_or(i64::MAX, number);
            let found = statement.query_map(params![number(keyspace.0), before, page.limit + 1], read)?;
            Ok(Page::from_overfull(found.collect::<Result<_, _>>()?, page.limit))
        })
        .await
    }

    async fn update_upstream_credential(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        id: UpstreamCredentialId,
        settings: UpstreamCredentialSettings,
        value: Option<SealedValue>,
        at: Timestamp,
    ) -> Result<Committed<UpstreamCredential>, StoreError> {
        self.mutate(actor, at, move |mutation| update(mutation, keyspace, id, settings, value)).await
    }

    async fn delete_upstream_credential(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        id: UpstreamCredentialId,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError> {
        self.mutate(actor, at, move |mutation| {
            mutation.keyspace(keyspace)?;
            let old = stored(mutation.connection(), keyspace, id)?;
            mutation
                .connection()
                .prepare_cached("DELETE FROM upstream_credentials WHERE id = ?1")?
                .execute([number(id.0)])?;
            record(mutation, ChangeKind::UpstreamCredentialDeleted, old.audit_view(), Value::Null, &old, ())
        })
        .await
    }

    async fn published_credentials(
        &self,
        keyspace: KeyspaceId,
    ) -> Result<Vec<PublishedCredential>, StoreError> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} WHERE keyspace_id = ?1 ORDER BY name");
            let mut statement = connection.prepare_cached(&sql)?;
            let found = statement.query_map([number(keyspace.0)], |row| {
                let gate_key: Option<[u8; 32]> = row.get(9)?;
                Ok(PublishedCredential {
                    credential: read(row)?,
                    sealed: row.get(8)?,
                    for_gates: gate_key.map(GateEncryptionKey).zip(row.get(10)?),
                })
            })?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn keep_for_gates(
        &self,
        of: PublishedCredential,
        key: GateEncryptionKey,
        sealed: Vec<u8>,
    ) -> Result<(), StoreError> {
        self.keep(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE upstream_credentials SET gate_key = ?3, gate_value = ?4 WHERE id = ?1 AND sealed_value = ?2",
                )?
                .execute(params![number(of.credential.id.0), of.sealed, key.0, sealed])?;
            Ok(())
        })
        .await
    }
}

fn create(
    mutation: &mut Mutation<'_>,
    credential: UpstreamCredential,
    value: &SealedValue,
) -> Result<Committed<UpstreamCredential>, StoreError> {
    let keyspace = mutation.keyspace(credential.keyspace_id)?;
    if keyspace.gate_encryption_key.is_none() {
        return Err(DomainError::GateEncryptionKeyMissing.into());
    }
    let connection = mutation.connection();
    refuse_taken_name(connection, keyspace.id, &credential.name)?;
    if count(connection, keyspace.id)? >= MAX_UPSTREAM_CREDENTIALS as u64 {
        let mut errors = FieldErrors::default();
        errors.add("", format!("a keyspace has at most {MAX_UPSTREAM_CREDENTIALS} upstream credentials"));
        errors.into_result()?;
    }
    connection
        .prepare_cached(
            "INSERT INTO upstream_credentials (id, keyspace_id, name, header, prefix, value_bytes, created_at, updated_at, sealed_value) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            number(credential.id.0),
            number(keyspace.id.0),
            credential.name,
            credential.header,
            credential.prefix,
            number(value.value_bytes as u64),
            credential.created_at.0,
            credential.updated_at.0,
            value.sealed,
        ])?;
    policies::stored(connection, keyspace.id)?.check_publishable()?;
    let after = credential.audit_view();
    let kind = ChangeKind::UpstreamCredentialCreated;
    record(mutation, kind, Value::Null, after, &credential.clone(), credential)
}

fn update(
    mutation: &mut Mutation<'_>,
    keyspace: KeyspaceId,
    id: UpstreamCredentialId,
    settings: UpstreamCredentialSettings,
    value: Option<SealedValue>,
) -> Result<Committed<UpstreamCredential>, StoreError> {
    mutation.keyspace(keyspace)?;
    let connection = mutation.connection();
    let old = stored(connection, keyspace, id)?;
    let before = old.audit_view();
    let mut new = UpstreamCredential {
        header: settings.header,
        prefix: settings.prefix,
        updated_at: mutation.at,
        ..old
    };
    connection
        .prepare_cached(
            "UPDATE upstream_credentials SET header = ?2, prefix = ?3, updated_at = ?4 WHERE id = ?1",
        )?
        .execute(params![number(id.0), new.header, new.prefix, new.updated_at.0])?;
    let mut after = new.audit_view();
    if let Some(value) = value {
        connection
            .prepare_cached(
                "UPDATE upstream_credentials SET sealed_value = ?2, value_bytes = ?3, gate_key = NULL, gate_value = NULL WHERE id = ?1",
            )?
            .execute(params![number(id.0), value.sealed, number(value.value_bytes as u64)])?;
        new.value_bytes = value.value_bytes;
        after["value"] = "replaced".into();
    }
    policies::stored(connection, keyspace)?.check_publishable()?;
    let kind = ChangeKind::UpstreamCredentialUpdated;
    record(mutation, kind, before, after, &new.clone(), new)
}

fn record<T>(
    mutation: &mut Mutation<'_>,
    kind: ChangeKind,
    before: Value,
    after: Value,
    about: &UpstreamCredential,
    value: T,
) -> Result<Committed<T>, StoreError> {
    let keyspace = about.keyspace_id;
    let seq = mutation.next_change_seq(keyspace)?;
    let trail = Trail { keyspace, seq, kind, key: None, before, after };
    mutation.record_about(about.id.to_string(), trail, value)
}

/// All credentials of a keyspace, by name.
pub(super) fn all(
    connection: &Connection,
    keyspace: KeyspaceId,
) -> Result<Vec<UpstreamCredential>, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE keyspace_id = ?1 ORDER BY name");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_map([number(keyspace.0)], read)?.collect::<Result<_, _>>()?)
}

/// How many credentials a keyspace has.
pub(super) fn count(connection: &Connection, keyspace: KeyspaceId) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM upstream_credentials WHERE keyspace_id = ?1";
    Ok(unsigned(connection.prepare_cached(sql)?.query_row([number(keyspace.0)], |row| row.get(0))?))
}

fn stored(
    connection: &Connection,
    keyspace: KeyspaceId,
    id: UpstreamCredentialId,
) -> Result<UpstreamCredential, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE keyspace_id = ?1 AND id = ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row(params![number(keyspace.0), number(id.0)], read).optional()?;
    found.ok_or_else(|| DomainError::NotFound(ObjectKind::UpstreamCredential).into())
}

fn refuse_taken_name(connection: &Connection, keyspace: KeyspaceId, name: &str) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM upstream_credentials WHERE keyspace_id = ?1 AND name = ?2")?;
    let holder = statement.query_row(params![number(keyspace.0), name], |row| row.get(0)).optional()?;
    match holder {
        Some(holder) => {
            let holder = UpstreamCredentialId(unsigned(holder));
            Err(DomainError::UpstreamCredentialNameTaken { name: name.to_owned(), holder }.into())
        }
        None => Ok(()),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<UpstreamCredential> {
    Ok(UpstreamCredential {
        id: UpstreamCredentialId(unsigned(row.get(0)?)),
        keyspace_id: KeyspaceId(unsigned(row.get(1)?)),
        name: row.get(2)?,
        header: row.get(3)?,
        prefix: row.get(4)?,
        value_bytes: row.get::<_, u32>(5)? as usize,
        created_at: Timestamp(row.get(6)?),
        updated_at: Timestamp(row.get(7)?),
    })
}
