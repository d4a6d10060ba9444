//! Taking a bundle in: `spec/snapshot.md` section 8, with the checks in the order of its section 3.1.

use latchkey_snapshot::bundle::{Intent, Reach, UnverifiedBundle};
use latchkey_snapshot::{HashedBody, Head, Kind, Refusal, Trust, UnverifiedHead, VerifiedHead};
use worker::Result;

use super::store::Store;
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
    // Before its end is looked at: who comes with an old head is told that it is old, and what is newer.
    if let Err(refusal) = head.require_newer(store.high_water(trust)?).and_then(|()| head.require_valid(now))
    {
        return Ok(Err(refusal));
    }
    let mut reach = Reach::of(&head);
    let kinds = match accept_bodies(&mut reach, &bodies) {
        Ok(kinds) => kinds,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let root = head.head().base.root.sha256;
    if bundle.intent == Intent::Commit
        && let Err(refusal) = check_complete(store, &mut reach, &head, &bodies)?
    {
        return Ok(Err(refusal));
    }
    for (body, kind) in bodies.iter().zip(kinds) {
        store.put_object(&body.object().sha256, kind, body.bytes(), &root, now)?;
    }
    if bundle.intent == Intent::Commit {
        if is_new_base(store, head.head())? {
            for object in reach.objects() {
                store.keep_for_base(&object.sha256, &root)?;
            }
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
    head: &VerifiedHead,
    bodies: &[HashedBody],
) -> Result<Verdict<()>> {
    let has = |sha256: &[u8; 32]| -> Result<bool> {
        Ok(bodies.iter().any(|body| body.object().sha256 == *sha256) || store.has_object(sha256)?)
    };
    if !is_new_base(store, head.head())? {
        let fields = head.head();
        let named = fields.segments.iter().map(|segment| segment.object).chain([fields.policy]);
        for object in named {
            if !has(&object.sha256)? {
                return Ok(Err(Refusal::BodyMissing));
            }
        }
        return Ok(Ok(()));
    }
    // Pages that came in earlier bundles lead on; two rounds reach from the root to the shards.
    for _ in 0..2 {
        let objects: Vec<_> = reach.objects().collect();
        for object in objects {
            if bodies.iter().any(|body| body.object() == object) {
                continue;
            }
            let Some(body) = store.object(&object.sha256)? else { return Ok(Err(Refusal::BodyMissing)) };
            let body = HashedBody::trusting_host_digest(body, object.sha256);
            if body.kind() == Ok(Kind::Page)
                && let Err(refusal) = reach.accept(&body)
            {
                return Ok(Err(refusal));
            }
        }
    }
    for object in reach.objects() {
        if !has(&object.sha256)? {
            return Ok(Err(Refusal::BodyMissing));
        }
    }
    Ok(Ok(()))
}

fn is_new_base(store: &Store, head: &Head) -> Result<bool> {
    let held = store.head()?;
    Ok(held.is_none_or(|held| held.fields.base.root != head.base.root))
}
