//! A publisher, a relay, KV and a fleet of isolates, simulated over the real crates: what is signed, verified, loaded and decided is signed,
//! verified, loaded and decided by the code that ships; the clock, the network, the storage and the attacker are made up. A seed fixes everything, so
//! a violation is found again from its seed.
//!
//! What must hold, whatever is lost, late, stale, down or forged:
//! - no isolate ever takes in a head that the publisher has not signed, or goes back to an older one;
//! - a key that was revoked is refused by an isolate that has asked the relay since the relay knew, and within [`bounds`] of that by every isolate
//!   that could ask;
//! - an isolate with traffic that has a question waiting at the relay refuses a revoked key within [`bounds::WATCHED_MS`];
//! - a key that was never revoked is accepted by every isolate that has a snapshot, until the head's `valid_until`;
//! - after `valid_until` nothing is accepted.
#![forbid(unsafe_code)]

pub mod bounds;

mod faults;
mod isolate;
mod kv;
mod publisher;
mod relay;
mod variant;
mod world;

/// The very file that the gate is built from.
#[path = "../../../edge/src/freshness.rs"]
#[cfg_attr(not(test), expect(dead_code, reason = "the gate uses all of it"))]
mod freshness;
/// Likewise.
#[path = "../../../edge/src/watch.rs"]
mod watch;

pub use faults::Scenario;
pub use variant::Variant;
pub use world::run;

/// What happened in a run, or in several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests that were decided.
    pub decisions: u64,
    /// Requests of keys that were revoked at that moment, accepted because the isolate could not know yet.
    pub admitted_within_bound: u64,
    /// Heads that were signed.
    pub heads: u64,
    /// Keys that were revoked.
    pub revocations: u64,
    /// Refreshes of isolates that ended well.
    pub refreshes: u64,
    /// Heads that questions which waited at the relay brought.
    pub watched: u64,
    /// Refreshes that reached no source.
    pub failed_refreshes: u64,
    /// Things that the attacker offered and that were refused.
    pub refused_forgeries: u64,
    /// Requests that no isolate could decide, because it had nothing and reached nobody.
    pub unavailable: u64,
    /// Isolates that died and began again.
    pub restarts: u64,
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.decisions += other.decisions;
        self.admitted_within_bound += other.admitted_within_bound;
        self.heads += other.heads;
        self.revocations += other.revocations;
        self.refreshes += other.refreshes;
        self.watched += other.watched;
        self.failed_refreshes += other.failed_refreshes;
        self.refused_forgeries += other.refused_forgeries;
        self.unavailable += other.unavailable;
        self.restarts += other.restarts;
    }
}

/// A promise that was broken, and how to see it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The run's seed.
    pub seed: u64,
    /// What the run was like.
    pub scenario: Scenario,
    /// Milliseconds into the run.
    pub at_ms: u64,
    /// Which promise, and by whom.
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, scenario, at_ms, what } = self;
        write!(f, "seed {seed}, {scenario:?}, at {at_ms} ms: {what}")
    }
}

impl std::error::Error for Violation {}
