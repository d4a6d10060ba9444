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
    /// What gates say of heads before this one is of no account: an operator has resumed since.
    heeded_from: u64,
}

/// No gate takes what was published.
pub(super) struct Unanimous {
    /// One of the refusals.
    pub(super) refusal: GateRefusal,
    /// The newest head that some gate decides by.
    pub(super) holds: Option<u64>,
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
        self.by_gate.entry(refusal.gate.clone()).or_insert((refusal, holds));
        true
    }

    pub(super) fn forget(&mut self, gate: &GateUrl) {
        self.by_gate.remove(gate);
    }

    /// What was said of heads up to and with this one counts no more.
    pub(super) fn begin_anew_behind(&mut self, seq: u64) {
        *self = Self { heeded_from: seq + 1, ..Self::default() };
    }

    /// Any of the refusals, as if there were no other gate.
    pub(super) fn first(&self) -> Option<Unanimous> {
        let (refusal, _) = self.by_gate.values().next()?;
        let holds = self.by_gate.values().filter_map(|(_, holds)| *holds).max();
        Some(Unanimous { refusal: refusal.clone(), holds })
    }

    /// When to judge again although nobody said anything.
    pub(super) fn undecided_until(&self) -> Option<Instant> {
        self.undecided_until
    }

    /// Judges what is known: `None` if some gate takes what others refuse, or may yet show that it does.
    pub(super) fn judge(
        &mut self,
        gates: &[GateUrl],
        state_of: impl Fn(&GateUrl) -> GateState,
    ) -> Option<Unanimous> {
        self.by_gate.retain(|gate, _| gates.contains(gate));
        let newest = self.by_gate.values().map(|(refusal, _)| refusal.seq).max()?;
        let others: Vec<_> =
            gates.iter().filter(|gate| !self.by_gate.contains_key(*gate)).map(state_of).collect();
        let is_late = self.undecided_until.is_none_or(|until| Instant::now() >= until);
        let taken = others.iter().any(|gate| is_decided_by(gate, newest));
        let confirmed = others.iter().any(|gate| gate.applied_seq >= Some(newest));
        if taken || (is_late && confirmed) {
            self.undecided_until = None;
            return None;
        }
        if !others.is_empty() && !is_late {
            return None;
        }
        self.first()
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
