//! The last releases, to fall back to the newest that gates took.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::release::Release;

/// Releases that are remembered.
const MOST: usize = 32;
/// Of those that differ in nothing but segments, one in this time: gates tell of what they took within seconds.
const APART: Duration = Duration::from_secs(1);

/// Oldest first.
#[derive(Default)]
pub(super) struct Recent(VecDeque<(Instant, Release)>);

impl Recent {
    /// The newest stays until the next comes, which then may take its place.
    pub(super) fn add(&mut self, release: &Release) {
        let now = Instant::now();
        if let [.., (at, before), (_, last)] = self.0.make_contiguous()
            && now < *at + APART
            && is_alike(before, last)
            && is_alike(last, release)
        {
            self.0.pop_back();
        }
        self.0.push_back((now, release.clone()));
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    /// The newest up to and with the head of this number.
    pub(super) fn up_to(&self, seq: u64) -> Option<&Release> {
        self.0.iter().rev().map(|(_, release)| release).find(|release| release.head().seq <= seq)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn is_alike(one: &Release, other: &Release) -> bool {
    one.head().policy == other.head().policy && one.head().base.root == other.head().base.root
}
