//! Questions that wait at the relay, as `edge/src/refresh.rs` asks them and `edge/src/relay` answers them.

use latchkey_snapshot::{HighWater, ObjectRef, Refusal};
use rand::RngExt;

use super::{EPOCH_MS, World};
use crate::faults::Scenario;
use crate::watch::Ended;
use crate::{Variant, bounds};

/// After its wait and this long an isolate no longer expects an answer.
const TIMEOUT_MS: u64 = 1_500;

/// An isolate's watch: its question, or the pause before the next one.
pub(super) struct Watch {
    isolate: usize,
    /// When what is asked is to be over, all questions together.
    ends_at: u64,
    asked_at: u64,
    wait_ms: u64,
    held: Option<HighWater>,
    at: At,
}

#[derive(Clone)]
enum At {
    /// On its way to the relay, until then.
    Asked(u64),
    /// At the relay, since then.
    Waiting(u64),
    /// On its way back, until then: the head, if there was news, and how long the relay held it back.
    Answered(u64, Option<Vec<u8>>, u64),
    /// Nobody will answer.
    Lost,
    /// After news, until then.
    Pausing(u64),
}

impl World {
    pub(super) fn begin_watch(&mut self, isolate: usize, wait_ms: u64) {
        self.watches.retain(|watch| watch.isolate != isolate);
        let watch = Watch {
            isolate,
            ends_at: self.now + wait_ms,
            asked_at: self.now,
            wait_ms,
            held: self.isolates[isolate].high_water(),
            at: At::Asked(self.now + self.way()),
        };
        self.watches.push(watch);
    }

    pub(super) fn forget_watch(&mut self, isolate: usize) {
        self.watches.retain(|watch| watch.isolate != isolate);
    }

    pub(super) fn go_on_watching(&mut self) -> Result<(), String> {
        for mut watch in std::mem::take(&mut self.watches) {
            if self.go_on(&mut watch)? {
                self.watches.push(watch);
            }
        }
        Ok(())
    }

    /// Half a call.
    fn way(&mut self) -> u64 {
        self.rng.random_range(2..=bounds::CALL_MS / 2)
    }

    /// Whether the watch goes on.
    fn go_on(&mut self, watch: &mut Watch) -> Result<bool, String> {
        let now = self.now;
        match watch.at.clone() {
            At::Asked(until) if until <= now => watch.at = self.arrive(watch),
            At::Waiting(since) => watch.at = self.wait(watch, since),
            At::Answered(until, head, waited_ms) if until <= now => {
                return self.take(watch, head, waited_ms);
            }
            At::Pausing(until) if until <= now => {
                watch.asked_at = now;
                watch.wait_ms = watch.ends_at.saturating_sub(now);
                watch.held = self.isolates[watch.isolate].high_water();
                watch.at = At::Asked(now + self.way());
                let isolate = &mut self.isolates[watch.isolate];
                let clock = isolate.clock(EPOCH_MS + now);
                isolate.freshness.watch.ask(clock, watch.wait_ms as f64);
            }
            At::Lost if watch.asked_at + watch.wait_ms + TIMEOUT_MS <= now => {
                self.end(watch, Ended::Failed);
                return Ok(false);
            }
            _ => {}
        }
        Ok(true)
    }

    fn arrive(&mut self, watch: &Watch) -> At {
        let has_faults = self.scenario != Scenario::Calm;
        // A relay that swallows what it is asked to wait with, and one that has no place for more, or is of an older version.
        let is_swallowed = has_faults && self.chance(0.1);
        let is_answered_at_once = has_faults && self.chance(0.1);
        if !self.can_reach_relay(watch.isolate) || is_swallowed {
            At::Lost
        } else if is_answered_at_once {
            self.answer(watch, 0)
        } else {
            self.wait(watch, self.now)
        }
    }

    fn wait(&mut self, watch: &Watch, since: u64) -> At {
        let waited_ms = self.now - since;
        let is_woken = self.relay.high_water() > watch.held && self.variant != Variant::NeverWakes;
        if !self.can_reach_relay(watch.isolate) {
            At::Lost
        } else if is_woken || waited_ms >= watch.wait_ms {
            self.answer(watch, waited_ms)
        } else {
            At::Waiting(since)
        }
    }

    fn answer(&mut self, watch: &Watch, waited_ms: u64) -> At {
        let news = self.relay.head().filter(|head| Some(head.head().high_water()) > watch.held);
        let news = news.map(|head| head.bytes().to_vec());
        At::Answered(self.now + self.way(), news, waited_ms)
    }

    fn take(&mut self, watch: &mut Watch, head: Option<Vec<u8>>, waited_ms: u64) -> Result<bool, String> {
        let index = watch.isolate;
        let before = self.isolates[index].high_water();
        let isolate = &mut self.isolates[index];
        let epoch_ms = EPOCH_MS + self.now;
        let relay = &self.relay;
        let fetch = |object: &ObjectRef| relay.object(&object.sha256);
        let has_news = head.is_some();
        let verdict =
            head.map_or(Ok(()), |head| isolate.adopt(&head, &self.trust, isolate.seconds(epoch_ms), fetch));
        if !matches!(verdict, Ok(()) | Err(Refusal::NotNewer)) {
            self.end(watch, Ended::Failed);
            return Ok(false);
        }
        let known_at = watch.asked_at + waited_ms;
        isolate.asked_relay_at = isolate.asked_relay_at.max(Some(known_at));
        isolate.freshness.learn(isolate.clock(EPOCH_MS + known_at));
        self.totals.watched += u64::from(has_news);
        self.check_head(index, before)?;
        match (has_news, watch.wait_ms) {
            (false, _) => self.end(watch, Ended::Nothing { waited_ms: waited_ms as f64 }),
            (true, 0) => self.end(watch, Ended::News),
            (true, _) => {
                let isolate = &self.isolates[index];
                let pause =
                    isolate.freshness.watch.next_at(self.pace(index)) - isolate.clock(EPOCH_MS + self.now);
                watch.at = At::Pausing(self.now + pause.max(0.0) as u64);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn end(&mut self, watch: &Watch, ended: Ended) {
        let pace = self.pace(watch.isolate);
        let isolate = &mut self.isolates[watch.isolate];
        let clock = isolate.clock(EPOCH_MS + self.now);
        isolate.freshness.watch.end(clock, ended, pace);
    }
}
