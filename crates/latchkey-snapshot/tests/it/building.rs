//! Building a base anew and out of an earlier one.

use std::collections::{BTreeMap, BTreeSet};

use latchkey_snapshot::{BaseBuilder, BuiltBase, NewRow, ObjectRef, Refusal, sha256};
use proptest::prelude::*;

use crate::fixture::{KEYSPACE, row, tag};

type Bodies = BTreeMap<[u8; 32], Vec<u8>>;

fn shard(tag: &[u8; 16], shard_bits: u8) -> u32 {
    u32::from_be_bytes([tag[0], tag[1], tag[2], tag[3]]).checked_shr(32 - u32::from(shard_bits)).unwrap_or(0)
}

fn full(rows: &BTreeMap<[u8; 16], NewRow>, shard_bits: u8) -> (BuiltBase, Bodies) {
    let mut bodies = Bodies::new();
    let mut builder = BaseBuilder::new(KEYSPACE, shard_bits, |object: ObjectRef, bytes| {
        bodies.insert(object.sha256, bytes);
    })
    .expect("few shard bits");
    rows.values().for_each(|row| builder.push(row).expect("in order"));
    let built = builder.finish().expect("small");
    (built, bodies)
}

/// Writes only the shards in `changed`.
fn from_earlier(
    earlier: &BuiltBase,
    rows: &BTreeMap<[u8; 16], NewRow>,
    changed: &BTreeSet<u32>,
) -> (BuiltBase, Bodies) {
    let mut bodies = Bodies::new();
    let mut builder = BaseBuilder::new(KEYSPACE, earlier.shard_bits, |object: ObjectRef, bytes| {
        bodies.insert(object.sha256, bytes);
    })
    .expect("few shard bits");
    for (number, kept) in (0..).zip(&earlier.shards) {
        if !changed.contains(&number) {
            builder.keep(number, *kept).expect("in its turn");
            continue;
        }
        for row in rows.values().filter(|row| shard(&row.tag, earlier.shard_bits) == number) {
            let profile = row.profile.encoded().expect("small");
            builder.push_encoded(&row.bare(), &profile).expect("in order");
        }
    }
    let built = builder.finish().expect("small");
    (built, bodies)
}

#[derive(Clone, Debug)]
enum Step {
    Put(u64, u64),
    Remove(u64),
}

proptest! {
    #[test]
    fn a_base_out_of_an_earlier_one_is_the_base_built_anew_to_the_byte(
        shard_bits in prop_oneof![Just(0_u8), Just(3), Just(6), Just(11)],
        count in 0..200_u64,
        steps in proptest::collection::vec(
            prop_oneof![
                (0..250_u64, any::<u64>()).prop_map(|(number, version)| Step::Put(number, version)),
                (0..250_u64).prop_map(Step::Remove),
            ],
            0..30,
        ),
    ) {
        let mut rows: BTreeMap<_, _> = (0..count).map(|number| (tag(number), row(number))).collect();
        let (earlier, mut stored) = full(&rows, shard_bits);
        let mut changed = BTreeSet::new();
        for step in steps {
            let (Step::Put(number, _) | Step::Remove(number)) = step;
            changed.insert(shard(&tag(number), shard_bits));
            match step {
                Step::Put(_, version) => rows.insert(tag(number), NewRow { key_number: version, ..row(number) }),
                Step::Remove(_) => rows.remove(&tag(number)),
            };
        }
        let (anew, bodies) = full(&rows, shard_bits);
        let (built, written) = from_earlier(&earlier, &rows, &changed);
        prop_assert_eq!(&built, &anew);
        prop_assert_eq!(built.rows, rows.len() as u64);

        // With what was written, everything is there; and a shard that no change fell into was not written.
        let is_shard = |bytes: &&Vec<u8>| bytes.starts_with(b"LKSH");
        prop_assert!(written.values().filter(is_shard).count() <= changed.len());
        stored.extend(written);
        for (hash, bytes) in &bodies {
            prop_assert_eq!(stored.get(hash), Some(bytes));
        }
        prop_assert_eq!(built.bodies().map(|object| object.sha256).collect::<BTreeSet<_>>(), bodies.keys().copied().collect());
        prop_assert_eq!(built.bytes(), built.bodies().map(|object| bodies[&object.sha256].len() as u64).sum::<u64>());
    }
}

#[test]
fn the_same_rows_give_the_same_bytes_whenever_they_are_built() {
    let rows = (0..3_000).map(|number| (tag(number), row(number))).collect();
    let (first, bodies) = full(&rows, 1);
    assert_eq!(full(&rows, 1), (first.clone(), bodies.clone()));
    for (hash, bytes) in bodies {
        assert_eq!(sha256(&bytes), hash);
    }
    // Noted when it was built for the first time, so that a change of the encoder shows.
    assert_eq!(hex::encode(first.root.sha256), ROOT_OF_3000);
}

const ROOT_OF_3000: &str = "0a927ca256659bf4f2314b1d213ced887c5f8437f063a64f35556c38dd4cd670";

#[test]
fn shards_are_kept_in_their_turn_and_not_over_rows() {
    let rows = (0..40).map(|number| (tag(number), row(number))).collect();
    let (earlier, _) = full(&rows, 2);
    let builder = || BaseBuilder::new(KEYSPACE, 2, |_, _| {}).expect("few shard bits");
    let mut twice = builder();
    twice.keep(0, earlier.shards[0]).expect("in its turn");
    assert_eq!(twice.keep(0, earlier.shards[0]), Err(Refusal::NotCanonical));
    let mut beyond = builder();
    assert_eq!(beyond.keep(4, earlier.shards[0]), Err(Refusal::NotCanonical));
    let mut over_rows = builder();
    let first = rows.values().next().expect("40 rows");
    over_rows.push(first).expect("in order");
    let number = shard(&first.tag, 2);
    assert_eq!(over_rows.keep(number, earlier.shards[number as usize]), Err(Refusal::NotCanonical));
}
