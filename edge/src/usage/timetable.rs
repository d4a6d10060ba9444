//! When reports are sent. Times are milliseconds since the epoch.

/// A run that has not ended after this long has died with the request that it ran behind.
const RUN_DEADLINE_MS: f64 = 30_000.0;
/// Behind an answer there are 30 s; a run stops before.
const RUN_LIMIT_MS: f64 = 20_000.0;
const FIRST_PAUSE_MS: f64 = 1_000.0;
const LONGEST_PAUSE_MS: f64 = 60_000.0;

pub(super) struct Timetable {
    running_since: Option<f64>,
    /// No attempt before.
    next_at: f64,
    failures: u32,
}

impl Timetable {
    pub(super) const NEW: Self = Self { running_since: None, next_at: f64::NEG_INFINITY, failures: 0 };

    /// Whether a run is to be started now; then it counts as started.
    pub(super) fn starts(&mut self, now: f64) -> bool {
        let is_running =
            self.running_since.is_some_and(|since| (0.0..RUN_DEADLINE_MS).contains(&(now - since)));
        if is_running || now < self.next_at {
            return false;
        }
        self.running_since = Some(now);
        true
    }

    /// Whether the run that began then may go on at `now`, and is still the one that counts.
    pub(super) fn goes_on(&self, began: f64, now: f64) -> bool {
        self.running_since == Some(began) && now - began < RUN_LIMIT_MS
    }

    pub(super) fn running_since(&self) -> Option<f64> {
        self.running_since
    }

    pub(super) fn end(&mut self, began: f64) {
        if self.running_since == Some(began) {
            self.running_since = None;
        }
    }

    pub(super) fn succeeded(&mut self) {
        (self.failures, self.next_at) = (0, f64::NEG_INFINITY);
    }

    /// Notes a failure, and returns for how long nothing is tried. `chance` is drawn from 0 to 1, so that gates do not come back all at once.
    pub(super) fn failed(&mut self, now: f64, chance: f64) -> f64 {
        let pause = (FIRST_PAUSE_MS * f64::from(1u32 << self.failures.min(6))).min(LONGEST_PAUSE_MS);
        let pause = pause * (0.5 + chance / 2.0);
        self.failures = self.failures.saturating_add(1);
        self.next_at = now + pause;
        pause
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_at_a_time_and_a_dead_one_is_replaced() {
        let mut times = Timetable::NEW;
        assert!(times.starts(1_000.0));
        assert!(!times.starts(2_000.0));
        assert!(times.goes_on(1_000.0, 2_000.0));
        assert!(times.starts(31_001.0));
        assert!(!times.goes_on(1_000.0, 31_002.0), "the dead one does not count any more");
        times.end(1_000.0);
        assert!(!times.starts(31_003.0));
        times.end(31_001.0);
        assert!(times.starts(31_004.0));
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_end_with_a_success() {
        let mut times = Timetable::NEW;
        let pauses: Vec<f64> = (0..9).map(|_| times.failed(0.0, 1.0)).collect();
        assert_eq!(pauses[..4], [1_000.0, 2_000.0, 4_000.0, 8_000.0]);
        assert_eq!(pauses[8], 60_000.0);
        assert!(!times.starts(59_999.0));
        assert!(times.starts(60_000.0));
        times.end(60_000.0);
        times.succeeded();
        assert!(times.starts(60_001.0));
        assert_eq!(times.failures(), 0);
    }
}
