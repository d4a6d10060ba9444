use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{number, unsigned};
use super::{
    SqliteStore, base_rows, epochs, head_keys, holds, kills, policies, published_heads, rows, webhooks,
};
use crate::domain::{
    EventType, KeyId, Keyspace, KeyspaceId, Page, PageRequest, PolicyState, Timestamp, WorkspaceId,
};
use crate::storage::{
    BasePage, BaseProfile, BaseRow, Body, BodyChanges, ChangedKey, ChangedRow, ChangesSince, HeadOutline,
    Publication, PublicationStore, PublishedHead, RevokedOwner, Signing, StoreError, TagRange,
};

/// Bodies that are deleted in one transaction: each is some tens of pages.
const BODIES_AT_ONCE: usize = 32;

#[async_trait]
impl PublicationStore for SqliteStore {
    async fn published_keyspaces(&self, deleted_since: Timestamp) -> Result<Vec<KeyspaceId>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id FROM keyspaces WHERE deleted_at IS NULL OR (gates <> '[]' AND deleted_at >= ?1) ORDER BY id",
            )?;
            let ids = statement.query_map([deleted_since.0], |row| Ok(KeyspaceId(unsigned(row.get(0)?))))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn publishing_state(
        &self,
        id: KeyspaceId,
    ) -> Result<Option<(Keyspace, PolicyState, Signing)>, StoreError> {
        self.read(move |connection| {
            let Some(keyspace) = rows::any_keyspace(connection, id)? else { return Ok(None) };
            let policy = policies::stored(connection, id)?;
            let signing = Signing {
                keys: head_keys::sealed_keys(connection, id)?,
                epoch: epochs::epoch(connection, id)?,
                foreign: epochs::foreign_head(connection, id)?,
                pause: holds::pause(connection, id)?,
            };
            Ok(Some((keyspace, policy, signing)))
        })
        .await
    }

    async fn publication(&self, id: KeyspaceId) -> Result<Option<Publication>, StoreError> {
        self.read(move |connection| published(connection, id)).await
    }

    async fn release(
        &self,
        publication: Publication,
        after: u64,
        bodies: BodyChanges,
        outline: HeadOutline,
    ) -> Result<(), StoreError> {
        let release = move |connection: &Connection| {
            let id = publication.keyspace_id;
            let (last, last_change) =
                published(connection, id)?.map_or((0, 0), |last| (last.seq, last.change_seq));
            if last != after || publication.seq <= after {
                return Err(StoreError::PublicationConflict);
            }
            insert_bodies(connection, id, &bodies.added)?;
            delete_bodies(connection, id, &bodies.dropped)?;
            connection
                .prepare_cached(
                    "INSERT INTO publications (keyspace_id, epoch, seq, change_seq, head, issued_at, base_bytes) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                     ON CONFLICT (keyspace_id) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq, \
                     change_seq = excluded.change_seq, head = excluded.head, issued_at = excluded.issued_at, \
                     base_bytes = excluded.base_bytes",
                )?
                .execute(params![
                    number(id.0),
                    publication.epoch,
                    number(publication.seq),
                    number(publication.change_seq),
                    publication.head,
                    publication.issued_at.0,
                    number(publication.base_bytes),
                ])?;
            published_heads::note(connection, &publication, &outline)?;
            // A head that is only signed anew is no news.
            if publication.change_seq > last_change { tell(connection, &publication) } else { Ok(false) }
        };
        self.keep_and_tell(release).await
    }

    async fn published_heads(
        &self,
        workspace: WorkspaceId,
        id: KeyspaceId,
        page: PageRequest,
    ) -> Result<Page<PublishedHead>, StoreError> {
        self.read(move |connection| {
            rows::found_keyspace(connection, workspace, id)?;
            published_heads::page(connection, id, page)
        })
        .await
    }

    async fn keep_bodies(&self, id: KeyspaceId, bodies: Vec<Body>) -> Result<(), StoreError> {
        self.keep(move |connection| insert_bodies(connection, id, &bodies)).await
    }

    async fn body(&self, id: KeyspaceId, hash: [u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT bytes FROM bodies WHERE keyspace_id = ?1 AND hash = ?2")?;
            Ok(statement.query_row(params![number(id.0), hash], |row| row.get(0)).optional()?)
        })
        .await
    }

    async fn forget_bodies_except(&self, id: KeyspaceId, kept: Vec<[u8; 32]>) -> Result<(), StoreError> {
        let stale = self.read(move |connection| stale_bodies(connection, id, kept)).await?;
        // Not all at once: mutations wait while megabytes are given back.
        for some in stale.chunks(BODIES_AT_ONCE) {
            let some = some.to_vec();
            self.keep(move |connection| delete_bodies(connection, id, &some)).await?;
        }
        Ok(())
    }

    async fn changes_since(
        &self,
        id: KeyspaceId,
        after: u64,
        key_limit: u32,
    ) -> Result<ChangesSince, StoreError> {
        self.read(move |connection| {
            let changed = |kills: &[RevokedOwner]| changed_keys(connection, id, after, key_limit, kills);
            changes_since(connection, id, after, key_limit, changed)
        })
        .await
    }

    async fn revocations_since(
        &self,
        id: KeyspaceId,
        after: u64,
        complete: u64,
        key_limit: u32,
    ) -> Result<ChangesSince, StoreError> {
        self.read(move |connection| {
            let concerns_all = concerns_all_keys(connection, id, after, complete)?;
            let shut_out =
                |kills: &[RevokedOwner]| shut_out_keys(connection, id, [after, complete], key_limit, kills);
            let mut since = changes_since(connection, id, after, key_limit, shut_out)?;
            since.too_many |= concerns_all && !since.killed;
            Ok(since)
        })
        .await
    }

    async fn base_row_count(&self, id: KeyspaceId) -> Result<u64, StoreError> {
        self.read(move |connection| {
            let count: i64 = connection
                // From the index alone; to look at each key too takes a second for a million of them.
                .prepare_cached("SELECT count(*) FROM secrets WHERE keyspace_id = ?1")?
                .query_row([number(id.0)], |row| row.get(0))?;
            Ok(unsigned(count))
        })
        .await
    }

    async fn dead_row_count(&self, id: KeyspaceId, forget_before: Timestamp) -> Result<u64, StoreError> {
        self.read(move |connection| {
            let count: i64 = connection
                .prepare_cached(
                    "SELECT count(*) FROM secrets AS t JOIN keys AS k ON k.id = t.key_id WHERE t.keyspace_id = ?1 \
                     AND (k.revoked_at < ?2 OR k.expires_at < ?2 OR t.expires_at < ?2)",
                )?
                .query_row(params![number(id.0), forget_before.0], |row| row.get(0))?;
            Ok(unsigned(count))
        })
        .await
    }

    async fn purged_row_count(&self, id: KeyspaceId) -> Result<u64, StoreError> {
        self.read(move |connection| {
            let count: i64 = connection
                .prepare_cached("SELECT count(*) FROM purged_secrets WHERE keyspace_id = ?1")?
                .query_row([number(id.0)], |row| row.get(0))?;
            Ok(unsigned(count))
        })
        .await
    }

    async fn take_override(&self, id: KeyspaceId, change_seq: u64) -> Result<bool, StoreError> {
        self.keep(move |connection| {
            let taken = connection
                .prepare_cached("DELETE FROM guard_overrides WHERE keyspace_id = ?1 AND change_seq = ?2")?
                .execute(params![number(id.0), number(change_seq)])?;
            Ok(taken > 0)
        })
        .await
    }

    async fn base_rows(
        &self,
        id: KeyspaceId,
        range: TagRange,
        limit: u32,
        forget_before: Timestamp,
    ) -> Result<BasePage, StoreError> {
        self.read(move |connection| base_rows::page(connection, id, range, limit, forget_before)).await
    }

    async fn changed_tags(
        &self,
        id: KeyspaceId,
        after: u64,
        limit: u32,
    ) -> Result<Option<Vec<[u8; 16]>>, StoreError> {
        self.read(move |connection| base_rows::changed_tags(connection, id, after, limit)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.keep(|connection| {
            connection.execute("INSERT INTO settings (name, value) VALUES ('ping', x'') ON CONFLICT (name) DO UPDATE SET value = x''", [])?;
            Ok(())
        })
        .await
    }
}

/// Has whoever listens hear of new changes on their way to the gates. `true`: somebody does.
fn tell(connection: &Connection, publication: &Publication) -> Result<bool, StoreError> {
    let id = publication.keyspace_id;
    let data = serde_json::json!({
        "keyspace_id": id,
        "epoch": publication.epoch,
        "seq": publication.seq,
        "change_seq": publication.change_seq,
        "issued_at": publication.issued_at,
    });
    webhooks::tell(connection, id, EventType::SnapshotPublished, data, publication.issued_at)
}

fn published(connection: &Connection, id: KeyspaceId) -> Result<Option<Publication>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, change_seq, head, issued_at, base_bytes, epoch FROM publications WHERE keyspace_id = ?1",
    )?;
    let publication = statement.query_row([number(id.0)], |row| {
        Ok(Publication {
            keyspace_id: id,
            seq: unsigned(row.get(0)?),
            change_seq: unsigned(row.get(1)?),
            head: row.get(2)?,
            issued_at: Timestamp(row.get(3)?),
            base_bytes: unsigned(row.get(4)?),
            epoch: row.get(5)?,
        })
    });
    Ok(publication.optional()?)
}

fn changes_since(
    connection: &Connection,
    id: KeyspaceId,
    after: u64,
    key_limit: u32,
    changed_keys: impl FnOnce(&[RevokedOwner]) -> Result<Vec<(i64, u64)>, StoreError>,
) -> Result<ChangesSince, StoreError> {
    let keyspace = rows::any_keyspace(connection, id)?
        .ok_or_else(|| StoreError::backend(format!("the keyspace {id} is gone")))?;
    let settings_changed: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM changes WHERE keyspace_id = ?1 AND seq > ?2 AND key_id IS NULL)",
        )?
        .query_row(params![number(id.0), number(after)], |row| row.get(0))?;
    let mut since = ChangesSince { through_seq: keyspace.change_seq, settings_changed, ..Default::default() };
    if keyspace.deleted_at.is_some() || keyspace.kill.is_some() {
        since.killed = true;
        return Ok(since);
    }
    since.owner_kills = kills::owner_kills(connection, id, after)?;
    let changed = changed_keys(&since.owner_kills)?;
    let mut purged = purged_keys(connection, id, after, key_limit)?;
    since.too_many = changed.len() + purged.len() > key_limit as usize;
    if !since.too_many {
        for (key, change_seq) in changed {
            purged.push(ChangedKey { change_seq, rows: rows_of_key(connection, id, key)? });
        }
        since.keys = purged;
    }
    Ok(since)
}

/// One key more than the limit tells that there are too many.
fn changed_keys(
    connection: &Connection,
    id: KeyspaceId,
    after: u64,
    limit: u32,
    owner_kills: &[RevokedOwner],
) -> Result<Vec<(i64, u64)>, StoreError> {
    let sql = format!(
        "SELECT id, change_seq FROM keys WHERE keyspace_id = ?1 AND change_seq > ?2 {} ORDER BY change_seq LIMIT ?3",
        spared_by(owner_kills)
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let keys = statement.query_map(params![number(id.0), number(after), limit.saturating_add(1)], |row| {
        Ok((row.get(0)?, unsigned(row.get(1)?)))
    })?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// Leaves out the keys of which the kill of their owner says enough. A key that came to its owner, or to be, after ?2 is not known as this
/// owner's to what lies under the kill.
fn spared_by(owner_kills: &[RevokedOwner]) -> &'static str {
    if owner_kills.is_empty() {
        return "";
    }
    "AND NOT (change_seq IN (SELECT seq FROM owner_kills WHERE keyspace_id = ?1 AND seq > ?2) AND id NOT IN \
         (SELECT key_id FROM changes WHERE keyspace_id = ?1 AND seq > ?2 AND key_id IS NOT NULL))"
}

/// Keys that changed in (after, complete], and those that are shut out by what happened to them since. One more than the limit tells that
/// there are too many.
fn shut_out_keys(
    connection: &Connection,
    id: KeyspaceId,
    [after, complete]: [u64; 2],
    limit: u32,
    owner_kills: &[RevokedOwner],
) -> Result<Vec<(i64, u64)>, StoreError> {
    let sql = format!(
        "SELECT id, change_seq FROM keys INDEXED BY keys_revoked WHERE keyspace_id = ?1 AND revoked_at IS NOT NULL AND change_seq > ?2 {} \
         UNION SELECT id, change_seq FROM keys WHERE enabled = 0 AND id IN (\
             SELECT key_id FROM changes WHERE keyspace_id = ?1 AND seq > ?2 AND kind IN ('key.updated', 'key.leak_reported')) \
         UNION SELECT id, change_seq FROM keys WHERE id IN (\
             SELECT key_id FROM changes WHERE keyspace_id = ?1 AND seq > ?2 AND seq <= ?3 AND key_id IS NOT NULL) \
         LIMIT ?4",
        spared_by(owner_kills)
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let bounds = params![number(id.0), number(after), number(complete), limit.saturating_add(1)];
    let keys = statement.query_map(bounds, |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// Whether something happened in (after, complete] that changes rows of keys which the change log does not name.
fn concerns_all_keys(
    connection: &Connection,
    id: KeyspaceId,
    after: u64,
    complete: u64,
) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM changes WHERE keyspace_id = ?1 AND seq > ?2 AND seq <= ?3 \
         AND kind IN ('live.enabled', 'live.disabled', 'role.updated', 'role.deleted'))",
    )?;
    let bounds = params![number(id.0), number(after), number(complete)];
    Ok(statement.query_row(bounds, |row| row.get(0))?)
}

/// The tokens of purged keys, each as a key of its own; one more than the limit tells that there are too many. Whoever merges what
/// happened since `after` has to say again that they are dead: a base from before the revocation has them alive.
fn purged_keys(
    connection: &Connection,
    id: KeyspaceId,
    after: u64,
    limit: u32,
) -> Result<Vec<ChangedKey>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT key_id, change_seq, tag FROM purged_secrets WHERE keyspace_id = ?1 AND change_seq > ?2 ORDER BY change_seq LIMIT ?3",
    )?;
    let purged = statement
        .query_map(params![number(id.0), number(after), limit.saturating_add(1)], |row| {
            Ok((KeyId(unsigned(row.get(0)?)), unsigned(row.get(1)?), row.get(2)?))
        })?;
    purged
        .map(|purged| {
            let (key_id, change_seq, tag) = purged?;
            let shares_prefix = rows_with_prefix_of(connection, id, &tag)? > 1;
            Ok(ChangedKey {
                change_seq,
                rows: vec![ChangedRow { row: purged_row(key_id, tag), shares_prefix }],
            })
        })
        .collect()
}

/// Nothing but who and that it is dead is left of it.
fn purged_row(key_id: KeyId, tag: [u8; 16]) -> BaseRow {
    BaseRow {
        tag,
        key_id,
        environment: latchkey_token::Environment::Test,
        enabled: false,
        revoked: true,
        expires_at: None,
        profile: Arc::new(BaseProfile { metadata: "{}".to_owned(), ..BaseProfile::default() }),
    }
}

fn rows_of_key(connection: &Connection, id: KeyspaceId, key: i64) -> Result<Vec<ChangedRow>, StoreError> {
    let rows = base_rows::of_key(connection, id, key)?;
    rows.into_iter()
        .map(|row| {
            let shares_prefix = row.revoked && rows_with_prefix_of(connection, id, &row.tag)? > 1;
            Ok(ChangedRow { row, shares_prefix })
        })
        .collect()
}

fn rows_with_prefix_of(connection: &Connection, id: KeyspaceId, tag: &[u8; 16]) -> Result<i64, StoreError> {
    let bound = |fill: u8| [&tag[..8], &[fill; 8]].concat();
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT count(*) FROM secrets WHERE keyspace_id = ?1 AND tag BETWEEN ?2 AND ?3) \
             + (SELECT count(*) FROM purged_secrets WHERE keyspace_id = ?1 AND tag BETWEEN ?2 AND ?3)",
    )?;
    Ok(statement.query_row(params![number(id.0), bound(0), bound(0xff)], |row| row.get(0))?)
}

fn insert_bodies(connection: &Connection, id: KeyspaceId, bodies: &[Body]) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO bodies (keyspace_id, hash, bytes) VALUES (?1, ?2, ?3) ON CONFLICT (keyspace_id, hash) DO NOTHING",
    )?;
    for body in bodies {
        statement.execute(params![number(id.0), body.hash, body.bytes])?;
    }
    Ok(())
}

fn stale_bodies(
    connection: &Connection,
    id: KeyspaceId,
    kept: Vec<[u8; 32]>,
) -> Result<Vec<[u8; 32]>, StoreError> {
    let kept: HashSet<_> = kept.into_iter().collect();
    let mut statement = connection.prepare_cached("SELECT hash FROM bodies WHERE keyspace_id = ?1")?;
    let stored = statement.query_map([number(id.0)], |row| row.get::<_, [u8; 32]>(0))?;
    let mut stale = stored.collect::<Result<Vec<_>, _>>()?;
    stale.retain(|hash| !kept.contains(hash));
    Ok(stale)
}

fn delete_bodies(connection: &Connection, id: KeyspaceId, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("DELETE FROM bodies WHERE keyspace_id = ?1 AND hash = ?2")?;
    for hash in hashes {
        statement.execute(params![number(id.0), hash])?;
    }
    Ok(())
}
