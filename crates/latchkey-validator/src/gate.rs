use latchkey_snapshot::{OnExpired, Snapshot};
use latchkey_token::{Pepper, TokenShapes};

use crate::{Code, Rules};

/// What a gate decides from: its settings, and what it has loaded.
#[derive(Clone, Copy)]
pub struct GateView<'s> {
    /// The peppers that the deployment holds, at most a few.
    pub peppers: &'s [Pepper],
    /// `None` until the first snapshot has arrived.
    pub loaded: Option<Loaded<'s>>,
}

impl GateView<'_> {
    /// Shapes of token that the policy takes. Before the first snapshot only what no keyspace takes is known to be malformed.
    pub(crate) fn tokens(&self) -> TokenShapes {
        self.loaded.map_or(TokenShapes::AlsoForeign, |loaded| loaded.snapshot.policy().policy().tokens)
    }
}

/// A verified snapshot and its compiled policy.
#[derive(Clone, Copy)]
pub struct Loaded<'s> {
    /// The snapshot.
    pub snapshot: &'s Snapshot,
    /// [`Rules::compile`] of the snapshot's own policy.
    pub rules: &'s Rules,
}

/// How old a snapshot is by its own clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Up to and including `fresh_until`.
    Fresh,
    /// Past `fresh_until`: decides, but a gate reports it.
    Stale,
    /// Past `valid_until`: decides only where the policy asks for that.
    Expired,
}

impl Loaded<'_> {
    /// The snapshot's age at `now`, in seconds since the epoch.
    pub fn age(&self, now: u64) -> Age {
        let head = self.snapshot.head().head();
        if now > head.valid_until {
            Age::Expired
        } else if now > head.fresh_until {
            Age::Stale
        } else {
            Age::Fresh
        }
    }

    pub(crate) fn check_usable(&self, now: u64) -> Result<(), Code> {
        // Rules of another policy would be a mixture that nobody has signed.
        if !self.rules.are_of(self.snapshot.policy()) {
            return Err(Code::SnapshotUnavailable);
        }
        match (self.age(now), self.rules.on_expired()) {
            (Age::Expired, OnExpired::Deny) => Err(Code::SnapshotExpired),
            (Age::Expired, OnExpired::DecideFromExpired) | (Age::Fresh | Age::Stale, _) => Ok(()),
        }
    }
}
