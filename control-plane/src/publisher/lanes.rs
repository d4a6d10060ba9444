//! Older bases that gates and sinks still have. A gate to which a large new base is being uploaded decides by the one before for as long as that
//! takes, and so does one that reads a sink, so revocations are published over that one as well.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::watch;

use super::release::Release;
use super::twin::Twin;

/// Older bases that are kept up. Whoever has a still older one has to wait for its upload: each costs a signature and a check per revocation,
/// and the segments of a head in memory.
const MOST: usize = 3;

/// What there is to hand out.
pub(super) struct Offer {
    pub(super) newest: Arc<Release>,
    /// The last releases over older bases, for those to which the newest base is still being uploaded.
    lanes: Vec<Arc<Release>>,
}

impl Offer {
    pub(super) fn new(newest: Release, lanes: &Lanes) -> Self {
        let lanes = lanes.0.iter().map(|lane| Arc::new(lane.release.clone())).collect();
        Self { newest: Arc::new(newest), lanes }
    }

    /// The last release over a base.
    pub(super) fn over(&self, base: &[u8; 32]) -> Option<&Arc<Release>> {
        std::iter::once(&self.newest)
            .chain(&self.lanes)
            .find(|release| release.head().base.root.sha256 == *base)
    }
}

/// Absent while nothing must be handed out.
pub(super) type Offers = watch::Receiver<Option<Arc<Offer>>>;

/// Ready once somebody was shut out of whom whoever has this `base` and knows of all up to `revoked_through` has not heard, and a head over that
/// base says so.
pub(super) async fn overtaking(mut offers: Offers, base: &[u8; 32], revoked_through: u64) -> Arc<Release> {
    loop {
        let offer = offers.borrow_and_update().clone();
        let release = offer.as_ref().and_then(|offer| offer.over(base));
        if let Some(release) = release.filter(|release| release.revoked_through > revoked_through) {
            return Arc::clone(release);
        }
        if offers.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

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

    /// Gives up what no gate or sink has any more.
    pub(super) fn keep(&mut self, held: &HashSet<[u8; 32]>) {
        self.0.retain(|lane| held.contains(&lane.root()));
    }
}
