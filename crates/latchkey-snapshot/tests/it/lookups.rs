use std::collections::BTreeMap;

use latchkey_snapshot::{
    Changes, HashedBody, Lookup, NewRow, OwnerKill, Reason, Revoke, Snapshot, owner_tag, shard_bits_for,
};
use proptest::prelude::*;

use crate::fixture::{Unsigned, build, prefix, row, small, tag};

#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Row(Box<NewRow>),
    Revoked,
    NotFound,
}

/// What the snapshot says, loading what it needs.
fn look(snapshot: &mut Snapshot, source: &Unsigned, tag: &[u8; 16]) -> Seen {
    loop {
        let object = match snapshot.lookup(tag) {
            Lookup::Row(found) => {
                let profile = found.profile();
                return Seen::Row(Box::new(NewRow {
                    tag: *found.tag(),
                    key_number: found.key_number(),
                    expires_at: found.expires_at(),
                    live: found.is_live(),
                    disabled: found.is_disabled(),
                    revoked: found.is_revoked(),
                    profile: latchkey_snapshot::Profile {
                        owner: profile.owner().map(Into::into),
                        roles: profile.roles().collect(),
                        grants: profile.grants().map(Into::into).collect(),
                        metadata: profile.metadata().map(Into::into),
                        ..Default::default()
                    },
                }));
            }
            Lookup::Revoked(_) => return Seen::Revoked,
            Lookup::NotFound => return Seen::NotFound,
            Lookup::Needs(object) => object,
        };
        let body = source.body(&object).expect("the source has every body");
        snapshot.supply(HashedBody::compute(body)).expect("it was asked for");
    }
}

fn expected(row: &NewRow) -> Seen {
    if row.revoked { Seen::Revoked } else { Seen::Row(Box::new(row.clone())) }
}

#[test]
fn finds_every_row_and_nothing_else_at_every_base_size() {
    for count in [0, 1, 7, 2_000, 2_001, 40_000] {
        let rows: Vec<NewRow> = (0..count).map(row).collect();
        let source = build(&rows, shard_bits_for(count), vec![]);
        let mut snapshot = source.snapshot();
        for row in &rows {
            assert_eq!(look(&mut snapshot, &source, &row.tag), expected(row));
        }
        for number in count..count + 100 {
            assert_eq!(look(&mut snapshot, &source, &tag(number)), Seen::NotFound);
        }
    }
}

#[test]
fn the_two_level_index_works_past_one_leaf() {
    // 2^11 shards with few rows: two leaves, most shards empty.
    let rows: Vec<NewRow> = (0..500).map(row).collect();
    let source = build(&rows, 11, vec![]);
    let mut snapshot = source.snapshot();
    assert_eq!(snapshot.missing().len(), 2, "a large base is not loaded up front");
    for row in &rows {
        assert_eq!(look(&mut snapshot, &source, &row.tag), expected(row));
    }
    let loaded = snapshot.loaded_bytes();
    snapshot.evict_to(loaded / 2);
    assert!(snapshot.loaded_bytes() <= loaded / 2);
    for row in &rows {
        assert_eq!(look(&mut snapshot, &source, &row.tag), expected(row), "evicted shards load again");
    }
}

#[test]
fn profiles_that_shards_have_in_common_take_memory_once() {
    // The same two profiles in all of 16 shards.
    let rows: Vec<NewRow> = (0..4_000).map(row).collect();
    let source = build(&rows, 4, vec![]);
    let mut snapshot = source.snapshot();
    let long: Vec<NewRow> = rows.iter().cloned().map(with_long_metadata).collect();
    let same = build(&long, 4, vec![]).snapshot();
    assert!(same.loaded_bytes() - snapshot.loaded_bytes() < 2_000, "1,000 bytes more in each profile");
    snapshot.evict_to(0);
    assert_eq!(snapshot.loaded_bytes(), 0);
}

fn with_long_metadata(mut row: NewRow) -> NewRow {
    row.profile.metadata = Some(format!(r#"{{"plan":"{}"}}"#, "x".repeat(900)));
    row
}

#[test]
fn kills_revoke_what_was_before_them_and_spare_what_came_after() {
    let rows: Vec<NewRow> = (0..10).map(row).collect();
    let kill = OwnerKill { owner: owner_tag("acme"), seq: 102, reason: Reason::Leaked };
    let first = Changes { upserts: vec![row(20)], ..Changes::default() };
    let second = Changes { owner_kills: vec![kill], upserts: vec![row(22)], ..Changes::default() };
    let third = Changes { upserts: vec![row(0)], ..Changes::default() };
    let source = build(&rows, 0, vec![first, second, third]);
    let mut snapshot = source.snapshot();
    let mut see = |number| look(&mut snapshot, &source, &tag(number));
    assert_eq!(see(2), Seen::Revoked, "a base row of the owner");
    assert_eq!(see(20), Seen::Revoked, "a row of an older segment");
    assert_eq!(see(22), Seen::Row(Box::new(row(22))), "a row of the kill's own segment");
    assert_eq!(see(0), Seen::Row(Box::new(row(0))), "a row of a newer segment");
    assert_eq!(see(1), Seen::Row(Box::new(row(1))), "another owner");
    assert_eq!(see(99), Seen::NotFound);
}

#[test]
fn a_keyspace_kill_revokes_every_older_row() {
    let rows: Vec<NewRow> = (0..10).map(row).collect();
    let kill = Changes { keyspace_kill: true, upserts: vec![row(50)], ..Changes::default() };
    let source = build(&rows, 0, vec![kill]);
    let mut snapshot = source.snapshot();
    for number in 0..10 {
        assert_eq!(look(&mut snapshot, &source, &tag(number)), Seen::Revoked);
    }
    assert_eq!(look(&mut snapshot, &source, &tag(50)), Seen::Row(Box::new(row(50))));
    assert_eq!(look(&mut snapshot, &source, &tag(51)), Seen::NotFound);
}

#[test]
fn an_upsert_outranks_a_revoke_of_its_prefix_in_the_same_segment_only() {
    let revoke = Revoke { prefix: prefix(tag(1)), seq: 101, reason: Reason::Admin };
    let both = Changes { revokes: vec![revoke], upserts: vec![row(1)], ..Changes::default() };
    let source = build(&[], 0, vec![both]);
    assert_eq!(look(&mut source.snapshot(), &source, &tag(1)), Seen::Row(Box::new(row(1))));
    let upsert = Changes { upserts: vec![row(1)], ..Changes::default() };
    let later = Changes { revokes: vec![revoke], ..Changes::default() };
    let source = build(&[], 0, vec![upsert, later]);
    assert_eq!(look(&mut source.snapshot(), &source, &tag(1)), Seen::Revoked);
}

#[test]
fn a_newer_head_keeps_the_bodies_that_it_still_names() {
    let source = small();
    let mut slot = Some(source.snapshot());
    let mut next = source.clone();
    next.head.seq += 1;
    next.bodies.clear();
    next.install(&mut slot).expect("nothing has to be fetched again");
    let mut snapshot = slot.expect("installed");
    assert_eq!(snapshot.head().head().seq, 8);
    for number in (0..40).filter(|number| *number != 4) {
        assert_eq!(look(&mut snapshot, &source, &tag(number)), expected(&row(number)));
    }
    assert_eq!(look(&mut snapshot, &source, &tag(4)), Seen::Revoked);
}

#[test]
fn a_new_base_fetches_only_the_shards_that_changed() {
    let rows: Vec<NewRow> = (0..4_000).map(row).collect();
    let old = build(&rows, 4, vec![]);
    let mut more = rows.clone();
    more.push(row(5_000));
    let mut new = build(&more, 4, vec![]);
    new.head.seq += 1;
    new.bodies.retain(|body| !old.bodies.contains(body));
    // A root, a leaf and one shard.
    assert_eq!(new.bodies.len(), 3);
    let mut slot = Some(old.snapshot());
    new.install(&mut slot).expect("the rest is kept");
    let mut snapshot = slot.expect("installed");
    for row in &more {
        assert_eq!(look(&mut snapshot, &new, &row.tag), expected(row));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Upsert(u64, u64),
    Revoke(u64),
    Segment,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..60_u64, 0..1_000_u64).prop_map(|(number, version)| Step::Upsert(number, version)),
        3 => (0..60_u64).prop_map(Step::Revoke),
        1 => Just(Step::Segment),
    ];
    proptest::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn agrees_with_a_map_under_any_history(base in 0..40_u64, steps in steps()) {
        let rows: Vec<NewRow> = (0..base).map(row).collect();
        let mut model: BTreeMap<u64, Seen> = (0..base).map(|n| (n, expected(&row(n)))).collect();
        let mut segments: Vec<BTreeMap<u64, Step>> = vec![BTreeMap::new()];
        for step in steps {
            match step {
                Step::Segment if segments.len() < 8 => segments.push(BTreeMap::new()),
                Step::Segment => {}
                Step::Upsert(number, version) => {
                    let changed = NewRow { key_number: version, ..row(number) };
                    model.insert(number, expected(&changed));
                    segments.last_mut().expect("never empty").insert(number, step);
                }
                Step::Revoke(number) => {
                    model.insert(number, Seen::Revoked);
                    segments.last_mut().expect("never empty").insert(number, step);
                }
            }
        }
        let changes = segments.iter().map(|segment| Changes {
            revokes: segment.values().filter_map(|step| match step {
                Step::Revoke(n) => Some(Revoke { prefix: prefix(tag(*n)), seq: 1, reason: Reason::Admin }),
                _ => None,
            }).collect(),
            upserts: segment.values().filter_map(|step| match step {
                Step::Upsert(n, version) => Some(NewRow { key_number: *version, ..row(*n) }),
                _ => None,
            }).collect(),
            ..Changes::default()
        }).collect();
        let source = build(&rows, 2, changes);
        let mut snapshot = source.snapshot();
        for number in 0..70 {
            let seen = look(&mut snapshot, &source, &tag(number));
            prop_assert_eq!(&seen, model.get(&number).unwrap_or(&Seen::NotFound));
        }
    }
}
