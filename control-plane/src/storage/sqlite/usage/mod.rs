//! What gates report: taken in, read, forgotten.

mod forget;
mod read;
mod take;

use async_trait::async_trait;
use rusqlite::Connection;

use super::{News, SqliteStore, rows};
use crate::domain::{
    CreditReport, Hour, HourCount, KeyId, KeyUsage, KeyspaceId, LoggedRequest, Page, PageRequest, Timestamp,
    UsageReport, WorkspaceId,
};
use crate::storage::{RequestFilter, StoreError, Taken, UsageStore};

pub(super) use self::read::reported_credits;

/// The key that stands for its whole keyspace in the hourly counts.
const WHOLE_KEYSPACE: i64 = 0;
/// The outcome of requests that were forgotten before they could be reported. No code has this number.
const DROPPED: u8 = 0;

#[async_trait]
impl UsageStore for SqliteStore {
    async fn record_usage(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        report: UsageReport,
        at: Timestamp,
    ) -> Result<Taken, StoreError> {
        // One report in the writer's queue at a time: mutations that arrive meanwhile wait for that one and not for all.
        let _turn = self.usage_turn.acquire().await;
        let take = move |connection: &Connection| {
            let keyspace = rows::found_keyspace(connection, workspace, keyspace)?;
            let (taken, has_events) = take::take(connection, &keyspace, &report, at)?;
            Ok((taken, News::of_events(has_events)))
        };
        self.write_and_tell(take).await
    }

    async fn requests(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        filter: RequestFilter,
        page: PageRequest,
    ) -> Result<Page<LoggedRequest>, StoreError> {
        self.read(move |connection| {
            rows::found_keyspace(connection, workspace, keyspace)?;
            read::requests(connection, keyspace, &filter, page)
        })
        .await
    }

    async fn keyspace_usage(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        from: Hour,
        to: Hour,
    ) -> Result<Vec<HourCount>, StoreError> {
        self.read(move |connection| {
            rows::found_keyspace(connection, workspace, keyspace)?;
            read::hours(connection, keyspace, WHOLE_KEYSPACE, from, to)
        })
        .await
    }

    async fn key_usage(
        &self,
        workspace: WorkspaceId,
        key: KeyId,
        from: Hour,
        to: Hour,
    ) -> Result<KeyUsage, StoreError> {
        self.read(move |connection| {
            let key = rows::found_key(connection, workspace, key)?;
            let hours = read::hours(connection, key.keyspace_id, rows::number(key.id.0), from, to)?;
            Ok(KeyUsage { last_used: read::last_used(connection, key.id)?, hours })
        })
        .await
    }

    async fn reported_credits(
        &self,
        workspace: WorkspaceId,
        key: KeyId,
    ) -> Result<Vec<CreditReport>, StoreError> {
        self.read(move |connection| {
            let key = rows::found_key(connection, workspace, key)?;
            reported_credits(connection, key.id)
        })
        .await
    }

    async fn forget_usage(&self, now: Timestamp) -> Result<usize, StoreError> {
        let old = self.read(move |connection| forget::keyspaces_with_old_requests(connection, now)).await?;
        self.keep(move |connection| forget::slice(connection, &old, now)).await
    }
}
