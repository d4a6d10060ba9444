//! Sending: in batches that stay as they are until they are answered, so that nothing counts twice.

use std::rc::Rc;

use latchkey_snapshot::id::Id;

use super::credits::Totals;
use super::report::{CreditTotals, Report, Request};
use super::{Usage, with};
use crate::config::UsageTarget;
use crate::control_plane::NoAnswer;
use crate::{clock, isolate, limits};

/// Milliseconds in which records gather before they are sent, unless half the ring is full before.
const GATHER_MS: f64 = 1_000.0;
/// How often it is looked whether it is.
const LOOK_MS: u64 = 100;
/// Records of one batch, well below what the control plane takes.
const LARGEST_BATCH: usize = 1_024;
/// Totals of keys and units that one batch brings along at most.
const MOST_CREDITS: usize = 512;
/// What a batch shrinks to at least while somebody on the way finds it too large.
const LEAST_BATCH: usize = 16;

/// What is sent, and sent again until there is an answer.
pub(super) struct Batch {
    records: Vec<u64>,
    dropped: u64,
    credits: Vec<(u64, String, Totals)>,
    json: String,
}

/// What an answer means for a batch.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Taken,
    /// Sent again in smaller pieces.
    TooLarge,
    /// It is not what the control plane reads, and never will be.
    Refused,
    /// Later it may go.
    NotNow,
}

/// Gathers for a while, then sends until nothing is left, or the time behind the answer is over.
pub(super) async fn run(target: &UsageTarget, keyspace: u64) {
    let Some(began) = with(|usage| usage.timetable.running_since()) else { return };
    let path = format!("/v1/keyspaces/{}/usage", Id::new("ks", keyspace));
    gather(began).await;
    let mut largest = LARGEST_BATCH;
    while with(|usage| usage.timetable.goes_on(began, clock::now_ms())) {
        let Some(batch) = next_batch(largest) else { break };
        let answer = target.control_plane.post(&path, &target.key, Some(&batch.json)).await;
        // A later run may have taken over while this one waited for longer than it should.
        if !with(|usage| usage.timetable.goes_on(began, clock::now_ms())) {
            break;
        }
        match outcome(answer) {
            Outcome::Taken => with(|usage| usage.taken(&batch)),
            Outcome::TooLarge if largest > LEAST_BATCH => {
                largest /= 2;
                with(|usage| usage.take_apart(&batch));
            }
            Outcome::TooLarge | Outcome::Refused => {
                worker::console_error!(
                    "The control plane refuses a report of usage; what is in it is dropped."
                );
                with(|usage| usage.refused(&batch));
            }
            Outcome::NotNow => {
                let chance = js_sys::Math::random();
                let pause = with(|usage| usage.timetable.failed(clock::now_ms(), chance));
                clock::sleep_ms(pause as u64).await;
            }
        }
    }
    with(|usage| usage.timetable.end(began));
}

async fn gather(began: f64) {
    while clock::now_ms() - began < GATHER_MS && !with(|usage| usage.ring.is_half_full()) {
        clock::sleep_ms(LOOK_MS).await;
    }
}

/// The batch that is under way, or a new one; `None` if there is nothing to tell.
fn next_batch(largest: usize) -> Option<Rc<Batch>> {
    let gate = isolate::with(|isolate| isolate.id().to_owned());
    let now = clock::now_ms();
    with(|usage| {
        if usage.under_way.is_none() {
            usage.credits.note_all(limits::with(|limits| limits.untold_credits(MOST_CREDITS)));
            usage.under_way = usage.pack(&gate, largest, now).map(Rc::new);
        }
        usage.under_way.clone()
    })
}

fn outcome(answer: Result<u16, NoAnswer>) -> Outcome {
    match answer {
        Ok(200..=299) => Outcome::Taken,
        Ok(413) => Outcome::TooLarge,
        Ok(400 | 415 | 422) => Outcome::Refused,
        // Also a wrong admin key: somebody may mend that.
        Ok(_) | Err(NoAnswer) => Outcome::NotNow,
    }
}

impl Usage {
    fn pack(&mut self, gate: &str, largest: usize, now: f64) -> Option<Batch> {
        let records = self.ring.take_ready(largest, now);
        let dropped = self.ring.dropped();
        if records.is_empty() && self.credits.is_empty() && dropped == 0 {
            return None;
        }
        self.batches += 1;
        let colo = self.colo.optional();
        let requests = records.iter().filter_map(|number| self.ring.get(*number));
        let report = Report {
            batch_id: format!("{gate}-{}", self.batches),
            gate,
            dropped,
            requests: requests.map(|record| Request::of(record, colo.as_deref(), clock::timestamp)).collect(),
            credits: self.credits.iter().map(CreditTotals::of).collect(),
        };
        // Texts and numbers: there is nothing in it that has no JSON form.
        let json = serde_json::to_string(&report).unwrap_or_default();
        let credits = self.credits.iter().map(|(key, unit, totals)| (key, unit.to_owned(), totals)).collect();
        Some(Batch { records, dropped, credits, json })
    }

    fn taken(&mut self, batch: &Batch) {
        self.timetable.succeeded();
        self.ring.told_of_dropped(batch.dropped);
        self.ended(batch);
    }

    fn refused(&mut self, batch: &Batch) {
        self.ring.drop_more(batch.records.len() as u64);
        self.ended(batch);
    }

    fn ended(&mut self, batch: &Batch) {
        self.under_way = None;
        self.ring.forget_copied();
        self.credits.forget(&batch.credits);
    }

    fn take_apart(&mut self, batch: &Batch) {
        self.under_way = None;
        self.ring.give_back(&batch.records);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_will_never_be_taken_is_given_up() {
        assert_eq!(outcome(Ok(200)), Outcome::Taken);
        assert_eq!(outcome(Ok(413)), Outcome::TooLarge);
        for status in [400, 415, 422] {
            assert_eq!(outcome(Ok(status)), Outcome::Refused, "{status}");
        }
        for status in [301, 401, 403, 404, 408, 429, 500, 502, 503] {
            assert_eq!(outcome(Ok(status)), Outcome::NotNow, "{status}");
        }
        assert_eq!(outcome(Err(NoAnswer)), Outcome::NotNow);
    }
}
