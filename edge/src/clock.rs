//! The one place that reads the time. In workerd it stands still between two I/O events, which is what a decision wants.

use std::time::Duration;

use futures_util::future::{Either, select};
use worker::Delay;

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// Seconds since the epoch.
pub(crate) fn seconds(ms: f64) -> u64 {
    // `as` saturates: a clock before 1970 reads as 1970.
    (ms / 1_000.0) as u64
}

/// RFC 3339, UTC, to the millisecond.
pub(crate) fn timestamp(ms: f64) -> String {
    js_sys::Date::new(&ms.into()).to_iso_string().into()
}

/// Waits on a timer of the calling request: a promise of another request must never be awaited, workerd cancels both.
pub(crate) async fn sleep_ms(ms: u64) {
    Delay::from(Duration::from_millis(ms)).await;
}

/// `None` if `work` has not ended after `ms`.
pub(crate) async fn within_ms<T>(ms: u64, work: impl Future<Output = T>) -> Option<T> {
    let work = std::pin::pin!(work);
    match select(work, Delay::from(Duration::from_millis(ms))).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}
