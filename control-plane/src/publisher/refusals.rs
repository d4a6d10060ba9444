//! Gates that say that what was published is bad, and what that is worth.
//!
//! What gates say is not signed: whoever has a gate, or its name, can say anything. So the word of one gate stops nothing that another takes.
//! Publishing is paused if no gate takes what was published, since that takes nothing from anybody, or if our own check finds fault with it too.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{GateState, Isolate, PushError};
use crate::domain::{GateRefusal, GateUrl};

/// How long other gates have to show that they take what one refuses.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a gate says of what it was sent.
#[derive(Clone, Debug)]
pub(super) enum Word {
    Refuses {
        refusal: GateRefusal,
        /// The newest head that it decides by.
        holds: Option<u64>,
    },
    Takes(GateUrl),
}

/// The gates that refuse.
#[derive(Default)]
pub(super) struct Refusals {
    by_gate: BTreeMap<GateUrl, (GateRefusal, Option<u64>)>,
    /// Until then others may show that they take it.
    undecided_until: Option<Instant>,
    /// Our own check has not been made since a gate began to refuse.
    is_unchecked: bool,
    /// It found fault too.
    is_confirmed: bool,
    /// What gates say of heads before this one is of no account: an operator has resumed since.
    heeded_from: u64,
}

/// What was published has to be given up.
pub(super) struct Objection {
    /// One of the refusals.
    pub(super) refusal: GateRefusal,
    /// The newest head that some gate which refuses decides by.
    pub(super) holds: Option<u64>,
    /// Our own check found fault too.
    pub(super) is_confirmed: bool,
}

impl Refusals {
    /// `false` if the refusal is of no account.
    pub(super) fn add(&mut self, refusal: GateRefusal, holds: Option<u64>) -> bool {
        if refusal.seq < self.heeded_from {
            return false;
        }
        if self.by_gate.is_empty() {
            self.undecided_until = Some(Instant::now() + PATIENCE);
        }
        if !self.by_gate.contains_key(&refusal.gate) {
            self.is_unchecked = true;
            self.by_gate.insert(refusal.gate.clone(), (refusal, holds));
        }
        true
    }

    pub(super) fn forget(&mut self, gate: &GateUrl) {
        self.by_gate.remove(gate);
        if self.by_gate.is_empty() {
            (self.undecided_until, self.is_unchecked, self.is_confirmed) = (None, false, false);
        }
    }

    /// Forgets gates that the keyspace no longer has.
    pub(super) fn keep(&mut self, gates: &[GateUrl]) {
        let gone: Vec<_> = self.by_gate.keys().filter(|gate| !gates.contains(gate)).cloned().collect();
        gone.iter().for_each(|gate| self.forget(gate));
    }

    /// What was said of heads up to and with this one counts no more.
    pub(super) fn begin_anew_behind(&mut self, seq: u64) {
        *self = Self { heeded_from: seq + 1, ..Self::default() };
    }

    /// When to judge again although nobody said anything.
    pub(super) fn undecided_until(&self) -> Option<Instant> {
        self.undecided_until
    }

    /// From now on what others have not shown does not count.
    pub(super) fn end_patience(&mut self) {
        self.undecided_until = None;
    }

    /// Whether our own check is due.
    pub(super) fn is_unchecked(&self) -> bool {
        self.is_unchecked
    }

    /// Notes what our own check came to.
    pub(super) fn note_check(&mut self, is_confirmed: bool) {
        (self.is_unchecked, self.is_confirmed) = (false, self.is_confirmed || is_confirmed);
    }

    /// Judges what is known: `None` if some gate takes what others refuse, or may yet show that it does, and our own check found no fault.
    pub(super) fn judge(
        &mut self,
        gates: &[GateUrl],
        state_of: impl Fn(&GateUrl) -> GateState,
    ) -> Option<Objection> {
        let (refusal, _) = self.by_gate.values().next()?;
        let newest = self.by_gate.values().map(|(refusal, _)| refusal.seq).max()?;
        let holds = self.by_gate.values().filter_map(|(_, holds)| *holds).max();
        let objection = Objection { refusal: refusal.clone(), holds, is_confirmed: self.is_confirmed };
        if self.is_confirmed {
            return Some(objection);
        }
        let others = gates.iter().filter(|gate| !self.by_gate.contains_key(*gate)).map(state_of);
        let others: Vec<_> = others.collect();
        let is_late = self.undecided_until.is_none();
        let is_taken = others.iter().any(|gate| is_decided_by(gate, newest));
        // A relay that took it says less than an isolate that decides by it, but nobody has to have isolates.
        if is_taken || (is_late && others.iter().any(|gate| gate.applied_seq >= Some(newest))) {
            self.end_patience();
            return None;
        }
        (others.is_empty() || is_late).then_some(objection)
    }
}

/// Whether an isolate of the gate decides by this head or a later one.
fn is_decided_by(gate: &GateState, seq: u64) -> bool {
    gate.isolates.iter().any(|isolate| isolate.seq >= seq && isolate.refused.is_none())
}

/// Whether a code says that what was published is bad. The others are of the gate's settings and storage, of clocks, of the way there.
pub(super) fn is_verdict(code: &str) -> bool {
    const VERDICTS: [&str; 15] = [
        "TOO_LONG",
        "TRUNCATED",
        "TRAILING_BYTES",
        "BAD_MAGIC",
        "UNKNOWN_VERSION",
        "NOT_CANONICAL",
        "LIMIT_EXCEEDED",
        "SIGNATURE_INVALID",
        "TIMES_INVALID",
        "UNKNOWN_CRITICAL",
        "BODY_HASH_MISMATCH",
        "BODY_LENGTH_MISMATCH",
        "BODY_UNEXPECTED",
        "KEYSPACE_MISMATCH",
        "POLICY_INVALID",
    ];
    VERDICTS.contains(&code)
}

/// What the isolates of a gate say is bad, if none of them has got further than those that say so; and the head that those have.
pub(super) fn of_isolates(isolates: &[Isolate]) -> Option<(PushError, u64)> {
    let refused = |isolate: &Isolate| isolate.refused.clone().filter(|error| is_verdict(&error.code));
    let stuck = isolates.iter().filter_map(|isolate| Some((refused(isolate)?, isolate.seq)));
    let (error, seq) = stuck.max_by_key(|(_, seq)| *seq)?;
    let furthest = isolates.iter().map(|isolate| isolate.seq).max()?;
    (furthest <= seq).then_some((error, seq))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    fn gate(name: &str) -> GateUrl {
        GateUrl::from_stored(format!("https://{name}.example.com"))
    }

    fn refused_by(name: &str, seq: u64) -> GateRefusal {
        let (code, message) = ("NOT_CANONICAL".to_owned(), String::new());
        GateRefusal { gate: gate(name), code, message, seq, at: Timestamp(0) }
    }

    fn isolate(seq: u64, refused: Option<&str>) -> Isolate {
        let refused = refused.map(|code| PushError { code: code.to_owned(), message: String::new() });
        let (id, confirmations) = (seq.to_string(), super::super::Confirmations::default());
        Isolate { id, colo: None, seq, change_seq: seq, seen_at: Timestamp(0), refused, confirmations }
    }

    fn decides_by(seq: u64) -> GateState {
        GateState { applied_seq: Some(seq), isolates: vec![isolate(seq, None)], ..GateState::default() }
    }

    #[test]
    fn the_only_gate_is_believed_and_one_of_two_is_not() {
        let mut refusals = Refusals::default();
        assert!(refusals.add(refused_by("a", 7), Some(6)));
        let objection = refusals.judge(&[gate("a")], |_| GateState::default()).expect("nobody takes it");
        assert_eq!((objection.holds, objection.is_confirmed), (Some(6), false));

        let both = [gate("a"), gate("b")];
        assert!(refusals.judge(&both, |_| decides_by(6)).is_none(), "the other may yet take it");
        assert!(refusals.undecided_until().is_some());
        assert!(refusals.judge(&both, |_| decides_by(7)).is_none());
        assert_eq!(refusals.undecided_until(), None, "it is decided");
        let relay_alone = |_: &GateUrl| GateState { applied_seq: Some(7), ..GateState::default() };
        assert!(refusals.judge(&both, relay_alone).is_none(), "that one took it, at least");
        assert!(refusals.judge(&both, |_| decides_by(6)).is_some(), "the other had its time");
    }

    #[test]
    fn two_that_refuse_are_believed_and_so_is_one_whose_word_our_own_check_confirms() {
        let both = [gate("a"), gate("b")];
        let mut refusals = Refusals::default();
        refusals.add(refused_by("a", 7), None);
        assert!(refusals.is_unchecked());
        refusals.note_check(true);
        assert!(refusals.judge(&both, |_| decides_by(9)).is_some_and(|objection| objection.is_confirmed));

        refusals.begin_anew_behind(7);
        assert!(!refusals.add(refused_by("a", 7), None), "that was before it was resumed");
        refusals.add(refused_by("a", 8), None);
        refusals.note_check(false);
        refusals.add(refused_by("b", 8), None);
        assert!(refusals.judge(&both, |_| GateState::default()).is_some());
        refusals.keep(&[gate("b")]);
        refusals.forget(&gate("b"));
        assert!(refusals.judge(&both, |_| GateState::default()).is_none());
    }

    #[test]
    fn a_gate_refuses_if_no_isolate_got_further_than_those_that_say_so() {
        let bad = || isolate(5, Some("POLICY_INVALID"));
        assert!(of_isolates(&[bad(), isolate(4, None)]).is_some_and(|(_, held)| held == 5));
        assert_eq!(of_isolates(&[bad(), isolate(6, None)]), None, "that one takes it");
        assert_eq!(
            of_isolates(&[isolate(5, Some("BODY_MISSING"))]),
            None,
            "that says nothing of what was published"
        );
    }

    #[test]
    fn what_the_gate_may_have_wrong_itself_is_no_verdict() {
        for code in [
            "NOT_NEWER",
            "KEY_NOT_TRUSTED",
            "AUDIENCE_MISMATCH",
            "BODY_MISSING",
            "EXPIRED",
            "ISSUED_IN_FUTURE",
            "TIMEOUT",
            "x",
        ] {
            assert!(!is_verdict(code), "{code}");
        }
    }
}
