//! Loading parts of a large base: one fetch for each, however many requests need it, and no more at once than memory has room for.

use std::collections::BTreeMap;

use latchkey_snapshot::ObjectRef;
use worker::Env;

use crate::refresh::fetch_object;
use crate::{clock, isolate};

/// Bytes of shards and index pages that an isolate keeps. What a Worker has in all is 128 MB; the aim is 48 MB with everything else: Wasm
/// itself, the segments, records of usage and what is under way. A million keys of few different profiles fit.
pub(crate) const BUDGET_BYTES: usize = 37 * 1_024 * 1_024;
/// Bytes that are fetched at once, unless a single object has more. Wasm's memory never shrinks, so a rush must not make it grow.
const UNDER_WAY_BYTES: u64 = 2 * 1_024 * 1_024;
/// A fetch that has not ended after this long has died with its request, and another may start.
const DEADLINE_MS: f64 = 4_000.0;
/// What could not be had is not asked for again before this has passed: those who wait for it are then refused, and not each after a try of its own.
const FAILURE_PAUSE_MS: f64 = 500.0;
/// A request that waits for others looks again after this long, then after twice as long, and so on.
const FIRST_LOOK_MS: u64 = 5;
const LAST_LOOK_MS: u64 = 80;
/// And decides again after this long; the entry gives up on anything that takes 6 s.
const WAIT_MS: f64 = 2_500.0;

/// The fetches of an isolate.
#[derive(Debug, Default)]
pub(crate) struct Loads(BTreeMap<[u8; 32], Load>);

#[derive(Clone, Copy, Debug)]
enum Load {
    UnderWay { since: f64, bytes: u32 },
    Failed { at: f64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The caller is to fetch it.
    Fetch,
    /// Another request does, or there is no room now.
    Wait,
    /// It could not be had a moment ago.
    Refused,
}

impl Loads {
    /// Whose turn it is. Whoever gets [`Turn::Fetch`] is entered, so that nobody else gets it.
    fn turn(&mut self, object: &ObjectRef, now: f64) -> Turn {
        self.0.retain(|_, load| match *load {
            Load::UnderWay { since, .. } => now - since < DEADLINE_MS,
            Load::Failed { at } => now - at < FAILURE_PAUSE_MS,
        });
        match self.0.get(&object.sha256) {
            Some(Load::Failed { .. }) => return Turn::Refused,
            Some(Load::UnderWay { .. }) => return Turn::Wait,
            None => {}
        }
        let under_way = self.bytes_under_way();
        if under_way > 0 && under_way + u64::from(object.length) > UNDER_WAY_BYTES {
            return Turn::Wait;
        }
        self.0.insert(object.sha256, Load::UnderWay { since: now, bytes: object.length });
        Turn::Fetch
    }

    fn bytes_under_way(&self) -> u64 {
        let bytes = self.0.values().map(|load| match load {
            Load::UnderWay { bytes, .. } => u64::from(*bytes),
            Load::Failed { .. } => 0,
        });
        bytes.sum()
    }

    fn is_under_way(&self, sha256: &[u8; 32], now: f64) -> bool {
        matches!(self.0.get(sha256), Some(Load::UnderWay { since, .. }) if now - since < DEADLINE_MS)
    }

    fn end(&mut self, sha256: &[u8; 32], now: f64, has_come: bool) {
        if has_come {
            self.0.remove(sha256);
        } else {
            self.0.insert(*sha256, Load::Failed { at: now });
        }
    }
}

/// Fetches a part of the base and takes it in, or waits until another request has done so. When it cannot be had the next decision asks for
/// it again.
pub(crate) async fn load(env: &Env, object: ObjectRef) {
    let asked_at = clock::now_ms();
    let mut look_ms = FIRST_LOOK_MS;
    let mut has_waited_for_it = false;
    loop {
        let now = clock::now_ms();
        if has_waited_for_it && !isolate::with(|isolate| isolate.loads.is_under_way(&object.sha256, now)) {
            return;
        }
        match isolate::with(|isolate| isolate.loads.turn(&object, now)) {
            Turn::Fetch => return fetch(env, object).await,
            Turn::Refused => return,
            Turn::Wait if now - asked_at > WAIT_MS => return,
            Turn::Wait => {}
        }
        has_waited_for_it = isolate::with(|isolate| isolate.loads.is_under_way(&object.sha256, now));
        // Its own timer: what another request awaits must not be awaited here.
        clock::sleep_ms(look_ms).await;
        look_ms = (look_ms * 2).min(LAST_LOOK_MS);
    }
}

async fn fetch(env: &Env, object: ObjectRef) {
    let body = match isolate::config(env) {
        Ok(config) => fetch_object(env, &config, &object).await,
        Err(_) => None,
    };
    let has_come = body.is_some();
    if let Some(body) = body
        && let Err(refusal) = isolate::with(|isolate| isolate.supply(body))
    {
        // The usual one is that a newer base came in meanwhile.
        worker::console_warn!("A part of the base was refused: {}", refusal);
    }
    isolate::with(|isolate| isolate.loads.end(&object.sha256, clock::now_ms(), has_come));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: u8, length: u32) -> ObjectRef {
        ObjectRef { sha256: [name; 32], length }
    }

    #[test]
    fn one_request_fetches_and_the_others_wait() {
        let mut loads = Loads::default();
        assert_eq!(loads.turn(&object(1, 50_000), 0.0), Turn::Fetch);
        for _ in 0..200 {
            assert_eq!(loads.turn(&object(1, 50_000), 1.0), Turn::Wait);
        }
        loads.end(&[1; 32], 2.0, true);
        assert!(!loads.is_under_way(&[1; 32], 2.0));
        // Evicted since.
        assert_eq!(loads.turn(&object(1, 50_000), 3.0), Turn::Fetch);
    }

    #[test]
    fn what_failed_is_not_tried_by_each_that_waits_but_after_a_pause() {
        let mut loads = Loads::default();
        loads.turn(&object(1, 1), 0.0);
        loads.end(&[1; 32], 10.0, false);
        assert_eq!(loads.turn(&object(1, 1), 11.0), Turn::Refused);
        assert_eq!(loads.turn(&object(1, 1), 10.0 + FAILURE_PAUSE_MS), Turn::Fetch);
    }

    #[test]
    fn a_fetch_that_died_with_its_request_is_taken_over() {
        let mut loads = Loads::default();
        loads.turn(&object(1, 1), 0.0);
        assert_eq!(loads.turn(&object(1, 1), DEADLINE_MS - 1.0), Turn::Wait);
        assert_eq!(loads.turn(&object(1, 1), DEADLINE_MS), Turn::Fetch);
    }

    #[test]
    fn only_so_many_bytes_are_under_way_but_always_one_object() {
        let mut loads = Loads::default();
        let large = UNDER_WAY_BYTES as u32 + 1;
        assert_eq!(loads.turn(&object(1, large), 0.0), Turn::Fetch);
        assert_eq!(loads.turn(&object(2, 1), 0.0), Turn::Wait);
        loads.end(&[1; 32], 1.0, true);
        let half = UNDER_WAY_BYTES as u32 / 2;
        assert_eq!(loads.turn(&object(3, half), 1.0), Turn::Fetch);
        assert_eq!(loads.turn(&object(4, half), 1.0), Turn::Fetch);
        assert_eq!(loads.turn(&object(5, 1), 1.0), Turn::Wait);
    }
}
