//! Deleting for good what was kept long enough.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use serde_json::Value;

use super::SqliteStore;
use super::mutation::Mutation;
use super::rows::{self, number, unsigned};
use crate::domain::audit::AuditDraft;
use crate::domain::{Actor, Key, KeyspaceId, Timestamp, WorkspaceId};
use crate::storage::{Committed, RetentionStore, StoreError};

const DAY_MILLISECONDS: i64 = 86_400_000;

/// What belongs to a key and goes with it. A table that refers to keys and is not here keeps them from being purged, and a test from
/// passing.
const OF_A_KEY: [&str; 8] = [
    "secrets",
    "external_ids",
    "revocation_notes",
    "key_restrictions",
    "credit_refills",
    "last_used",
    "reported_credits",
    "credit_alerts",
];

#[async_trait]
impl RetentionStore for SqliteStore {
    async fn keyspaces_to_purge(&self, now: Timestamp) -> Result<Vec<(WorkspaceId, KeyspaceId)>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT s.workspace_id, s.id FROM keyspaces AS s JOIN key_rules AS r ON r.keyspace_id = s.id WHERE EXISTS (\
                     SELECT 1 FROM keys WHERE keyspace_id = s.id AND revoked_at IS NOT NULL \
                     AND revoked_at <= ?1 - r.retention_days * ?2) ORDER BY s.id",
            )?;
            let keyspaces = statement.query_map(params![now.0, DAY_MILLISECONDS], |row| {
                Ok((WorkspaceId(unsigned(row.get(0)?)), KeyspaceId(unsigned(row.get(1)?))))
            })?;
            Ok(keyspaces.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn purge_keys(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        limit: u32,
        at: Timestamp,
    ) -> Result<u32, StoreError> {
        let purge = move |mutation: &mut Mutation<'_>| {
            let keys = due(mutation.connection(), keyspace, limit, mutation.at)?;
            let value = u32::try_from(keys.len()).unwrap_or(u32::MAX);
            for key in keys {
                purge_one(mutation, &key)?;
            }
            Ok(Committed { value, change_seq: 0 })
        };
        Ok(self.mutate(actor, at, purge).await?.value)
    }

    async fn forget_answers(&self, forget_before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.keep(move |connection| {
            let forgotten = connection
                .prepare_cached(
                    "DELETE FROM idempotency WHERE (admin_key_id, name) IN \
                     (SELECT admin_key_id, name FROM idempotency WHERE claimed_at < ?1 LIMIT ?2)",
                )?
                .execute(params![forget_before.0, limit])?;
            Ok(u32::try_from(forgotten).unwrap_or(u32::MAX))
        })
        .await
    }

    async fn forget_sessions(
        &self,
        now: Timestamp,
        idle_since: Timestamp,
        limit: u32,
    ) -> Result<u32, StoreError> {
        self.keep(move |connection| {
            let forgotten = connection
                .prepare_cached(
                    "DELETE FROM sessions WHERE id IN \
                     (SELECT id FROM sessions WHERE ends_at <= ?1 OR last_used_at <= ?2 LIMIT ?3)",
                )?
                .execute(params![now.0, idle_since.0, limit])?;
            Ok(u32::try_from(forgotten).unwrap_or(u32::MAX))
        })
        .await
    }
}

fn due(
    connection: &Connection,
    keyspace: KeyspaceId,
    limit: u32,
    now: Timestamp,
) -> Result<Vec<Key>, StoreError> {
    let sql = format!(
        "SELECT {} FROM keys AS k WHERE k.keyspace_id = ?1 AND k.revoked_at IS NOT NULL AND k.revoked_at <= ?2 - ?3 * \
         (SELECT retention_days FROM key_rules WHERE keyspace_id = ?1) ORDER BY k.revoked_at LIMIT ?4",
        rows::KEY_COLUMNS
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let keys =
        statement.query_map(params![number(keyspace.0), now.0, DAY_MILLISECONDS, limit], rows::read_key)?;
    keys.map(|key| rows::with_secrets(connection, key?)).collect()
}

/// Leaves no row in the change log: what gates know of the key stays as it is.
fn purge_one(mutation: &mut Mutation<'_>, key: &Key) -> Result<(), StoreError> {
    let connection = mutation.connection();
    // Under the change that revoked the key: whoever merges what happened since before then has to say so again.
    connection
        .prepare_cached(
            "INSERT INTO purged_secrets (workspace_id, digest, keyspace_id, key_id, tag, change_seq) \
             SELECT ?1, digest, keyspace_id, key_id, tag, ?3 FROM secrets WHERE key_id = ?2",
        )?
        .execute(params![
            number(mutation.actor().workspace_id.0),
            number(key.id.0),
            number(key.change_seq)
        ])?;
    for table in OF_A_KEY {
        connection
            .prepare_cached(&format!("DELETE FROM {table} WHERE key_id = ?1"))?
            .execute([number(key.id.0)])?;
    }
    connection.prepare_cached("DELETE FROM keys WHERE id = ?1")?.execute([number(key.id.0)])?;
    let draft = AuditDraft {
        keyspace_id: Some(key.keyspace_id),
        action: "key.purged",
        object: key.id.to_string(),
        before: key.audit_view(),
        after: Value::Null,
    };
    mutation.record_in_workspace(draft, ()).map(drop)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[tokio::test]
    async fn whatever_refers_to_keys_is_purged_with_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        let referring = store.read(|connection| {
            let mut statement = connection.prepare(
                "SELECT DISTINCT m.name FROM sqlite_schema AS m JOIN pragma_foreign_key_list(m.name) AS f \
                 WHERE m.type = 'table' AND f.\"table\" = 'keys'",
            )?;
            let names = statement.query_map([], |row| row.get::<_, String>(0))?;
            Ok(names.collect::<Result<BTreeSet<_>, _>>()?)
        });
        assert_eq!(referring.await.unwrap(), OF_A_KEY.map(str::to_owned).into());
    }
}
