use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::{AdminKeyId, Timestamp};

/// Buckets that are kept; full ones beyond this are forgotten, which changes nothing for their keys.
const MAX_BUCKETS: usize = 10_000;

/// How often one admin key may ask: a token bucket for each, holding the requests of one second.
///
/// In the memory of this process: a bound on load, not on spending, so a restart may forget it.
#[derive(Debug)]
pub struct RateLimits {
    per_second: u32,
    buckets: Mutex<HashMap<AdminKeyId, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// In thousandths of a request.
    level: u64,
    at: Timestamp,
}

/// What is left for an admin key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests in a second.
    pub limit: u32,
    /// Requests that may follow at once.
    pub remaining: u32,
    /// Whether this one was too many.
    pub exceeded: bool,
}

impl RateLimits {
    /// `per_second` requests of each admin key.
    pub fn new(per_second: u32) -> Self {
        Self { per_second, buckets: Mutex::default() }
    }

    /// Takes one request from an admin key's bucket.
    pub fn take(&self, admin_key: AdminKeyId, now: Timestamp) -> Quota {
        let full = u64::from(self.per_second) * 1_000;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(&admin_key) {
            buckets.retain(|_, bucket| bucket.level_at(now, self.per_second) < full);
        }
        let bucket = buckets.entry(admin_key).or_insert(Bucket { level: full, at: now });
        let level = bucket.level_at(now, self.per_second);
        let exceeded = level < 1_000;
        *bucket = Bucket { level: if exceeded { level } else { level - 1_000 }, at: now };
        let remaining = u32::try_from(bucket.level / 1_000).unwrap_or(u32::MAX);
        Quota { limit: self.per_second, remaining, exceeded }
    }
}

impl Bucket {
    fn level_at(&self, now: Timestamp, per_second: u32) -> u64 {
        let elapsed = u64::try_from(now.0.saturating_sub(self.at.0)).unwrap_or(0);
        let full = u64::from(per_second) * 1_000;
        // A millisecond brings as many thousandths as a second brings requests.
        self.level.saturating_add(elapsed.saturating_mul(per_second.into())).min(full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_a_second_and_fills_with_time() {
        let (limits, key) = (RateLimits::new(3), AdminKeyId(1));
        let exceeded = |at| limits.take(key, Timestamp(at)).exceeded;
        assert_eq!([0, 0, 0, 0, 333].map(exceeded), [false, false, false, true, true]);
        assert!(!exceeded(334) && exceeded(335));
        assert!(!limits.take(AdminKeyId(2), Timestamp(335)).exceeded, "another key has a bucket of its own");
        assert_eq!(limits.take(key, Timestamp(60_000)), Quota { limit: 3, remaining: 2, exceeded: false });
        assert!(!exceeded(0), "a clock that goes back takes nothing away");
    }
}
