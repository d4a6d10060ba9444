use latchkey_snapshot::{
    BaseBuilder, Changes, HashedBody, Loader, ObjectRef, Policy, Reason, Refusal, Revoke, Role, Snapshot,
    TokenShapes, VerifiedPolicy, VerifiedSegment, bundle::Reach, limits, shard_bits_for,
};

use crate::fixture::{KEYSPACE, Unsigned, build, row, small, tag};

/// Every body with one bit flipped, at a stride that is coprime to the word size.
fn flips(body: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..body.len() * 8).step_by(41).map(|bit| {
        let mut bad = body.to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        bad
    })
}

#[test]
fn the_loader_refuses_flipped_truncated_and_foreign_bodies_and_stays_usable() {
    let unsigned = small();
    for body in &unsigned.bodies {
        let others = unsigned.bodies.iter().filter(|other| other != &body);
        let mut loader = Loader::new(unsigned.verified(), None).expect("newer than nothing");
        for bad in flips(body).chain([body[..body.len() - 1].to_vec(), [body, &[0][..]].concat()]) {
            assert!(loader.supply(HashedBody::compute(bad)).is_err());
        }
        // Root before leaf before shard: some orders need a second pass.
        for _ in 0..3 {
            for good in others.clone().chain([body]) {
                let _ = loader.supply(HashedBody::compute(good.clone()));
            }
        }
        let mut slot = None;
        loader.install(&mut slot).expect("refused bodies left no mark");
    }
}

#[test]
fn a_well_formed_body_that_nothing_signed_leads_to_is_refused() {
    let unsigned = small();
    let foreign = build(&[row(500)], 2, vec![Changes { upserts: vec![row(501)], ..Changes::default() }]);
    let mut loader = Loader::new(unsigned.verified(), None).expect("newer than nothing");
    let mut reach = Reach::of(&unsigned.verified());
    for body in foreign.bodies.iter().skip(1) {
        let body = HashedBody::compute(body.clone());
        assert!(loader.supply(body.clone()).is_err());
        assert_eq!(reach.accept(&body).err(), Some(Refusal::BodyUnexpected));
    }
}

#[test]
fn canonical_form_is_checked_even_where_the_hash_was_signed() {
    // A publisher with a bug, not an attacker: flipping any bit of a body and signing the result must not make a reader panic,
    // and must not make it accept a reserved bit, a disorder or a count that does not add up.
    let unsigned = small();
    for (index, body) in unsigned.bodies.iter().enumerate() {
        for bad in flips(body) {
            let object = ObjectRef::to(&bad).expect("short");
            let hashed = HashedBody::compute(bad);
            let _ = match index {
                0 => VerifiedPolicy::verify(&object, hashed, KEYSPACE).map(|_| ()),
                _ => VerifiedSegment::verify(&object, hashed, KEYSPACE).map(|_| ()),
            };
        }
    }
}

#[test]
fn bodies_of_another_keyspace_are_refused() {
    let body = Changes::default().encode(KEYSPACE + 1, 1, 2).expect("small");
    let object = ObjectRef::to(&body).expect("short");
    let refusal = VerifiedSegment::verify(&object, HashedBody::compute(body), KEYSPACE).err();
    assert_eq!(refusal, Some(Refusal::KeyspaceMismatch));
    let body = Policy::default().encode(KEYSPACE + 1).expect("small");
    let object = ObjectRef::to(&body).expect("short");
    let refusal = VerifiedPolicy::verify(&object, HashedBody::compute(body), KEYSPACE).err();
    assert_eq!(refusal, Some(Refusal::KeyspaceMismatch));
}

#[test]
fn an_empty_segment_is_valid_and_changes_nothing() {
    let with = build(&[row(1)], 0, vec![Changes::default()]).snapshot();
    let without = build(&[row(1)], 0, vec![]).snapshot();
    for number in 0..3 {
        assert_eq!(format!("{:?}", with.lookup(&tag(number))), format!("{:?}", without.lookup(&tag(number))));
    }
}

#[test]
fn encoding_does_not_depend_on_the_order_of_the_input() {
    let revoke = |number| Revoke { prefix: [number; 8], seq: 5, reason: Reason::Admin };
    let changes = |numbers: [u8; 3]| Changes {
        revokes: numbers.map(revoke).to_vec(),
        upserts: numbers.map(|number| row(number.into())).to_vec(),
        ..Changes::default()
    };
    let encode = |changes: Changes| changes.encode(KEYSPACE, 1, 9);
    assert_eq!(encode(changes([1, 2, 3])), encode(changes([3, 1, 2])));
    let role = |number| Role { number, grants: vec!["b:c".into(), "a:b".into(), "b:c".into()] };
    let policy = |numbers: [u16; 2]| Policy { roles: numbers.map(role).to_vec(), ..Policy::default() };
    assert_eq!(policy([1, 2]).encode(KEYSPACE), policy([2, 1]).encode(KEYSPACE));
}

#[test]
fn the_encoder_refuses_repeats_disorder_and_what_exceeds_the_limits() {
    let twice = Changes { upserts: vec![row(1), row(1)], ..Changes::default() };
    assert_eq!(twice.encode(KEYSPACE, 1, 2).err(), Some(Refusal::NotCanonical));
    assert_eq!(Changes::default().encode(KEYSPACE, 2, 1).err(), Some(Refusal::NotCanonical));
    let roles = vec![Role::default(), Role::default()];
    assert_eq!(Policy { roles, ..Policy::default() }.encode(KEYSPACE).err(), Some(Refusal::NotCanonical));
    let mut long = row(1);
    long.profile.metadata = Some("x".repeat(limits::METADATA_BYTES + 1));
    let changes = Changes { upserts: vec![long], ..Changes::default() };
    assert_eq!(changes.encode(KEYSPACE, 1, 2).err(), Some(Refusal::LimitExceeded));
    let mut late = row(1);
    late.expires_at = Some(1 << 40);
    let changes = Changes { upserts: vec![late], ..Changes::default() };
    assert_eq!(changes.encode(KEYSPACE, 1, 2).err(), Some(Refusal::LimitExceeded));
    assert!(BaseBuilder::new(KEYSPACE, limits::SHARD_BITS + 1, |_, _| ()).is_err());
    let many = Changes { upserts: (0..20_000).map(row).collect(), ..Changes::default() };
    assert_eq!(many.encode(KEYSPACE, 1, 2).err(), Some(Refusal::TooLong));
}

#[test]
fn shards_hold_about_one_to_two_thousand_rows() {
    assert_eq!(shard_bits_for(0), 0);
    for rows in [1_u64, 2_000, 2_001, 100_000, 1_000_000, 10_000_000, 100_000_000] {
        let average = rows >> shard_bits_for(rows);
        assert!(average <= 2_000 && (rows <= 2_000 || average >= 1_000), "{rows} rows");
    }
}

#[test]
fn a_restriction_of_a_later_version_is_reported_not_ignored() {
    // A profile with a critical field that this version does not know: type 0x90, one byte.
    let mut body =
        Changes { upserts: vec![row(1)], ..Changes::default() }.encode(KEYSPACE, 1, 2).expect("small");
    body.extend_from_slice(&[0x90, 1, 0, 7]);
    // profiles_length, the u32 at 44.
    let length = u32::from_le_bytes([body[44], body[45], body[46], body[47]]) + 4;
    body[44..48].copy_from_slice(&length.to_le_bytes());
    let object = ObjectRef::to(&body).expect("short");
    let segment = VerifiedSegment::verify(&object, HashedBody::compute(body), KEYSPACE).expect("well-formed");
    assert!(segment.upsert(0).expect("one row").profile().has_unknown_restriction);
}

#[test]
fn a_swapped_segment_is_refused() {
    let mut unsigned: Unsigned = small();
    unsigned.head.segments.swap(0, 1);
    let segments = &mut unsigned.head.segments;
    (segments[0].last_seq, segments[1].last_seq) = (segments[1].last_seq, segments[0].last_seq);
    let mut slot: Option<Snapshot> = None;
    assert_eq!(unsigned.install(&mut slot), Err(Refusal::NotCanonical));
    assert!(slot.is_none());
}

#[test]
fn a_policy_says_which_token_shapes_the_keyspace_takes_and_unknown_ones_are_refused() {
    const TOKENS: usize = 7;
    let verify = |body: Vec<u8>| {
        let object = ObjectRef::to(&body).expect("short");
        let policy = VerifiedPolicy::verify(&object, HashedBody::compute(body), KEYSPACE)?;
        Ok(policy.policy().tokens)
    };
    for tokens in [TokenShapes::OnlyLatchkey, TokenShapes::AlsoForeign] {
        let mut body = Policy { tokens, ..Policy::default() }.encode(KEYSPACE).expect("small");
        assert_eq!(verify(body.clone()), Ok(tokens));
        body[TOKENS] = 2;
        assert_eq!(verify(body), Err(Refusal::NotCanonical));
    }
}
