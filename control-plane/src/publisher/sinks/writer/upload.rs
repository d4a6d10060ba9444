//! Writing bodies. A base may take hours, and the sink keeps the head over the base before for that long: a revocation made meanwhile goes out
//! beside, in a head over that one.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::super::target::{Arrived, Outgoing, SinkError, Target};
use super::batching::Batching;
use super::{FIRST_PAUSE, Hash, Writer, internal};
use crate::publisher::lanes::overtaking;
use crate::publisher::release::Release;
use crate::publisher::walk::BaseWalk;

impl Writer {
    /// Writes those bodies of a base that the sink lacks, and returns the hashes of all.
    pub(super) async fn put_base(
        &mut self,
        target: &Arc<dyn Target>,
        release: &Release,
    ) -> Result<Arc<Vec<Hash>>, SinkError> {
        let store = Arc::clone(&self.context.app.store);
        let base = &release.head().base;
        self.coming = Some(base.root.sha256);
        self.show_bases();
        let mut walk = BaseWalk::begin(store.as_ref(), self.id, base).await.map_err(internal)?;
        let mut batch = Batching::new(target.batch());
        let mut bodies = vec![base.root.sha256];
        let root = Outgoing { hash: base.root.sha256, bytes: walk.root.clone() };
        let valid_until = release.head().valid_until;
        if !self.stock.has(&root.hash) {
            batch.add(root);
        }
        while let Some(leaf) = walk.next_leaf().await.map_err(internal)? {
            bodies.push(leaf.hash);
            bodies.extend(&leaf.shards);
            if !self.stock.has(&leaf.hash) {
                batch.add(Outgoing { hash: leaf.hash, bytes: leaf.page });
            }
            for hash in leaf.shards {
                if self.stock.has(&hash) {
                    continue;
                }
                if batch.is_full() {
                    self.put_part(target, batch.take(), valid_until).await?;
                }
                batch.add(Outgoing { hash, bytes: walk.shard(hash).await.map_err(internal)? });
            }
        }
        self.put_part(target, batch.take(), valid_until).await?;
        Ok(Arc::new(bodies))
    }

    /// Writes a part of a base, and beside it whatever shuts somebody out. The part is not held up by that, so revocations that never end
    /// cannot keep a sink from its base.
    async fn put_part(
        &mut self,
        target: &Arc<dyn Target>,
        bodies: Vec<Outgoing>,
        valid_until: u64,
    ) -> Result<(), SinkError> {
        if bodies.is_empty() {
            return Ok(());
        }
        let mut part = JoinSet::new();
        let to = Arc::clone(target);
        part.spawn(async move { to.put_bodies(bodies).await });
        let (mut failure, mut pause, mut not_before) = (None, FIRST_PAUSE, Instant::now());
        let arrived = loop {
            tokio::select! {
                biased;
                lane = self.revocation(not_before) => {
                    failure = self.overtake(target.as_ref(), &lane).await.err();
                    if let Some(error) = &failure {
                        self.note_failure(error);
                        not_before = Instant::now() + error.retry_after.unwrap_or(pause);
                        pause = (pause * 2).min(self.context.config.retry_max);
                    }
                }
                Some(arrived) = part.join_next() => break arrived,
            }
        };
        let arrived = arrived.map_err(|error| SinkError::new("INTERNAL", error))?;
        let failures = [self.note_arrived(arrived, valid_until).err(), failure];
        // The service may have asked for more time in one than in the other.
        let worst = failures.into_iter().flatten().max_by_key(|failure| failure.retry_after);
        worst.map_or(Ok(()), Err)
    }

    /// Ready once somebody was shut out of whom the sink's head does not tell, and a head over the base that it has does; but not before this
    /// moment.
    async fn revocation(&self, not_before: Instant) -> Arc<Release> {
        sleep_until(not_before).await;
        match &self.held {
            Some(held) => overtaking(self.offers.clone(), &held.root, held.revoked_through).await,
            None => std::future::pending().await,
        }
    }

    async fn overtake(&mut self, target: &dyn Target, lane: &Release) -> Result<(), SinkError> {
        let Some(held) = &self.held else { return Ok(()) };
        let bodies = Arc::clone(&held.bodies);
        self.publish(target, lane, bodies).await
    }

    /// Writes bodies, and remembers those that arrived even if others did not.
    pub(super) async fn put(
        &mut self,
        target: &dyn Target,
        bodies: Vec<Outgoing>,
        valid_until: u64,
    ) -> Result<(), SinkError> {
        if bodies.is_empty() {
            return Ok(());
        }
        let arrived = target.put_bodies(bodies).await;
        self.note_arrived(arrived, valid_until)
    }

    fn note_arrived(&mut self, arrived: Arrived, valid_until: u64) -> Result<(), SinkError> {
        for hash in arrived.bodies {
            self.stock.arrived(hash, valid_until);
        }
        arrived.failure.map_or(Ok(()), Err)
    }
}
