//! Refills: what the calendar gives keys.

use crate::app::App;
use crate::storage::StoreError;

/// Keys that are looked for at a time.
const BATCH: u32 = 256;

/// Gives every key what the calendar owes it until now, and says how many got something. Each refill comes once, however often this
/// runs and however late.
///
/// # Errors
/// The store failed. What was given until then is given.
pub async fn refill(app: &App) -> Result<u64, StoreError> {
    let (store, now) = (app.store.as_ref(), app.now());
    let mut refilled = 0;
    loop {
        let due = store.due_refills(now, BATCH).await?;
        for key in &due {
            match store.refill(*key, app.next_id(), now).await {
                Ok(true) => refilled += 1,
                // It was revoked meanwhile; then it is not among the next ones.
                Ok(false) | Err(StoreError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if due.len() < BATCH as usize {
            return Ok(refilled);
        }
    }
}
