//! Building a base and nothing else, for benchmarks: by the very steps that publishing takes.

use std::sync::Arc;

use tokio::sync::watch;

use super::base::NewBase;
use super::building;
use crate::domain::{KeyspaceId, Timestamp};
use crate::storage::Store;

/// A base that was built, verified and counted again.
#[doc(hidden)]
#[derive(Debug)]
pub struct MeasuredBase(NewBase);

impl MeasuredBase {
    pub fn rows(&self) -> u64 {
        self.0.rows
    }

    pub fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// All of its shards, and those that are not in the other base.
    pub fn shards(&self, earlier: Option<&Self>) -> (usize, usize) {
        let shards = &self.0.built.shards;
        let is_new =
            |(number, shard)| earlier.is_none_or(|base| base.0.built.shards.get(number) != Some(shard));
        (shards.len(), shards.iter().enumerate().filter(|shard| is_new(*shard)).count())
    }
}

/// Builds a base of what the store has, out of an earlier one where that is faster.
///
/// # Errors
/// What the publisher would say.
#[doc(hidden)]
pub async fn measure(
    store: Arc<dyn Store>,
    id: KeyspaceId,
    now: Timestamp,
    earlier: Option<&MeasuredBase>,
) -> Result<MeasuredBase, String> {
    let (_hurry, hurried) = watch::channel(false);
    let earlier = earlier.map(|base| base.0.clone());
    let built = building::build(store, id, now, earlier, hurried).await;
    built.map(MeasuredBase).map_err(|error| error.to_string())
}
