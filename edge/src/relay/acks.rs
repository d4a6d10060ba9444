//! Which isolate has applied what. In memory: it is rebuilt within seconds of a restart, by the isolates' next refresh.

use std::collections::HashMap;

use crate::clock;
use crate::protocol::{Held, IsolateStatus, Nack};

/// An isolate that has not asked for this long (milliseconds) is gone, or decides from nothing newer than its last request.
const FORGET_AFTER_MS: f64 = 60_000.0;
/// Isolates that are listed; a deployment with more still works.
const MOST: usize = 10_000;
/// Longest location name that is kept.
const COLO_BYTES: usize = 8;

#[derive(Default)]
pub(super) struct Acks(HashMap<String, (f64, IsolateStatus)>);

impl Acks {
    pub(super) fn note(&mut self, id: &str, colo: String, held: &Held, refused: Option<Nack>, now_ms: f64) {
        if self.0.len() >= MOST && !self.0.contains_key(id) {
            return;
        }
        let status = IsolateStatus {
            id: id.to_owned(),
            colo: if colo.len() <= COLO_BYTES { colo } else { String::new() },
            epoch: held.epoch,
            seq: held.seq,
            change_seq: held.change_seq,
            seen_at: clock::timestamp(now_ms),
            refused,
        };
        self.0.insert(id.to_owned(), (now_ms, status));
    }

    /// Those seen lately, in a steady order.
    pub(super) fn list(&mut self, now_ms: f64) -> Vec<IsolateStatus> {
        self.0.retain(|_, (seen_at, _)| now_ms - *seen_at < FORGET_AFTER_MS);
        let mut list: Vec<IsolateStatus> = self.0.values().map(|(_, status)| status.clone()).collect();
        list.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        list
    }
}
