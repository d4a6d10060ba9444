//! The purge: revoked keys are deleted for good once their keyspace's retention time is over, and kept answers once nobody can
//! ask for them again. Of a purged key the digests of its tokens stay, so that none of them ever works or is used again.

use std::future::Future;
use std::time::Instant;

use crate::app::App;
use crate::domain::Actor;
use crate::domain::session::IDLE_SECONDS;
use crate::http::ANSWERS_KEPT_DAYS;
use crate::storage::StoreError;

/// Rows that one transaction deletes: with their trail a few milliseconds of the writer's time.
const BATCH: u32 = 64;

/// What a purge did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Keys that are gone for good.
    pub keys: u64,
    /// Answers to named requests that were forgotten.
    pub answers: u64,
    /// Sessions that were over.
    pub sessions: u64,
}

/// Purges whatever is due, in batches between which others get to write.
///
/// # Errors
/// The store failed. What was purged until then is purged.
pub async fn purge(app: &App) -> Result<Purged, StoreError> {
    let (store, now) = (app.store.as_ref(), app.now());
    let mut purged = Purged::default();
    for (workspace, keyspace) in store.keyspaces_to_purge(now).await? {
        let actor = Actor::system(workspace, app.next_id());
        purged.keys += in_batches(|| store.purge_keys(&actor, keyspace, BATCH, now)).await?;
    }
    let forget_before = now.plus_days(-ANSWERS_KEPT_DAYS);
    purged.answers = in_batches(|| store.forget_answers(forget_before, BATCH)).await?;
    let idle_since = now.plus_seconds(-IDLE_SECONDS);
    purged.sessions = in_batches(|| store.forget_sessions(now, idle_since, BATCH)).await?;
    Ok(purged)
}

/// Repeats until a batch is not full, and returns the sum. Pauses as long as each batch took, so that a large purge leaves at least
/// half of the writer's time to callers.
async fn in_batches<F>(batch: impl Fn() -> F) -> Result<u64, StoreError>
where
    F: Future<Output = Result<u32, StoreError>>,
{
    let mut sum = 0;
    loop {
        let begun = Instant::now();
        let done = batch().await?;
        sum += u64::from(done);
        if done < BATCH {
            return Ok(sum);
        }
        tokio::time::sleep(begun.elapsed()).await;
    }
}
