//! Forgetting what gates reported, once it is older than it is kept.

use std::time::Instant;

use crate::app::App;
use crate::storage::StoreError;

/// Removes everything that is too old now, and returns how many rows that was.
///
/// # Errors
/// The store failed. What was removed until then is removed.
pub async fn forget_usage(app: &App) -> Result<usize, StoreError> {
    let mut sum = 0;
    loop {
        let begun = Instant::now();
        let removed = app.store.forget_usage(app.now()).await?;
        if removed == 0 {
            return Ok(sum);
        }
        sum += removed;
        // At least half of the writer's time is left to callers.
        tokio::time::sleep(begun.elapsed()).await;
    }
}
