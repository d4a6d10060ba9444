//! The relay: spec/snapshot.md sections 3.1 and 8, over storage in memory. `edge/src/relay/commit.rs` is the one over a Durable Object's.

use std::collections::HashMap;

use latchkey_snapshot::bundle::{Intent, Reach, UnverifiedBundle};
use latchkey_snapshot::{HashedBody, HighWater, Refusal, Trust, UnverifiedHead, VerifiedHead};

pub(crate) struct Relay {
    trust: Trust,
    head: Option<VerifiedHead>,
    objects: HashMap<[u8; 32], Vec<u8>>,
}

impl Relay {
    pub(crate) fn new(trust: Trust) -> Self {
        Self { trust, head: None, objects: HashMap::new() }
    }

    pub(crate) fn head(&self) -> Option<&VerifiedHead> {
        self.head.as_ref()
    }

    pub(crate) fn high_water(&self) -> Option<HighWater> {
        self.head().map(|head| head.head().high_water())
    }

    pub(crate) fn objects(&self) -> impl Iterator<Item = (&[u8; 32], &Vec<u8>)> {
        self.objects.iter()
    }

    pub(crate) fn object(&self, sha256: &[u8; 32]) -> Option<Vec<u8>> {
        self.objects.get(sha256).cloned()
    }

    pub(crate) fn accept(&mut self, bundle: &[u8], now_seconds: u64) -> Result<(), Refusal> {
        let bundle = UnverifiedBundle::parse(bundle)?;
        let head = UnverifiedHead::parse(bundle.head)?.verify(&self.trust, now_seconds)?;
        head.require_valid(now_seconds)?;
        head.require_newer(self.high_water())?;
        let mut reach = Reach::of(&head);
        let mut taken = Vec::new();
        for body in bundle.bodies {
            let body = HashedBody::compute(body.to_vec());
            reach.accept(&body)?;
            taken.push(body);
        }
        let has = |sha256: &[u8; 32]| {
            self.objects.contains_key(sha256) || taken.iter().any(|body| body.object().sha256 == *sha256)
        };
        // The bodies of a new base all come in one bundle here, so the pages in it lead to all of it.
        let is_whole = reach.objects().all(|object| has(&object.sha256));
        if bundle.intent == Intent::Commit && !is_whole {
            return Err(Refusal::BodyMissing);
        }
        self.objects.extend(taken.into_iter().map(|body| (body.object().sha256, body.into_bytes())));
        if bundle.intent == Intent::Commit {
            self.head = Some(head);
        }
        Ok(())
    }
}
