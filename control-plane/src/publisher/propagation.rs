//! How far each gate has come, as far as this process knows. Kept in memory: after a restart the first push of each gate fills it again
//! within moments.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::{GateRefusal, GateUrl, HeldBase, KeyspaceId, Timestamp};

/// Heads of which it is remembered what a gate that has them knows.
const HEADS: usize = 4_096;
/// Confirmations of a gate that are remembered.
const CONFIRMATIONS: usize = 256;
/// An isolate that has not asked the relay for this long asks before it decides (after 4 seconds, unless a gate is configured otherwise), or is gone.
const SILENT_MS: i64 = 10_000;
/// Of each isolate: there may be 10,000 of a gate.
const CONFIRMATIONS_OF_ISOLATE: usize = 8;

/// Whatever is known of gates and of what keeps them from getting more.
#[derive(Debug, Default)]
pub struct Propagation {
    gates: Mutex<BTreeMap<(KeyspaceId, GateUrl), GateState>>,
    held: Mutex<BTreeMap<KeyspaceId, HeldBase>>,
    /// By their numbers.
    heads: Mutex<BTreeMap<KeyspaceId, BTreeMap<u64, Mark>>>,
}

/// What somebody knows who has a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The head's number.
    pub seq: u64,
    /// Every change up to and with this one is contained.
    pub change_seq: u64,
    /// Whoever was shut out up to and with this change is.
    pub revoked_through: u64,
}

/// A change for which somebody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Any.
    Change(u64),
    /// One that shut somebody out: those go ahead of the others.
    ShutOut(u64),
}

impl Mark {
    /// Whether whoever has this head has the change.
    pub fn has(&self, wanted: Wanted) -> bool {
        match wanted {
            Wanted::Change(seq) => self.change_seq >= seq,
            Wanted::ShutOut(seq) => self.change_seq.max(self.revoked_through) >= seq,
        }
    }
}

/// When heads were confirmed: a step for each that brought something new.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmations(VecDeque<(Timestamp, Mark)>);

impl Confirmations {
    /// The last one.
    pub fn last(&self) -> Option<Mark> {
        self.0.back().map(|(_, mark)| *mark)
    }

    /// Since when, at the latest, the change has been there; `None` if it is not.
    pub fn since(&self, wanted: Wanted) -> Option<Timestamp> {
        // What is there now counts: a gate that lost its storage no longer has what it once had.
        let steps = self.0.iter().rev().take_while(|(_, mark)| mark.has(wanted));
        steps.last().map(|(at, _)| *at)
    }

    fn add(&mut self, at: Timestamp, mark: Mark, most: usize) {
        match self.0.back_mut() {
            Some((_, last)) if knows_the_same(last, &mark) => *last = mark,
            _ => self.0.push_back((at, mark)),
        }
        if self.0.len() > most {
            self.0.pop_front();
        }
    }
}

fn knows_the_same(one: &Mark, other: &Mark) -> bool {
    (one.change_seq, one.revoked_through) == (other.change_seq, other.revoked_through)
}

/// How far one gate has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateState {
    /// The head that the gate has confirmed.
    pub applied_seq: Option<u64>,
    /// Every change up to and with this one is in that head.
    pub applied_change_seq: Option<u64>,
    /// When it confirmed.
    pub acked_at: Option<Timestamp>,
    /// When a push was last tried.
    pub last_attempt_at: Option<Timestamp>,
    /// Why the last push failed, if it did.
    pub last_error: Option<PushError>,
    /// What the gate says is bad about what was published, if it does not take it.
    pub refusal: Option<GateRefusal>,
    /// What it has confirmed, and when.
    pub confirmations: Confirmations,
    /// The isolates that the gate has heard of.
    pub isolates: Vec<Isolate>,
}

impl GateState {
    /// Since when, at the latest, the gate has had the change, and with it the isolates that decide without asking it first; `None` if it
    /// has not.
    pub fn applied_since(&self, wanted: Wanted, now: Timestamp) -> Option<Timestamp> {
        let mut since = self.confirmations.since(wanted)?;
        for isolate in &self.isolates {
            if isolate.refused.is_some() || now.0.saturating_sub(isolate.seen_at.0) <= SILENT_MS {
                since = since.max(isolate.confirmations.since(wanted)?);
            }
        }
        Some(since)
    }
}

/// Why a push failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushError {
    /// The gate's own code, or one of `UNREACHABLE TIMEOUT BAD_ANSWER`.
    pub code: String,
    /// One sentence.
    pub message: String,
}

/// One isolate of a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolate {
    /// Its name for itself.
    pub id: String,
    /// Where it runs.
    pub colo: Option<String>,
    /// The head it decides with.
    pub seq: u64,
    /// The last change in that head.
    pub change_seq: u64,
    /// When the relay last heard of it.
    pub seen_at: Timestamp,
    /// Why it did not take the last update, if it did not.
    pub refused: Option<PushError>,
    /// What it has confirmed, and when.
    pub confirmations: Confirmations,
}

impl Propagation {
    /// The state of one gate; all empty if nothing was pushed yet.
    pub fn of(&self, keyspace: KeyspaceId, gate: &GateUrl) -> GateState {
        locked(&self.gates).get(&(keyspace, gate.clone())).cloned().unwrap_or_default()
    }

    /// Changes the state of one gate.
    pub fn update(&self, keyspace: KeyspaceId, gate: &GateUrl, change: impl FnOnce(&mut GateState)) {
        change(locked(&self.gates).entry((keyspace, gate.clone())).or_default());
    }

    /// Forgets a gate that a keyspace no longer has.
    pub fn forget(&self, keyspace: KeyspaceId, gate: &GateUrl) {
        locked(&self.gates).remove(&(keyspace, gate.clone()));
    }

    /// Remembers what a gate knows that has this head.
    pub fn note_head(&self, keyspace: KeyspaceId, mark: Mark) {
        let mut all = locked(&self.heads);
        let heads = all.entry(keyspace).or_default();
        heads.insert(mark.seq, mark);
        if heads.len() > HEADS {
            heads.pop_first();
        }
    }

    /// Notes that a gate confirmed a head, and what it told of its isolates.
    pub fn confirm(
        &self,
        keyspace: KeyspaceId,
        gate: &GateUrl,
        mark: Mark,
        isolates: Vec<Isolate>,
        at: Timestamp,
    ) {
        self.update(keyspace, gate, |state| {
            state.last_attempt_at = Some(at);
            state.applied_seq = Some(mark.seq);
            state.applied_change_seq = Some(mark.change_seq);
            state.acked_at = Some(at);
            state.last_error = None;
            state.confirmations.add(at, mark, CONFIRMATIONS);
        });
        self.note_isolates(keyspace, gate, isolates);
    }

    /// Notes what a gate told of its isolates.
    pub fn note_isolates(&self, keyspace: KeyspaceId, gate: &GateUrl, mut isolates: Vec<Isolate>) {
        let marks = self.marks_of(keyspace, &isolates);
        self.update(keyspace, gate, |state| {
            let known = state.isolates.drain(..).map(|isolate| (isolate.id, isolate.confirmations));
            let mut known: HashMap<_, _> = known.collect();
            for (isolate, mark) in isolates.iter_mut().zip(marks) {
                isolate.confirmations = known.remove(&isolate.id).unwrap_or_default();
                isolate.confirmations.add(isolate.seen_at, mark, CONFIRMATIONS_OF_ISOLATE);
            }
            state.isolates = isolates;
        });
    }

    /// What isolates know, by the heads that they name; of a head from before the start no more than they say themselves.
    fn marks_of(&self, keyspace: KeyspaceId, isolates: &[Isolate]) -> Vec<Mark> {
        let all = locked(&self.heads);
        let heads = all.get(&keyspace);
        let mark_of = |&Isolate { seq, change_seq, .. }: &Isolate| {
            let known = heads.and_then(|heads| heads.get(&seq)).copied();
            known.unwrap_or(Mark { seq, change_seq, revoked_through: change_seq })
        };
        isolates.iter().map(mark_of).collect()
    }

    /// The base of a keyspace that is held, if one is.
    pub fn held(&self, keyspace: KeyspaceId) -> Option<HeldBase> {
        locked(&self.held).get(&keyspace).copied()
    }

    /// Shows that a base is held, or that none is any more.
    pub fn set_held(&self, keyspace: KeyspaceId, held: Option<HeldBase>) {
        let mut all = locked(&self.held);
        match held {
            Some(held) => drop(all.insert(keyspace, held)),
            None => drop(all.remove(&keyspace)),
        }
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Timestamp = Timestamp(20_000);

    fn mark(seq: u64, change_seq: u64, revoked_through: u64) -> Mark {
        Mark { seq, change_seq, revoked_through }
    }

    fn isolate(id: &str, seq: u64, seen_at: Timestamp) -> Isolate {
        let (colo, refused, confirmations) = (None, None, Confirmations::default());
        Isolate { id: id.to_owned(), colo, seq, change_seq: seq, seen_at, refused, confirmations }
    }

    #[test]
    fn a_revocation_is_there_before_other_changes_of_its_time_and_heartbeats_change_nothing() {
        let mut steps = Confirmations::default();
        for (at, mark) in [(10, mark(1, 5, 5)), (20, mark(2, 6, 9)), (30, mark(3, 6, 9)), (40, mark(4, 9, 9))]
        {
            steps.add(Timestamp(at), mark, 8);
        }
        assert_eq!(steps.since(Wanted::ShutOut(8)), Some(Timestamp(20)));
        assert_eq!(steps.since(Wanted::Change(8)), Some(Timestamp(40)));
        assert_eq!((steps.since(Wanted::Change(10)), steps.0.len()), (None, 3));
    }

    #[test]
    fn what_a_gate_no_longer_has_does_not_count_although_it_once_had_it() {
        let mut steps = Confirmations::default();
        for (at, mark) in [(10, mark(1, 5, 5)), (20, mark(2, 3, 3)), (30, mark(3, 7, 7))] {
            steps.add(Timestamp(at), mark, 8);
        }
        assert_eq!(steps.since(Wanted::Change(5)), Some(Timestamp(30)));
    }

    #[test]
    fn a_gate_has_a_change_once_the_isolates_have_it_that_were_heard_of_lately() {
        let (propagation, keyspace) = (Propagation::default(), KeyspaceId(1));
        let gate = GateUrl::from_stored("https://gate.example.com".to_owned());
        for head in [mark(1, 1, 1), mark(2, 2, 2)] {
            propagation.note_head(keyspace, head);
        }
        let old = isolate("silent", 1, Timestamp(5_000));
        let isolates = vec![old.clone(), isolate("busy", 1, LATER)];
        propagation.confirm(keyspace, &gate, mark(2, 2, 2), isolates, LATER);
        let since = |change| propagation.of(keyspace, &gate).applied_since(Wanted::Change(change), LATER);
        assert_eq!((since(1), since(2)), (Some(LATER), None));
        let at = Timestamp(20_600);
        propagation.note_isolates(keyspace, &gate, vec![old, isolate("busy", 2, at)]);
        assert_eq!(since(2), Some(at));
    }
}
