//! Older bases that gates still have. A gate to which a large new base is being uploaded decides by the one before for as long as that takes, so
//! revocations are published over that one as well.

use std::collections::HashSet;

use super::release::Release;
use super::twin::Twin;

/// Older bases that are kept up. A gate with a still older one has to wait for its upload.
const MOST: usize = 2;

/// The last release over an older base, and our own gate that has it.
pub(super) struct Lane {
    pub(super) release: Release,
    pub(super) twin: Twin,
}

impl Lane {
    fn root(&self) -> [u8; 32] {
        self.release.head().base.root.sha256
    }
}

/// Oldest first.
#[derive(Default)]
pub(super) struct Lanes(pub(super) Vec<Lane>);

impl Lanes {
    /// Keeps the base that was the newest up.
    pub(super) fn add(&mut self, lane: Lane) {
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push(lane);
    }

    /// Gives up what no gate has any more.
    pub(super) fn keep(&mut self, held: &HashSet<[u8; 32]>) {
        self.0.retain(|lane| held.contains(&lane.root()));
    }
}
