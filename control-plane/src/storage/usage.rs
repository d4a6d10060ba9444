use async_trait::async_trait;
use latchkey_validator::Code;

use super::StoreError;
use crate::domain::{
    CreditReport, Hour, HourCount, KeyId, KeyUsage, KeyspaceId, LoggedRequest, Page, PageRequest, Timestamp,
    UsageReport, WorkspaceId,
};

/// Which requests a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// Only those with this key.
    pub key: Option<KeyId>,
    /// Only those with this outcome.
    pub code: Option<Code>,
    /// Only those answered with this status.
    pub status: Option<u16>,
    /// Only those at or after this moment.
    pub since: Option<Timestamp>,
    /// Only those before this moment.
    pub until: Option<Timestamp>,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It counts.
    Now,
    /// It was taken before, and nothing was counted again.
    Before,
}

/// How keys were used, as gates report it. Writing waits its turn, so that reports never hold up mutations for longer than one of
/// them takes.
#[async_trait]
pub trait UsageStore: Send + Sync + 'static {
    /// Takes a report, all of it or nothing. Keys that are none of the keyspace's count for the keyspace alone.
    async fn record_usage(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        report: UsageReport,
        at: Timestamp,
    ) -> Result<Taken, StoreError>;

    /// The request log of a keyspace, newest first.
    async fn requests(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        filter: RequestFilter,
        page: PageRequest,
    ) -> Result<Page<LoggedRequest>, StoreError>;

    /// Requests of a keyspace by hour, those of unknown keys too, from hour `from` up to and without `to`.
    async fn keyspace_usage(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        from: Hour,
        to: Hour,
    ) -> Result<Vec<HourCount>, StoreError>;

    /// Requests with a key by hour, from hour `from` up to and without `to`.
    async fn key_usage(
        &self,
        workspace: WorkspaceId,
        key: KeyId,
        from: Hour,
        to: Hour,
    ) -> Result<KeyUsage, StoreError>;

    /// What a key has used up of each unit, as last reported.
    async fn reported_credits(
        &self,
        workspace: WorkspaceId,
        key: KeyId,
    ) -> Result<Vec<CreditReport>, StoreError>;

    /// Removes some of what is older than it is kept, and tells how many rows. Call it until it removes none.
    async fn forget_usage(&self, now: Timestamp) -> Result<usize, StoreError>;
}
