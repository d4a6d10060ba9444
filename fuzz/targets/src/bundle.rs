//! Bundles: one content has one encoding, and nothing is stored that no signature leads to.

use latchkey_snapshot::bundle::{Intent, Reach, UnverifiedBundle, encode};
use latchkey_snapshot::{HashedBody, UnverifiedHead};

use crate::fixture::{self, NOW};

pub(crate) fn run(bytes: &[u8]) {
    let Ok(bundle) = UnverifiedBundle::parse(bytes) else { return };
    let again = encode(bundle.intent, bundle.head, bundle.bodies.iter().copied());
    assert_eq!(again.as_deref(), Ok(bytes), "one content, one encoding");
    let head = UnverifiedHead::parse(bundle.head).and_then(|head| head.verify(&fixture::trust(), NOW));
    let Ok(head) = head else { return };
    // An input that was kept from a fixture of before has a head of before.
    if bundle.head != fixture::published().head {
        return;
    }
    let mut reach = Reach::of(&head);
    for body in bundle.bodies {
        if reach.accept(&HashedBody::compute(body.to_vec())).is_err() {
            return;
        }
        assert!(
            fixture::published().bodies.iter().any(|published| published == body),
            "only what was published is ever taken in"
        );
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let published = fixture::published();
    let bundle = |intent, count| {
        let bodies: Vec<&[u8]> = published.bodies.iter().take(count).map(Vec::as_slice).collect();
        encode(intent, &published.head, bodies.into_iter()).expect("a small bundle")
    };
    vec![bundle(Intent::Commit, usize::MAX), bundle(Intent::StoreBodies, 2), bundle(Intent::Commit, 0)]
}
