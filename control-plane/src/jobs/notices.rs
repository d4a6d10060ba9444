//! Telling webhooks of what nobody does: keys that expire, gates that fall behind.

use crate::app::App;
use crate::domain::Timestamp;
use crate::storage::{StaleGate, StoreError};

/// Has events tell of every key that expires soon or has expired, of each such moment once.
///
/// # Errors
/// The store failed. What was told until then is told.
pub async fn tell_of_expiry(app: &App) -> Result<(), StoreError> {
    while app.store.tell_of_expiry(app.now()).await? > 0 {}
    Ok(())
}

/// Has events tell of the gates that have confirmed nothing for longer than their keyspace's `fresh_seconds`: since their last
/// confirmation, or since `started_at`, because confirmations from before the program started are not remembered.
///
/// # Errors
/// The store failed.
pub async fn tell_of_stale_gates(app: &App, started_at: Timestamp) -> Result<usize, StoreError> {
    let now = app.now();
    let mut stale = Vec::new();
    for watched in app.store.watched_gates().await? {
        for gate in watched.gates {
            let state = app.propagation.of(watched.keyspace_id, &gate);
            let heard_at = state.acked_at.unwrap_or(started_at);
            if now.0.saturating_sub(heard_at.0) > i64::from(watched.fresh_seconds) * 1_000 {
                stale.push(StaleGate {
                    keyspace_id: watched.keyspace_id,
                    gate,
                    applied_seq: state.applied_seq,
                    applied_change_seq: state.applied_change_seq,
                    acked_at: state.acked_at,
                    last_error: state.last_error.map(|error| error.code),
                });
            }
        }
    }
    app.store.tell_of_stale_gates(stale, now).await
}
