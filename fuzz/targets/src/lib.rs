//! What must hold for any bytes. Each target takes bytes and panics when a claim does not hold; libFuzzer (`cargo xtask fuzz`) and the bounded
//! test of this crate look for bytes that do that.
//!
//! Bytes that claim to be something are given the hash that would make them it, so that the search gets past the hashes, which it cannot break.
#![forbid(unsafe_code)]

mod bodies;
mod bundle;
mod decision;
mod fixture;
mod head;
mod mutation;
mod signature;
mod token;

pub use decision::{Deployment, code_of, deployment};
pub use mutation::mutated;

/// A claim, and inputs to begin the search from.
#[derive(Clone, Copy)]
pub struct Target {
    /// Also the name of its libFuzzer program and of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Panics when the claim does not hold.
    pub run: fn(&[u8]),
    /// Well-formed inputs: mutations of these get deeper than noise.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: [Target; 9] = [
    Target { name: "token", run: token::run, seeds: token::seeds },
    Target { name: "head", run: head::run, seeds: head::seeds },
    Target { name: "policy", run: bodies::run_policy, seeds: bodies::policy_seeds },
    Target { name: "segment", run: bodies::run_segment, seeds: bodies::segment_seeds },
    Target { name: "index", run: bodies::run_index, seeds: bodies::index_seeds },
    Target { name: "shard", run: bodies::run_shard, seeds: bodies::shard_seeds },
    Target { name: "bundle", run: bundle::run, seeds: bundle::seeds },
    Target { name: "decision", run: decision::run, seeds: decision::seeds },
    Target { name: "signature", run: signature::run, seeds: signature::seeds },
];

/// Runs the target with this name, which must exist.
///
/// # Panics
/// When its claim does not hold.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.into_iter().find(|target| target.name == name);
    (target.expect("a target of this list").run)(bytes);
}
