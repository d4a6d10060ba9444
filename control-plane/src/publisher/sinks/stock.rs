//! Which bodies a sink holds, and until when those are kept that its head does not lead to any more.

use std::collections::{HashMap, HashSet};

type Hash = [u8; 32];

/// Gates read a sink through caches, and their clocks are not ours.
const MARGIN_SECONDS: u64 = 120;

/// The bodies of a sink. Times are seconds since the epoch.
#[derive(Debug, Default)]
pub(super) struct Stock {
    /// `None`: the head leads to it. Else the time from which on it may go.
    held: HashMap<Hash, Option<u64>>,
}

impl Stock {
    /// Takes over what a listing found. Bodies that were not known before may go after `until`, unless a head needs them.
    pub(super) fn found(&mut self, hashes: impl IntoIterator<Item = Hash>, until: u64) {
        let found: HashSet<Hash> = hashes.into_iter().collect();
        self.held.retain(|hash, _| found.contains(hash));
        for hash in found {
            self.held.entry(hash).or_insert(Some(until + MARGIN_SECONDS));
        }
    }

    pub(super) fn has(&self, hash: &Hash) -> bool {
        self.held.contains_key(hash)
    }

    /// Notes a body for a head that is yet to be written and will be good until `until`.
    pub(super) fn arrived(&mut self, hash: Hash, until: u64) {
        self.held.entry(hash).or_insert(Some(until + MARGIN_SECONDS));
    }

    /// Notes that the head now leads to `needed` and nothing else. The head before is good until `until`.
    pub(super) fn need(&mut self, needed: &HashSet<Hash>, until: u64) {
        for (hash, kept_until) in &mut self.held {
            if needed.contains(hash) {
                *kept_until = None;
            } else {
                kept_until.get_or_insert(until + MARGIN_SECONDS);
            }
        }
    }

    /// Bodies that nobody can need any more.
    pub(super) fn due(&self, now: u64) -> Vec<Hash> {
        let is_due = |until: &Option<u64>| until.is_some_and(|until| until < now);
        self.held.iter().filter(|(_, until)| is_due(until)).map(|(hash, _)| *hash).collect()
    }

    /// Notes that bodies are about to be deleted: should that fail half-way, they count as gone.
    pub(super) fn forget(&mut self, hashes: &[Hash]) {
        for hash in hashes {
            self.held.remove(hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Hash = [1; 32];
    const B: Hash = [2; 32];
    const LATER: u64 = 1_000 + MARGIN_SECONDS + 1;

    #[test]
    fn a_body_stays_for_as_long_as_the_head_before_is_good() {
        let mut stock = Stock::default();
        stock.arrived(A, 1_000);
        stock.need(&HashSet::from([A]), 0);
        stock.arrived(B, 2_000);
        stock.need(&HashSet::from([B]), 1_000);
        assert_eq!(stock.due(1_000), Vec::<Hash>::new());
        assert_eq!(stock.due(1_000 + MARGIN_SECONDS), Vec::<Hash>::new());
        assert_eq!(stock.due(LATER), [A]);
        assert_eq!(stock.due(u64::MAX), [A], "what the head leads to never goes");
    }

    #[test]
    fn while_a_base_arrives_the_one_before_stays_for_heads_that_overtake_it() {
        let mut stock = Stock::default();
        stock.arrived(A, 1_000);
        stock.need(&HashSet::from([A]), 0);
        stock.arrived(B, 2_000);
        stock.need(&HashSet::from([A]), 1_000);
        assert_eq!(stock.due(LATER), Vec::<Hash>::new(), "neither what gates read, nor what they will");
        assert_eq!(stock.due(u64::MAX), [B], "the head may never come that would lead to it");
        stock.need(&HashSet::from([B]), 1_000);
        assert_eq!(stock.due(u64::MAX), [A]);
    }

    #[test]
    fn a_body_that_is_needed_again_stays() {
        let mut stock = Stock::default();
        stock.arrived(A, 1_000);
        stock.need(&HashSet::new(), 1_000);
        stock.need(&HashSet::from([A]), 1_500);
        assert_eq!(stock.due(u64::MAX), Vec::<Hash>::new());
    }

    #[test]
    fn the_time_of_a_body_does_not_move_with_later_heads() {
        let mut stock = Stock::default();
        stock.arrived(A, 1_000);
        stock.need(&HashSet::from([B]), 1_000);
        stock.need(&HashSet::from([B]), 9_000);
        assert_eq!(stock.due(LATER), [A]);
    }

    #[test]
    fn a_listing_brings_to_light_what_is_there_and_what_is_lost() {
        let mut stock = Stock::default();
        stock.arrived(A, 1_000);
        stock.need(&HashSet::from([A]), 1_000);
        stock.found([A, B], 1_000);
        assert_eq!(stock.due(LATER), [B]);
        stock.found([B], 1_000);
        assert!(!stock.has(&A), "somebody deleted it, and it is written again");
    }
}
