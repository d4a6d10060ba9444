//! The question that an isolate keeps waiting at the relay, so that news reaches it at once. Times are milliseconds since the epoch.

use crate::freshness::{Pace, STALE_INTERVALS};

/// While there is news all the time, a question is asked this often at most: so late is what came in right after the last answer.
const NEWS_PAUSE_MS: f64 = 500.0;
/// After a question that failed, for this long there is no other; what is newest is asked for without waiting.
const FAILURE_PAUSE_MS: f64 = 5_000.0;
/// An answer is overdue this long after its wait: it should have come, and knowledge ages.
const OVERDUE_MS: f64 = 500.0;
/// And after this long it has died with its request, and another may be asked.
const DEADLINE_MS: f64 = 4_000.0;
/// Of an interval: that much before a request would have to refresh first, an answer has to be there.
const MARGIN_INTERVALS: f64 = 0.25;

/// The question that waits, and when there may be another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    waiting: Option<Question>,
    not_before: f64,
}

#[derive(Clone, Copy, Debug)]
struct Question {
    asked_at: f64,
    wait_ms: f64,
}

/// How the last question of a watch ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ended {
    News,
    /// There was none for so many milliseconds, in which the relay held the question back.
    Nothing {
        waited_ms: f64,
    },
    Failed,
}

impl Watch {
    pub(crate) const NEVER: Self = Self { waiting: None, not_before: f64::NEG_INFINITY };

    /// How long a question that is asked now may wait; `None` if there is to be none now. `age`: of what the isolate knows.
    pub(crate) fn wait_for(&self, now: f64, age: f64, pace: Pace) -> Option<f64> {
        let is_off = pace.wait_ms <= 0.0;
        if is_off || self.is_pending(now) || now < self.not_before || age < pace.interval_ms - pace.wait_ms {
            return None;
        }
        // What a request refreshes first for is not to be waited for, or a relay that swallows questions would make requests slow.
        let margin = pace.interval_ms * MARGIN_INTERVALS;
        let room = pace.interval_ms * STALE_INTERVALS - margin - age;
        (room >= margin.min(pace.wait_ms)).then(|| room.min(pace.wait_ms))
    }

    /// Whether a question waits, for all that is known.
    pub(crate) fn is_pending(&self, now: f64) -> bool {
        self.waiting.is_some_and(|question| now - question.asked_at < question.wait_ms + DEADLINE_MS)
    }

    /// Whether the answer to the question that waits should have come.
    pub(crate) fn is_overdue(&self, now: f64) -> bool {
        self.waiting.is_some_and(|question| now - question.asked_at > question.wait_ms + OVERDUE_MS)
    }

    /// Notes that a question is asked which waits for so long.
    pub(crate) fn ask(&mut self, now: f64, wait_ms: f64) {
        self.waiting = Some(Question { asked_at: now, wait_ms });
    }

    /// When the next question may be asked, after news.
    pub(crate) fn next_at(&self, pace: Pace) -> f64 {
        let asked_at = self.waiting.map_or(f64::NEG_INFINITY, |question| question.asked_at);
        asked_at + NEWS_PAUSE_MS.min(pace.interval_ms)
    }

    /// Notes how the last question ended.
    pub(crate) fn end(&mut self, now: f64, ended: Ended, pace: Pace) {
        let Some(question) = self.waiting else { return };
        self.not_before = match ended {
            Ended::News => self.next_at(pace),
            Ended::Nothing { waited_ms } if waited_ms * 2.0 >= question.wait_ms => now,
            // This relay does not wait: it knows no such thing, or too many do. Then it is asked as often as without.
            Ended::Nothing { .. } => question.asked_at + pace.interval_ms,
            Ended::Failed => now + FAILURE_PAUSE_MS,
        };
        self.waiting = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { interval_ms: 2_000.0, wait_ms: 2_000.0 };

    fn asked_at(now: f64) -> Watch {
        let mut watch = Watch::NEVER;
        watch.ask(now, PACE.wait_ms);
        watch
    }

    #[test]
    fn one_question_waits_at_a_time_until_it_is_given_up() {
        let mut watch = Watch::NEVER;
        assert_eq!(watch.wait_for(0.0, 0.0, PACE), Some(2_000.0));
        watch.ask(0.0, 2_000.0);
        assert_eq!(watch.wait_for(1.0, 1.0, PACE), None);
        assert!(watch.is_pending(2_000.0 + DEADLINE_MS - 1.0));
        assert!(!watch.is_pending(2_000.0 + DEADLINE_MS));
        assert_eq!(watch.wait_for(2_000.0 + DEADLINE_MS, 0.0, PACE), Some(2_000.0));
    }

    #[test]
    fn the_wait_ends_before_a_request_would_have_to_refresh_first() {
        let watch = Watch::NEVER;
        for age in [0.0, 1_000.0, 1_500.0, 2_000.0, 2_900.0] {
            let wait = watch.wait_for(1e6, age, PACE).unwrap();
            assert!(age + wait <= 3_500.0, "{age}");
        }
        assert_eq!(watch.wait_for(1e6, 3_100.0, PACE), None);
        assert_eq!(watch.wait_for(1e6, f64::INFINITY, PACE), None);
    }

    #[test]
    fn a_short_wait_is_the_end_of_each_interval_and_none_is_none() {
        let short = Pace { interval_ms: 2_000.0, wait_ms: 100.0 };
        assert_eq!(Watch::NEVER.wait_for(1e6, 1_899.0, short), None);
        assert_eq!(Watch::NEVER.wait_for(1e6, 1_900.0, short), Some(100.0));
        let off = Pace { interval_ms: 2_000.0, wait_ms: 0.0 };
        assert_eq!(Watch::NEVER.wait_for(1e6, 2_500.0, off), None);
    }

    #[test]
    fn a_relay_that_waited_is_asked_again_at_once_one_that_did_not_an_interval_after_the_question() {
        let mut watch = asked_at(0.0);
        watch.end(2_010.0, Ended::Nothing { waited_ms: 2_000.0 }, PACE);
        assert_eq!(watch.wait_for(2_010.0, 10.0, PACE), Some(2_000.0));
        let mut watch = asked_at(0.0);
        watch.end(10.0, Ended::Nothing { waited_ms: 0.0 }, PACE);
        assert_eq!(watch.wait_for(1_999.0, 1_999.0, PACE), None);
        assert!(watch.wait_for(2_000.0, 2_000.0, PACE).is_some());
    }

    #[test]
    fn news_all_the_time_is_asked_for_at_a_pace_failures_after_a_pause() {
        let mut watch = asked_at(0.0);
        watch.end(5.0, Ended::News, PACE);
        assert_eq!(watch.wait_for(NEWS_PAUSE_MS - 1.0, 0.0, PACE), None);
        assert!(watch.wait_for(NEWS_PAUSE_MS, 0.0, PACE).is_some());
        let mut watch = asked_at(0.0);
        watch.end(3_500.0, Ended::Failed, PACE);
        assert_eq!(watch.wait_for(3_500.0 + FAILURE_PAUSE_MS - 1.0, 0.0, PACE), None);
        assert!(watch.wait_for(3_500.0 + FAILURE_PAUSE_MS, 0.0, PACE).is_some());
    }

    #[test]
    fn an_answer_is_overdue_soon_after_its_wait() {
        let watch = asked_at(0.0);
        assert!(!watch.is_overdue(2_000.0 + OVERDUE_MS));
        assert!(watch.is_overdue(2_001.0 + OVERDUE_MS));
    }
}
