//! What goes wrong in a run, drawn from its seed.

use rand::RngExt;
use rand::rngs::StdRng;

/// What a run is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Messages are late, and isolates come and go. Nothing else.
    Calm,
    /// The relay and the links to it fail for a while, again and again.
    Outages,
    /// As `Outages`; and somebody writes whatever they like to KV, and sends it to the relay.
    Attacked,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: [Self; 3] = [Self::Calm, Self::Outages, Self::Attacked];
}

/// A link or a part that is down now and then.
#[derive(Clone, Debug)]
pub(crate) struct Outages(Vec<(u64, u64)>);

impl Outages {
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// Down for about a third of the time, in pieces of up to 20 s.
    pub(crate) fn draw(rng: &mut StdRng, until_ms: u64) -> Self {
        let mut pieces = Vec::new();
        let mut at = rng.random_range(0..20_000);
        while at < until_ms {
            let end = at + rng.random_range(100..20_000);
            pieces.push((at, end));
            at = end + rng.random_range(1_000..40_000);
        }
        Self(pieces)
    }

    pub(crate) fn is_down(&self, now: u64) -> bool {
        self.0.iter().any(|(from, to)| (*from..*to).contains(&now))
    }
}
