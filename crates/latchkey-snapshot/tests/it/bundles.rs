use latchkey_snapshot::bundle::{Intent, Reach, UnverifiedBundle, encode};
use latchkey_snapshot::{HashedBody, Refusal, UnverifiedHead, limits};
use proptest::prelude::*;

use crate::fixture::{NOW, Unsigned, small, trust_in};

/// Root before leaves before shards, as a bundle wants them: the reverse of the order in which a base is built.
pub(crate) fn ordered(unsigned: &Unsigned) -> Vec<Vec<u8>> {
    let mut bodies = unsigned.bodies.clone();
    bodies.sort_by_key(|body| match &body[..4] {
        b"LKIX" => (1, 1 - body[5]),
        b"LKSH" => (2, 0),
        _ => (0, 0),
    });
    bodies
}

fn receive(bytes: &[u8]) -> Result<usize, Refusal> {
    let bundle = UnverifiedBundle::parse(bytes)?;
    let head = UnverifiedHead::parse(bundle.head)?.verify(&trust_in(&["k1"]), NOW)?;
    let mut reach = Reach::of(&head);
    for body in &bundle.bodies {
        reach.accept(&HashedBody::compute(body.to_vec()))?;
    }
    Ok(bundle.bodies.len())
}

fn bundle(bodies: &[Vec<u8>]) -> Vec<u8> {
    let head = small().sign(&["k1"]);
    encode(Intent::Commit, &head, bodies.iter().map(Vec::as_slice)).expect("small")
}

#[test]
fn a_bundle_carries_every_body_that_its_head_leads_to() {
    let bodies = ordered(&small());
    assert_eq!(receive(&bundle(&bodies)), Ok(bodies.len()));
}

#[test]
fn a_shard_before_its_index_page_is_not_reached() {
    let mut bodies = ordered(&small());
    bodies.reverse();
    assert_eq!(receive(&bundle(&bodies)), Err(Refusal::BodyUnexpected));
}

#[test]
fn refuses_truncation_anywhere_trailing_bytes_and_oversize() {
    let good = bundle(&ordered(&small()));
    for length in 0..good.len() {
        assert!(receive(&good[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(receive(&[&good[..], &[0]].concat()), Err(Refusal::TrailingBytes));
    assert_eq!(receive(&vec![0; limits::BUNDLE_BYTES + 1]), Err(Refusal::TooLong));
}

#[test]
fn refuses_sampled_bit_flips() {
    let good = bundle(&ordered(&small()));
    let commit_bit = 5 * 8;
    for bit in (0..good.len() * 8).step_by(7).filter(|bit| *bit != commit_bit) {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(receive(&bad).is_err(), "bit {bit}");
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = UnverifiedBundle::parse(&bytes);
        let _ = UnverifiedHead::parse(&bytes);
    }
}
