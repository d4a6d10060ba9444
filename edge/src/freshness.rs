//! How old an isolate's knowledge may be, and when it asks for newer. Times are milliseconds since the epoch.

/// Knowledge older than this many refresh intervals is not decided from before it was refreshed. With the default interval of 2 s an isolate
/// that wakes up again decides from nothing older than 4 s, which keeps a revocation within 5 s.
const STALE_INTERVALS: f64 = 2.0;
/// A refresh that has not ended after this long has died with its request, and another may start.
pub(crate) const REFRESH_DEADLINE_MS: f64 = 4_000.0;
/// After a refresh, good or bad, the next one begins no earlier than this.
const PAUSE_MS: f64 = 100.0;
/// For this long after a failed refresh an isolate decides from what it has and tries again in the background. Past that it has been idle, and
/// tries before it decides.
const CUT_OFF_MS: f64 = 30_000.0;
/// An unknown key asks for newer data only if ours is older than this: a key is often used at once after it was made.
const MISS_AGE_MS: f64 = 250.0;
/// And at most this often, so that a flood of junk costs one call a second.
const MISS_INTERVAL_MS: f64 = 1_000.0;

/// What a request has to do about the age of the isolate's knowledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Decide,
    DecideAndRefresh,
    RefreshFirst,
}

/// When the isolate was last told what is newest, and when it tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    /// When a source last said what is newest.
    refreshed_at: f64,
    /// When a refresh last ended, well or not.
    tried_at: f64,
    refreshing_since: Option<f64>,
    missed_at: f64,
}

impl Freshness {
    pub(crate) const NEVER: Self = Self {
        refreshed_at: f64::NEG_INFINITY,
        tried_at: f64::NEG_INFINITY,
        refreshing_since: None,
        missed_at: f64::NEG_INFINITY,
    };

    /// `interval`: milliseconds after which a request also asks for newer data.
    pub(crate) fn step(&self, now: f64, interval: f64, has_snapshot: bool) -> Step {
        let age = self.age(now);
        let may_try = now - self.tried_at >= PAUSE_MS;
        if !has_snapshot || (age > interval * STALE_INTERVALS && !self.is_cut_off(now)) {
            // A refresh that is under way is waited for; one that has just failed is not repeated by every request.
            if may_try || self.is_refreshing(now) { Step::RefreshFirst } else { Step::Decide }
        } else if age > interval && may_try && !self.is_refreshing(now) {
            Step::DecideAndRefresh
        } else {
            Step::Decide
        }
    }

    /// Milliseconds since a source last said what is newest; infinite before the first time.
    pub(crate) fn age(&self, now: f64) -> f64 {
        now - self.refreshed_at
    }

    /// Whether no source could be reached a moment ago. Then requests do not wait for the next try: it may take seconds to fail.
    fn is_cut_off(&self, now: f64) -> bool {
        self.tried_at > self.refreshed_at && now - self.tried_at < CUT_OFF_MS
    }

    /// Whether an unknown key is worth a refresh now.
    pub(crate) fn is_miss_due(&self, now: f64) -> bool {
        self.age(now) > MISS_AGE_MS && now - self.missed_at > MISS_INTERVAL_MS && !self.is_cut_off(now)
    }

    /// Notes that an unknown key asks for a refresh.
    pub(crate) fn note_miss(&mut self, now: f64) {
        self.missed_at = now;
    }

    pub(crate) fn is_refreshing(&self, now: f64) -> bool {
        self.refreshing_since.is_some_and(|since| now - since < REFRESH_DEADLINE_MS)
    }

    /// Marks a refresh as begun, unless one is under way.
    pub(crate) fn begin(&mut self, now: f64) -> bool {
        let may_begin = !self.is_refreshing(now);
        if may_begin {
            self.refreshing_since = Some(now);
        }
        may_begin
    }

    pub(crate) fn end(&mut self, now: f64, has_reached_source: bool) {
        self.refreshing_since = None;
        self.tried_at = now;
        if has_reached_source {
            self.refreshed_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: f64 = 2_000.0;

    fn refreshed() -> Freshness {
        let mut freshness = Freshness::NEVER;
        assert!(freshness.begin(0.0));
        freshness.end(0.0, true);
        freshness
    }

    #[test]
    fn young_knowledge_decides_older_also_refreshes_old_refreshes_first() {
        let freshness = refreshed();
        let rows = [
            (0.0, Step::Decide),
            (2_000.0, Step::Decide),
            (2_001.0, Step::DecideAndRefresh),
            (4_000.0, Step::DecideAndRefresh),
            (4_001.0, Step::RefreshFirst),
            (1e9, Step::RefreshFirst),
        ];
        for (now, step) in rows {
            assert_eq!(freshness.step(now, INTERVAL, true), step, "{now}");
        }
    }

    #[test]
    fn without_a_snapshot_every_request_refreshes_first_but_not_right_after_a_failure() {
        let mut freshness = Freshness::NEVER;
        assert_eq!(freshness.step(0.0, INTERVAL, false), Step::RefreshFirst);
        freshness.begin(0.0);
        assert_eq!(freshness.step(1.0, INTERVAL, false), Step::RefreshFirst);
        freshness.end(2.0, false);
        assert_eq!(freshness.step(3.0, INTERVAL, false), Step::Decide);
        assert_eq!(freshness.step(2.0 + PAUSE_MS, INTERVAL, false), Step::RefreshFirst);
    }

    #[test]
    fn one_refresh_at_a_time_until_it_is_given_up() {
        let mut freshness = refreshed();
        assert!(freshness.begin(3_000.0));
        assert!(!freshness.begin(3_001.0));
        assert_eq!(freshness.step(3_001.0, INTERVAL, true), Step::Decide);
        assert!(freshness.begin(3_000.0 + REFRESH_DEADLINE_MS));
    }

    #[test]
    fn cut_off_from_every_source_requests_do_not_wait() {
        let mut freshness = refreshed();
        freshness.begin(10_000.0);
        freshness.end(13_000.0, false);
        assert_eq!(freshness.step(13_050.0, INTERVAL, true), Step::Decide);
        assert_eq!(freshness.step(13_200.0, INTERVAL, true), Step::DecideAndRefresh);
        freshness.begin(13_200.0);
        assert_eq!(freshness.step(16_000.0, INTERVAL, true), Step::Decide);
        // Idle since: what it knows may be long outdated.
        assert_eq!(freshness.step(13_000.0 + CUT_OFF_MS, INTERVAL, true), Step::RefreshFirst);
    }

    #[test]
    fn unknown_keys_ask_for_news_once_a_second_and_not_for_what_is_new() {
        let mut freshness = refreshed();
        assert!(!freshness.is_miss_due(250.0));
        assert!(freshness.is_miss_due(251.0));
        freshness.note_miss(251.0);
        assert!(!freshness.is_miss_due(1_251.0));
        assert!(freshness.is_miss_due(1_252.0));
    }
}
