//! Forgetting events and their deliveries, once they are older than they are kept.

use std::time::Instant;

use crate::app::App;
use crate::domain::webhook::KEPT_DAYS;
use crate::storage::StoreError;

/// Removes everything that is too old now, and returns how many rows that was.
///
/// # Errors
/// The store failed. What was removed until then is removed.
pub async fn forget_deliveries(app: &App) -> Result<usize, StoreError> {
    let (mut sum, before) = (0, app.now().plus_days(-KEPT_DAYS));
    loop {
        let begun = Instant::now();
        let removed = app.store.forget_deliveries(before).await?;
        if removed == 0 {
            return Ok(sum);
        }
        sum += removed;
        // At least half of the writer's time is left to callers.
        tokio::time::sleep(begun.elapsed()).await;
    }
}
