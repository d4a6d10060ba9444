use async_trait::async_trait;
use rusqlite::{Connection, params};
use serde_json::json;

use super::SqliteStore;
use super::mutation::{Mutation, Trail};
use super::rows::{self, number};
use crate::domain::{Actor, ChangeKind, KeyspaceId, LiveSwitch, Timestamp, WorkspaceId};
use crate::storage::{Committed, EnvironmentStore, StoreError};

#[async_trait]
impl EnvironmentStore for SqliteStore {
    async fn live_switch(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
    ) -> Result<LiveSwitch, StoreError> {
        self.read(move |connection| {
            rows::found_keyspace(connection, workspace, keyspace)?;
            let admin_keys = "SELECT count(*) FROM admin_keys AS a JOIN admin_key_rights AS r ON r.admin_key_id = a.id \
                 WHERE a.workspace_id = ?1 AND r.revoked_at IS NULL";
            let admin_keys: i64 =
                connection.prepare_cached(admin_keys)?.query_row([number(workspace.0)], |row| row.get(0))?;
            Ok(LiveSwitch { enabled: is_on(connection, keyspace)?, admin_keys: rows::unsigned(admin_keys) })
        })
        .await
    }

    async fn switch_live(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        enabled: bool,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError> {
        self.mutate(actor, at, move |mutation| switch(mutation, keyspace, enabled)).await
    }
}

fn switch(mutation: &mut Mutation<'_>, id: KeyspaceId, enabled: bool) -> Result<Committed<()>, StoreError> {
    let keyspace = mutation.keyspace(id)?;
    let connection = mutation.connection();
    let was = is_on(connection, id)?;
    if was == enabled {
        return Ok(Committed { value: (), change_seq: keyspace.change_seq });
    }
    connection.execute(
        "INSERT INTO live_switches (keyspace_id, enabled, changed_at) VALUES (?1, ?2, ?3) \
         ON CONFLICT (keyspace_id) DO UPDATE SET enabled = excluded.enabled, changed_at = excluded.changed_at",
        params![number(id.0), enabled, mutation.at.0],
    )?;
    let seq = mutation.next_change_seq(id)?;
    // What is published of every live key changes with it.
    connection.execute(
        "UPDATE keys SET change_seq = ?2 WHERE keyspace_id = ?1 AND environment = 'live'",
        params![number(id.0), number(seq)],
    )?;
    let kind = if enabled { ChangeKind::LiveEnabled } else { ChangeKind::LiveDisabled };
    let (before, after) = (json!({ "live": was }), json!({ "live": enabled }));
    mutation.record(Trail { keyspace: id, seq, kind, key: None, before, after }, ())
}

/// Whether live keys of a keyspace work.
pub(super) fn is_on(connection: &Connection, keyspace: KeyspaceId) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM live_switches WHERE keyspace_id = ?1 AND enabled = 1)",
    )?;
    Ok(statement.query_row([number(keyspace.0)], |row| row.get(0))?)
}
