//! Rate limits in fixed windows: `spec/credits.md` section 6.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// At most `limit` in each window of `window_seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit<'a> {
    /// Unique among a key's limits.
    pub name: &'a str,
    /// Requests, or the sum of their costs.
    pub limit: u32,
    /// Seconds, not 0. Windows begin at its multiples since the epoch.
    pub window_seconds: u32,
}

/// What has been counted for one key, for each of its limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Windows(Vec<Count>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Count {
    name: String,
    window_seconds: u32,
    /// Windows since the epoch.
    number: u64,
    used: u64,
}

/// How a limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// What the window still lets pass.
    pub remaining: u32,
    /// Whole seconds until the next window, at least 1.
    pub reset_seconds: u32,
}

impl Windows {
    /// Counts a request of this cost against all limits if every one of them lets it pass, else against none. `now` in seconds since the epoch.
    pub fn take<'a>(&mut self, limits: impl Iterator<Item = Limit<'a>> + Clone, cost: u32, now: u64) -> bool {
        let passes = limits.clone().all(|limit| self.window(limit, now).remaining >= cost);
        if passes && cost > 0 {
            limits.for_each(|limit| self.count(limit, cost, now));
        }
        passes
    }

    /// How a limit stands.
    pub fn window(&self, limit: Limit<'_>, now: u64) -> Window {
        let seconds = u64::from(limit.window_seconds.max(1));
        let used = self.find(limit).filter(|count| count.is_current(now)).map_or(0, |count| count.used);
        let remaining = u64::from(limit.limit).saturating_sub(used);
        let reset = seconds - now % seconds;
        // Neither is larger than the limit or the window, which are u32.
        Window { remaining: remaining as u32, reset_seconds: reset as u32 }
    }

    /// Forgets limits whose windows have ended.
    pub fn forget_ended(&mut self, now: u64) {
        self.0.retain(|count| count.is_current(now));
    }

    /// When the last of the windows ends, in seconds since the epoch; `None` when nothing is counted.
    pub fn ends_at(&self) -> Option<u64> {
        self.0.iter().map(|count| (count.number + 1).saturating_mul(u64::from(count.window_seconds))).max()
    }

    fn count(&mut self, limit: Limit<'_>, cost: u32, now: u64) {
        let cost = u64::from(cost);
        let number = now / u64::from(limit.window_seconds.max(1));
        let position = self.0.iter().position(|count| count.name == limit.name);
        match position.and_then(|position| self.0.get_mut(position)) {
            Some(count) if count.window_seconds == limit.window_seconds && count.is_current(now) => {
                count.used = count.used.saturating_add(cost);
            }
            Some(count) => {
                count.window_seconds = limit.window_seconds;
                count.number = number;
                count.used = cost;
            }
            None => {
                let name = limit.name.to_owned();
                self.0.push(Count { name, window_seconds: limit.window_seconds, number, used: cost });
            }
        }
    }

    fn find(&self, limit: Limit<'_>) -> Option<&Count> {
        self.0.iter().find(|count| count.name == limit.name && count.window_seconds == limit.window_seconds)
    }
}

impl Count {
    /// Whether its window has not ended. A clock that goes back into the window before does not open it again.
    fn is_current(&self, now: u64) -> bool {
        let number = now / u64::from(self.window_seconds.max(1));
        self.number == number || self.number == number + 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::vec;

    use super::*;

    const MINUTE: Limit<'static> = Limit { name: "minute", limit: 3, window_seconds: 60 };
    const HOUR: Limit<'static> = Limit { name: "hour", limit: 5, window_seconds: 3_600 };

    fn take(windows: &mut Windows, limits: &[Limit<'_>], cost: u32, now: u64) -> bool {
        windows.take(limits.iter().copied(), cost, now)
    }

    #[test]
    fn a_window_lets_its_limit_pass_and_the_next_one_begins_anew() {
        let mut windows = Windows::default();
        let passed: Vec<bool> = (0..5).map(|_| take(&mut windows, &[MINUTE], 1, 119)).collect();
        assert_eq!(passed, [true, true, true, false, false]);
        assert_eq!(windows.window(MINUTE, 119), Window { remaining: 0, reset_seconds: 1 });
        assert!(take(&mut windows, &[MINUTE], 1, 120));
        assert_eq!(windows.window(MINUTE, 120), Window { remaining: 2, reset_seconds: 60 });
    }

    #[test]
    fn what_one_limit_refuses_is_counted_by_none() {
        let mut windows = Windows::default();
        let both = [HOUR, MINUTE];
        assert_eq!((0..9).filter(|_| take(&mut windows, &both, 1, 0)).count(), 3);
        assert_eq!(windows.window(HOUR, 0).remaining, 2);
        assert_eq!((0..9).filter(|_| take(&mut windows, &both, 1, 60)).count(), 2);
        assert_eq!(windows.window(MINUTE, 60).remaining, 1);
    }

    #[test]
    fn costs_count_whole_or_not_at_all_and_cost_nothing_when_zero() {
        let mut windows = Windows::default();
        assert!(take(&mut windows, &[MINUTE], 2, 0));
        assert!(!take(&mut windows, &[MINUTE], 2, 0));
        assert!(take(&mut windows, &[MINUTE], 1, 0));
        assert!(take(&mut windows, &[MINUTE], 0, 0));
        assert!(!take(&mut windows, &[MINUTE], u32::MAX, 60));
    }

    #[test]
    fn a_changed_window_begins_anew_and_a_changed_limit_does_not() {
        let mut windows = Windows::default();
        assert!(take(&mut windows, &[MINUTE], 3, 0));
        let higher = Limit { limit: 4, ..MINUTE };
        assert_eq!(windows.window(higher, 0).remaining, 1);
        let lower = Limit { limit: 2, ..MINUTE };
        assert_eq!(windows.window(lower, 0).remaining, 0);
        let longer = Limit { window_seconds: 61, ..MINUTE };
        assert_eq!(windows.window(longer, 0).remaining, 3);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_open_a_window_again() {
        let mut windows = Windows::default();
        assert!(take(&mut windows, &[MINUTE], 3, 60));
        assert!(!take(&mut windows, &[MINUTE], 1, 59));
        // One that was far ahead, once, does not keep windows closed for ever either.
        assert!(take(&mut windows, &[MINUTE], 3, 6_000));
        assert!(take(&mut windows, &[MINUTE], 3, 240));
    }

    #[test]
    fn counts_of_ended_windows_are_forgotten() {
        let mut windows = Windows::default();
        assert_eq!(windows.ends_at(), None);
        assert!(take(&mut windows, &[MINUTE, HOUR], 1, 60));
        assert_eq!(windows.ends_at(), Some(3_600));
        windows.forget_ended(3_600);
        assert_eq!(windows, Windows::default());
    }

    proptest! {
        /// The bound that the specification states: in any span of one window's length at most twice the limit, in an aligned one the limit.
        #[test]
        fn no_span_of_a_window_passes_more_than_twice_the_limit(
            limit in 1_u32..20, seconds in 1_u32..20, steps in prop::collection::vec((0_u64..6, 1_u32..4), 1..200),
        ) {
            let limit = Limit { name: "x", limit, window_seconds: seconds };
            let mut windows = Windows::default();
            let mut now = 1_000_000;
            let mut passed = vec![];
            for (wait, cost) in steps {
                now += wait;
                if take(&mut windows, &[limit], cost, now) {
                    passed.push((now, u64::from(cost)));
                }
            }
            let sum = |from: u64| passed.iter().filter(|(at, _)| (from..from + u64::from(seconds)).contains(at)).map(|(_, cost)| cost).sum::<u64>();
            for from in passed.iter().map(|(at, _)| *at) {
                prop_assert!(sum(from) <= 2 * u64::from(limit.limit));
                prop_assert!(sum(from - from % u64::from(seconds)) <= u64::from(limit.limit));
            }
        }
    }
}
