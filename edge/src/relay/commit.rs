//! Taking a bundle in: `spec/snapshot.md` section 8, with the checks in the order of its section 3.1.

use std::collections::BTreeSet;

use latchkey_snapshot::bundle::{Intent, Reach, UnverifiedBundle};
use latchkey_snapshot::{HashedBody, Head, Kind, ObjectRef, Refusal, Trust, UnverifiedHead, VerifiedHead};
use worker::Result;

use super::store::{Store, parse_head};
use crate::digest;

type Verdict<T> = std::result::Result<T, Refusal>;

/// Verifies a bundle and stores it, or refuses it and changes nothing.
///
/// # Errors
/// Those of the storage. A refusal is the inner result.
pub(super) async fn accept(trust: &Trust, store: &Store, bytes: &[u8], now: u64) -> Result<Verdict<Intent>> {
    let (bundle, head) = match verify_head(trust, bytes, now) {
        Ok(verified) => verified,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // Hashing awaits, so it comes before everything that reads the store: from there on nothing may come between.
    let mut bodies = Vec::with_capacity(bundle.bodies.len());
    for body in &bundle.bodies {
        bodies.push(digest::hash(body.to_vec()).await);
    }
    let held = store.head_bytes()?;
    let held = held.as_deref().map(parse_head).transpose()?;
    let mark = held.as_ref().and_then(|held| held.high_water_under(trust));
    // Before its end is looked at: who comes with an old head is told that it is old, and what is newer.
    if let Err(refusal) = head.require_newer(mark).and_then(|()| head.require_valid(now)) {
        return Ok(Err(refusal));
    }
    let mut reach = Reach::of(&head);
    let kinds = match accept_bodies(&mut reach, &bodies) {
        Ok(kinds) => kinds,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let root = head.head().base.root.sha256;
    let current = held.map(|held| held.unverified_fields().base.root.sha256);
    let is_new_base = current != Some(root);
    if bundle.intent == Intent::Commit
        && let Err(refusal) = check_complete(store, &mut reach, head.head(), is_new_base, &bodies)?
    {
        return Ok(Err(refusal));
    }
    for (body, kind) in bodies.iter().zip(kinds) {
        store.put_object(body, kind, &root, current.as_ref(), now)?;
    }
    if bundle.intent == Intent::Commit {
        if is_new_base {
            let objects: Vec<_> = reach.objects().collect();
            store.change_base(&root, current.as_ref(), &objects, now)?;
        }
        store.set_head(head.bytes())?;
        store.drop_unreached(head.head(), now)?;
    }
    Ok(Ok(bundle.intent))
}

fn verify_head<'a>(
    trust: &Trust,
    bytes: &'a [u8],
    now: u64,
) -> Verdict<(UnverifiedBundle<'a>, VerifiedHead)> {
    let bundle = UnverifiedBundle::parse(bytes)?;
    let head = UnverifiedHead::parse(bundle.head)?.verify(trust, now)?;
    Ok((bundle, head))
}

fn accept_bodies(reach: &mut Reach, bodies: &[HashedBody]) -> Verdict<Vec<Kind>> {
    bodies.iter().map(|body| reach.accept(body).map_err(|refusal| explain(refusal, reach, body))).collect()
}

/// A body that nothing leads to is, almost always, one that was damaged on its way.
fn explain(refusal: Refusal, reach: &Reach, body: &HashedBody) -> Refusal {
    let object = body.object();
    let mut promised = reach.objects();
    match refusal {
        Refusal::BodyUnexpected if promised.any(|other| other.length == object.length) => {
            Refusal::BodyHashMismatch
        }
        other => other,
    }
}

/// Whether everything that the head leads to is in the bundle or in the store. A base that was complete under the last head still is.
fn check_complete(
    store: &Store,
    reach: &mut Reach,
    head: &Head,
    is_new_base: bool,
    bodies: &[HashedBody],
) -> Result<Verdict<()>> {
    let sent: BTreeSet<[u8; 32]> = bodies.iter().map(|body| body.object().sha256).collect();
    if is_new_base && let Err(refusal) = follow_stored_pages(store, reach, &sent)? {
        return Ok(Err(refusal));
    }
    let mut needed: Vec<ObjectRef> = if is_new_base {
        reach.objects().collect()
    } else {
        head.segments.iter().map(|segment| segment.object).chain([head.policy]).collect()
    };
    needed.retain(|object| !sent.contains(&object.sha256));
    Ok(if store.has_all(&needed)? { Ok(()) } else { Err(Refusal::BodyMissing) })
}

/// Pages that came in earlier bundles lead on: from the root to leaves, and from those to shards.
fn follow_stored_pages(store: &Store, reach: &mut Reach, sent: &BTreeSet<[u8; 32]>) -> Result<Verdict<()>> {
    let mut followed = sent.clone();
    for _ in 0..2 {
        let pages: Vec<_> = reach.pages().filter(|page| followed.insert(page.sha256)).collect();
        for page in store.pages(&pages)? {
            if let Err(refusal) = reach.accept(&page) {
                return Ok(Err(refusal));
            }
        }
    }
    Ok(Ok(()))
}
