//! KV: eventually consistent, negatively cached, and writable by the attacker.

use std::collections::HashMap;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::bounds;

#[derive(Default)]
pub(crate) struct Kv {
    /// When each was written, oldest first.
    heads: Vec<(u64, Vec<u8>)>,
    objects: HashMap<[u8; 32], (u64, Vec<u8>)>,
}

impl Kv {
    pub(crate) fn put_head(&mut self, now: u64, head: Vec<u8>) {
        self.heads.push((now, head));
    }

    pub(crate) fn put_object(&mut self, now: u64, sha256: [u8; 32], bytes: Vec<u8>) {
        self.objects.entry(sha256).or_insert((now, bytes));
    }

    pub(crate) fn overwrite_object(&mut self, sha256: [u8; 32], bytes: Vec<u8>) {
        if let Some((_, stored)) = self.objects.get_mut(&sha256) {
            *stored = bytes;
        }
    }

    pub(crate) fn any_object(&self, rng: &mut StdRng) -> Option<[u8; 32]> {
        // Sorted, because a map's own order is not fixed by the seed.
        let mut hashes: Vec<[u8; 32]> = self.objects.keys().copied().collect();
        hashes.sort_unstable();
        (!hashes.is_empty()).then(|| hashes[rng.random_range(0..hashes.len())])
    }

    /// Some state of the last minute, as the reader's location happens to have it.
    pub(crate) fn head(&self, now: u64, rng: &mut StdRng) -> Option<&[u8]> {
        let seen = now.saturating_sub(rng.random_range(0..=bounds::KV_LAG_MS));
        let visible = self.heads.iter().rev().find(|(at, _)| *at <= seen);
        visible.or(self.heads.first()).map(|(_, head)| head.as_slice())
    }

    pub(crate) fn object(&self, now: u64, sha256: &[u8; 32], rng: &mut StdRng) -> Option<Vec<u8>> {
        let (at, bytes) = self.objects.get(sha256)?;
        let is_visible = now.saturating_sub(*at) >= rng.random_range(0..=bounds::KV_LAG_MS);
        is_visible.then(|| bytes.clone())
    }
}
