//! Policies, segments, index pages and shards: whatever verifies can be used, and one content has one encoding.

use latchkey_snapshot::bundle::Reach;
use latchkey_snapshot::{BaseRef, HashedBody, Kind, Lookup, ObjectRef, VerifiedPolicy, VerifiedSegment};
use latchkey_validator::check_policy;

use crate::fixture::{self, KEYSPACE};

pub(crate) fn run_policy(bytes: &[u8]) {
    let Ok(object) = ObjectRef::to(bytes) else { return };
    let Ok(verified) = VerifiedPolicy::verify(&object, HashedBody::compute(bytes.to_vec()), KEYSPACE) else {
        return;
    };
    let policy = verified.policy();
    // A field that this version skips or cannot enforce is not written again.
    let is_all_known = policy.routes.iter().all(|route| !route.unknown_restriction);
    if let (true, Ok(again)) = (is_all_known, policy.encode(KEYSPACE))
        && again.len() == bytes.len()
    {
        assert_eq!(again, bytes, "one content, one encoding");
    }
    let _ = check_policy(policy);
}

pub(crate) fn run_segment(bytes: &[u8]) {
    let Ok(object) = ObjectRef::to(bytes) else { return };
    let Ok(segment) = VerifiedSegment::verify(&object, HashedBody::compute(bytes.to_vec()), KEYSPACE) else {
        return;
    };
    let upserts: Vec<_> = (0..segment.upsert_count()).map_while(|index| segment.upsert(index)).collect();
    assert_eq!(upserts.len(), segment.upsert_count(), "every row can be read");
    assert!(
        upserts.windows(2).all(|two| two[0].tag() < two[1].tag()),
        "rows stand in the order of their tags"
    );
    for row in upserts {
        fixture::read_whole(&row);
    }
    let revokes: Vec<_> = segment.revokes().collect();
    assert!(revokes.windows(2).all(|two| two[0].prefix < two[1].prefix), "revocations stand in order");
    let _ = segment.owner_kills().count();
}

pub(crate) fn run_index(bytes: &[u8]) {
    let Some((bits, page)) = bytes.split_first() else { return };
    let Ok(root) = ObjectRef::to(page) else { return };
    let shard_bits = bits % 21;
    let head = fixture::verified_over(BaseRef { change_seq: 1, shard_bits, root });
    let mut reach = Reach::of(&head);
    let before = reach.objects().count();
    if reach.accept(&HashedBody::compute(page.to_vec())) == Ok(Kind::Page) {
        let most = 1_usize << (shard_bits - shard_bits.min(10));
        assert!(reach.objects().count() - before <= most, "a page leads to as many objects as its base has");
    }
}

pub(crate) fn run_shard(bytes: &[u8]) {
    // The last byte says which tag is asked for besides those that are there.
    let Some((wanted, shard)) = bytes.split_last() else { return };
    let Some(snapshot) = fixture::snapshot_over_one_shard(shard) else { return };
    for tag in fixture::tags_in(shard).chain([[*wanted; 16]]) {
        if let Lookup::Row(row) = snapshot.lookup(&tag) {
            assert_eq!(*row.tag(), tag, "a look-up gives the row that was asked for");
            fixture::read_whole(&row);
        }
    }
}

pub(crate) fn policy_seeds() -> Vec<Vec<u8>> {
    fixture::bodies_of(Kind::Policy)
}

pub(crate) fn segment_seeds() -> Vec<Vec<u8>> {
    fixture::bodies_of(Kind::Segment)
}

pub(crate) fn index_seeds() -> Vec<Vec<u8>> {
    let bits = fixture::SHARD_BITS;
    fixture::bodies_of(Kind::Page).into_iter().map(|page| [vec![bits], page].concat()).collect()
}

pub(crate) fn shard_seeds() -> Vec<Vec<u8>> {
    fixture::one_shard_base().into_iter().map(|shard| [shard, vec![0]].concat()).collect()
}
