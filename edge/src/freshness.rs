//! How old an isolate's knowledge may be, and when it asks for newer. Times are milliseconds since the epoch.

use crate::watch::Watch;

/// Knowledge older than this many refresh intervals is not decided from before it was refreshed. With the default interval of 2 s an isolate
/// that wakes up again decides from nothing older than 4 s, which keeps a revocation within 5 s.
pub(crate) const STALE_INTERVALS: f64 = 2.0;
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

/// How often an isolate asks, by its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace {
    /// Milliseconds after which a request also asks for newer data.
    pub(crate) interval_ms: f64,
    /// How long a question may wait at the relay for something newer; at most an interval, 0 for not at all.
    pub(crate) wait_ms: f64,
}

/// What a request has to do about the age of the isolate's knowledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Decide,
    DecideAndRefresh,
    RefreshFirst,
}

/// What is done behind an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Behind {
    /// What is newest is asked for.
    Ask,
    /// The relay is asked to answer when it has something newer, or after so long.
    Watch { wait_ms: f64 },
}

/// When the isolate was last told what is newest, and when it tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    /// What was newest at this time is known.
    known_at: f64,
    /// When a refresh last ended, well or not.
    tried_at: f64,
    /// Whether no source could be reached then.
    has_failed: bool,
    refreshing_since: Option<f64>,
    missed_at: f64,
    /// Beside the refreshes: what a request waits for never waits for it.
    pub(crate) watch: Watch,
}

impl Freshness {
    pub(crate) const NEVER: Self = Self {
        known_at: f64::NEG_INFINITY,
        tried_at: f64::NEG_INFINITY,
        has_failed: false,
        refreshing_since: None,
        missed_at: f64::NEG_INFINITY,
        watch: Watch::NEVER,
    };

    /// What a request has to do first, or behind its answer.
    pub(crate) fn step(&self, now: f64, pace: Pace, has_snapshot: bool) -> Step {
        let is_stale = self.age(now) > pace.interval_ms * STALE_INTERVALS && !self.is_cut_off(now);
        if !has_snapshot || is_stale {
            // A refresh that is under way is waited for; one that has just failed is not repeated by every request.
            if self.may_try(now) || self.is_refreshing(now) { Step::RefreshFirst } else { Step::Decide }
        } else if self.behind(now, pace).is_some() {
            Step::DecideAndRefresh
        } else {
            Step::Decide
        }
    }

    /// What is to be done behind an answer, marked as begun.
    pub(crate) fn begin_behind(&mut self, now: f64, pace: Pace) -> Option<Behind> {
        let behind = self.behind(now, pace);
        match behind {
            Some(Behind::Ask) => self.refreshing_since = Some(now),
            Some(Behind::Watch { wait_ms }) => self.watch.ask(now, wait_ms),
            None => {}
        }
        behind
    }

    fn behind(&self, now: f64, pace: Pace) -> Option<Behind> {
        let age = self.age(now);
        if !self.is_cut_off(now)
            && let Some(wait_ms) = self.watch.wait_for(now, age, pace)
        {
            return Some(Behind::Watch { wait_ms });
        }
        let is_watched = self.watch.is_pending(now) && !self.watch.is_overdue(now);
        let is_due = age > pace.interval_ms && !is_watched && self.may_try(now) && !self.is_refreshing(now);
        is_due.then_some(Behind::Ask)
    }

    fn may_try(&self, now: f64) -> bool {
        now - self.tried_at >= PAUSE_MS
    }

    /// Milliseconds since the time of which it is known what was newest; infinite before the first answer.
    pub(crate) fn age(&self, now: f64) -> f64 {
        now - self.known_at
    }

    /// Whether no source could be reached a moment ago. Then requests do not wait for the next try: it may take seconds to fail.
    fn is_cut_off(&self, now: f64) -> bool {
        self.has_failed && now - self.tried_at < CUT_OFF_MS
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

    /// Marks a refresh as ended. What it has learned was noted as it came ([`Self::learn`]).
    pub(crate) fn end(&mut self, now: f64, has_reached_source: bool) {
        self.refreshing_since = None;
        self.tried_at = now;
        self.has_failed = !has_reached_source;
    }

    /// Notes that the isolate has what was newest at `known_at`: of an answer, when it was given at the earliest, not when it came.
    pub(crate) fn learn(&mut self, known_at: f64) {
        self.known_at = self.known_at.max(known_at);
        self.has_failed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Ended;

    const POLLING: Pace = Pace { interval_ms: 2_000.0, wait_ms: 0.0 };
    const WAITING: Pace = Pace { interval_ms: 2_000.0, wait_ms: 2_000.0 };

    fn refreshed() -> Freshness {
        let mut freshness = Freshness::NEVER;
        assert!(freshness.begin(0.0));
        freshness.learn(0.0);
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
            assert_eq!(freshness.step(now, POLLING, true), step, "{now}");
        }
    }

    #[test]
    fn with_traffic_one_question_always_waits_at_the_relay() {
        let mut freshness = refreshed();
        let mut now = 0.0;
        for _ in 0..100 {
            assert_eq!(freshness.step(now, WAITING, true), Step::DecideAndRefresh, "{now}");
            assert_eq!(freshness.begin_behind(now, WAITING), Some(Behind::Watch { wait_ms: 2_000.0 }));
            for asked in 1..=40 {
                assert_eq!(freshness.step(now + f64::from(asked) * 50.0, WAITING, true), Step::Decide);
            }
            freshness.learn(now + 2_000.0);
            now += 2_030.0;
            freshness.watch.end(now, Ended::Nothing { waited_ms: 2_000.0 }, WAITING);
        }
    }

    #[test]
    fn a_watch_that_hangs_for_ever_leaves_every_bound_where_it_was() {
        let mut freshness = refreshed();
        assert!(matches!(freshness.begin_behind(0.0, WAITING), Some(Behind::Watch { .. })));
        // Overdue: what is newest is asked for behind an answer, before a request has to wait.
        assert_eq!(freshness.step(2_400.0, WAITING, true), Step::Decide);
        assert_eq!(freshness.step(2_600.0, WAITING, true), Step::DecideAndRefresh);
        assert_eq!(freshness.step(4_001.0, WAITING, true), Step::RefreshFirst);
        assert_eq!(freshness.begin_behind(2_600.0, WAITING), Some(Behind::Ask));
        freshness.learn(2_600.0);
        freshness.end(2_650.0, true);
        assert_eq!(freshness.step(4_001.0, WAITING, true), Step::Decide);
    }

    #[test]
    fn what_a_request_waits_for_is_not_queued_behind_a_watch() {
        let mut freshness = refreshed();
        freshness.begin_behind(0.0, WAITING);
        assert!(!freshness.is_refreshing(1.0));
        assert!(freshness.is_miss_due(500.0));
        assert!(freshness.begin(500.0));
    }

    #[test]
    fn age_counts_from_when_an_answer_was_true_not_from_when_it_came() {
        let mut freshness = refreshed();
        freshness.begin(5_000.0);
        freshness.learn(5_000.0);
        freshness.end(6_400.0, true);
        assert_eq!(freshness.age(6_400.0), 1_400.0);
        // An answer that was overtaken takes nothing back.
        freshness.learn(3_000.0);
        assert_eq!(freshness.age(6_400.0), 1_400.0);
        assert_eq!(freshness.step(9_001.0, POLLING, true), Step::RefreshFirst);
    }

    #[test]
    fn without_a_snapshot_every_request_refreshes_first_but_not_right_after_a_failure() {
        let mut freshness = Freshness::NEVER;
        for pace in [POLLING, WAITING] {
            assert_eq!(freshness.step(0.0, pace, false), Step::RefreshFirst);
        }
        freshness.begin(0.0);
        assert_eq!(freshness.step(1.0, POLLING, false), Step::RefreshFirst);
        freshness.end(2.0, false);
        assert_eq!(freshness.step(3.0, POLLING, false), Step::Decide);
        assert_eq!(freshness.step(2.0 + PAUSE_MS, POLLING, false), Step::RefreshFirst);
    }

    #[test]
    fn one_refresh_at_a_time_until_it_is_given_up() {
        let mut freshness = refreshed();
        assert!(freshness.begin(3_000.0));
        assert!(!freshness.begin(3_001.0));
        assert_eq!(freshness.step(3_001.0, POLLING, true), Step::Decide);
        assert!(freshness.begin(3_000.0 + REFRESH_DEADLINE_MS));
    }

    #[test]
    fn cut_off_from_every_source_requests_do_not_wait() {
        for pace in [POLLING, WAITING] {
            let mut freshness = refreshed();
            freshness.begin(10_000.0);
            freshness.end(13_000.0, false);
            assert_eq!(freshness.step(13_050.0, pace, true), Step::Decide);
            assert_eq!(freshness.begin_behind(13_200.0, pace), Some(Behind::Ask));
            assert_eq!(freshness.step(16_000.0, pace, true), Step::Decide);
            // Idle since: what it knows may be long outdated.
            assert_eq!(freshness.step(13_000.0 + CUT_OFF_MS, pace, true), Step::RefreshFirst);
        }
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
