//! What of a large base stays in memory when not all of it fits.

use std::collections::BTreeSet;

use latchkey_snapshot::{HashedBody, Lookup, NewRow, Snapshot};

use crate::fixture::{Unsigned, build, row, tag};

const SHARD_BITS: u8 = 7;

/// A snapshot with a budget, and what it fetched.
struct Isolate {
    source: Unsigned,
    snapshot: Snapshot,
    budget: usize,
    fetched: Vec<[u8; 32]>,
}

impl Isolate {
    fn new(source: Unsigned, budget: usize) -> Self {
        Self { snapshot: source.snapshot(), source, budget, fetched: Vec::new() }
    }

    /// Whether the tag is a key's; loads what that takes.
    fn knows(&mut self, tag: &[u8; 16]) -> bool {
        loop {
            let object = match self.snapshot.lookup(tag) {
                Lookup::Needs(object) => object,
                Lookup::NotFound => return false,
                Lookup::Row(_) | Lookup::Revoked(_) => return true,
            };
            self.fetched.push(object.sha256);
            let body = self.source.body(&object).expect("the source has every body");
            self.snapshot.supply(HashedBody::compute(body)).expect("it was asked for");
            self.snapshot.evict_to(self.budget);
            assert!(self.snapshot.loaded_bytes() <= self.budget);
        }
    }

    fn fetches_for(&mut self, tag: &[u8; 16]) -> usize {
        let before = self.fetched.len();
        self.knows(tag);
        self.fetched.len() - before
    }
}

fn shard(tag: &[u8; 16]) -> u8 {
    tag[0] >> (8 - SHARD_BITS)
}

/// 128 shards of about 30 rows, of which all of the index and about half of the shards fit.
fn half_fits() -> (Isolate, Vec<NewRow>) {
    let rows: Vec<NewRow> = (0..4_000).map(row).collect();
    let source = build(&rows, SHARD_BITS, vec![]);
    let mut all = Isolate::new(source.clone(), usize::MAX);
    rows.iter().for_each(|row| assert!(all.knows(&row.tag)));
    (Isolate::new(source, all.snapshot.loaded_bytes() / 2), rows)
}

/// A number whose tag is in no base, and in none of these shards.
fn strangers(avoided: &BTreeSet<u8>) -> impl Iterator<Item = [u8; 16]> + '_ {
    (1_000_000..).map(tag).filter(|tag| !avoided.contains(&shard(tag)))
}

#[test]
fn a_flood_of_unknown_keys_pushes_out_nothing_that_real_keys_use() {
    let (mut isolate, rows) = half_fits();
    let used: Vec<NewRow> = rows.iter().take(20).cloned().collect();
    let shards: BTreeSet<u8> = used.iter().map(|row| shard(&row.tag)).collect();
    used.iter().for_each(|row| assert!(isolate.knows(&row.tag)));
    // Pushing out what was loaded first, or looked at first, would lose them within a hundred loads.
    for stranger in strangers(&shards).take(5_000) {
        assert!(!isolate.knows(&stranger));
    }
    assert!(isolate.fetched.len() > 500, "the flood did cause loads");
    for row in &used {
        assert_eq!(isolate.fetches_for(&row.tag), 0);
    }
}

#[test]
fn of_shards_in_use_the_one_that_was_not_needed_for_longest_goes_first() {
    let (mut isolate, rows) = half_fits();
    // One row of each shard.
    let mut seen = BTreeSet::new();
    let rows: Vec<NewRow> = rows.into_iter().filter(|row| seen.insert(shard(&row.tag))).collect();
    assert_eq!(rows.len(), 128);
    let (favourite, others) = rows.split_first().expect("128 of them");
    isolate.knows(&favourite.tag);
    for other in others {
        isolate.knows(&other.tag);
        assert_eq!(isolate.fetches_for(&favourite.tag), 0, "needed all the time");
    }
    let newest = others.last().expect("127 of them");
    assert_eq!(isolate.fetches_for(&newest.tag), 0);
    assert_eq!(isolate.fetches_for(&others[0].tag), 1);
}

#[test]
fn a_dead_key_that_comes_again_and_again_loads_its_shard_once() {
    let (mut isolate, rows) = half_fits();
    let dead = tag(9_999_999);
    assert!(!isolate.knows(&dead));
    isolate.snapshot.evict_to(0);
    assert_eq!(isolate.fetches_for(&dead), 0);
    let neighbour = rows.iter().find(|row| shard(&row.tag) == shard(&dead)).expect("128 shards, 4,000 rows");
    assert!(isolate.fetches_for(&neighbour.tag) > 0, "of the other tags of the shard nothing is said");

    // In a new base it may be a key.
    let mut rows = rows;
    rows.push(NewRow { tag: dead, ..row(9_999_999) });
    isolate.source = build(&rows, SHARD_BITS, vec![]);
    isolate.source.head.seq += 1;
    let mut slot = Some(isolate.snapshot);
    isolate.source.install(&mut slot).expect("every body is at hand");
    isolate.snapshot = slot.expect("just installed");
    assert!(isolate.knows(&dead));
}

#[test]
fn index_pages_keep_within_the_budget_too() {
    // 16 leaves of 1,024 shards, so that the index is far larger than the rows.
    let rows: Vec<NewRow> = (0..2_000).map(row).collect();
    let budget = 200_000;
    let mut isolate = Isolate::new(build(&rows, 14, vec![]), budget);
    for row in rows.iter().take(300) {
        assert!(isolate.knows(&row.tag));
        assert!(isolate.snapshot.loaded_bytes() <= budget);
    }
    for stranger in (1_000_000..1_000_300).map(tag) {
        assert!(!isolate.knows(&stranger));
    }
}
