//! `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers), and `Retry-After`.

use std::fmt::Write;

use latchkey_ledger::{Limit, Window};

/// How the limits of a key stand, as header values. Names of limits need no escaping: they are lower-case letters, digits and `_.-`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RateHeaders {
    /// `"minute";q=100;w=60`, one for each limit.
    pub(crate) policy: String,
    /// `"minute";r=50;t=30`, one for each limit.
    pub(crate) state: String,
    /// Seconds until every limit that is used up lets a request of this cost pass again; 0 if none is.
    pub(crate) retry_after: u32,
}

impl RateHeaders {
    /// Adds a limit for a request that costs `cost`.
    pub(crate) fn add(&mut self, limit: Limit<'_>, window: Window, cost: u32) {
        let separator = if self.policy.is_empty() { "" } else { ", " };
        let Limit { name, limit, window_seconds } = limit;
        let Window { remaining, reset_seconds } = window;
        // Writing to a String never fails.
        let _ = write!(self.policy, "{separator}\"{name}\";q={limit};w={window_seconds}");
        let _ = write!(self.state, "{separator}\"{name}\";r={remaining};t={reset_seconds}");
        if remaining < cost {
            self.retry_after = self.retry_after.max(reset_seconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_become_lists_and_the_longest_wait_counts() {
        let mut headers = RateHeaders::default();
        let limit = |name, limit, window_seconds| Limit { name, limit, window_seconds };
        headers.add(limit("day", 1_000, 86_400), Window { remaining: 5, reset_seconds: 80_000 }, 1);
        assert_eq!(headers.retry_after, 0);
        headers.add(limit("hour", 100, 3_600), Window { remaining: 0, reset_seconds: 600 }, 1);
        headers.add(limit("minute", 10, 60), Window { remaining: 0, reset_seconds: 30 }, 1);
        assert_eq!(headers.policy, "\"day\";q=1000;w=86400, \"hour\";q=100;w=3600, \"minute\";q=10;w=60");
        assert_eq!(headers.state, "\"day\";r=5;t=80000, \"hour\";r=0;t=600, \"minute\";r=0;t=30");
        assert_eq!(headers.retry_after, 600);
    }
}
