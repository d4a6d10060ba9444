//! Verifying, noting and handing out what was signed, in this order.

use std::sync::Arc;

use tokio::time::Instant;

use super::super::PublishError;
use super::super::lanes::Offer;
use super::super::release::Release;
use super::super::walk::bodies_of_base;
use super::KeyspacePublisher;
use crate::storage::{BodyChanges, ChangesSince, Publication, StoreError};

impl KeyspacePublisher {
    /// Verifies, notes and hands out a release, in this order.
    pub(super) async fn put_out(
        &mut self,
        release: Release,
        changed: &ChangesSince,
    ) -> Result<(), PublishError> {
        let store = Arc::clone(&self.store);
        if self.current.as_ref().is_some_and(|current| current.revoked_through > release.revoked_through) {
            return Err(PublishError::Unverified("it would take revocations back".to_owned()));
        }
        self.twin.accept(store.as_ref(), &release, Some(changed)).await?;
        self.note(&release).await?;
        for release in self.lanes.0.iter().map(|lane| &lane.release).chain([&release]) {
            self.timeline.sign(&release.verified);
            self.context.app.propagation.note_head(self.id, release.mark());
        }
        self.released_at = Instant::now();
        let offer = Arc::new(Offer::new(release.clone(), &self.lanes));
        self.gates.offer(Arc::clone(&offer));
        self.sinks.offer(offer);
        if let Some(base) = self.built.take() {
            let mut kept: Vec<_> = base.bodies().chain(release.bodies().map(|(hash, _)| hash)).collect();
            // Gates may refuse the new one, and then the one before is published again; if that can still be read.
            if let Some(before) = &self.current {
                let bodies = bodies_of_base(store.as_ref(), self.id, &before.head().base).await;
                kept.extend(bodies.unwrap_or_default());
            }
            // Before the old bodies go: what fails there must not make the next base build on an older one.
            (self.base, self.consented) = (Some(base), false);
            store.forget_bodies_except(self.id, kept).await?;
        }
        let (seq, change_seq) = (release.head().seq, release.head().change_seq);
        tracing::debug!(keyspace.id = %self.id, head.seq = seq, head.change_seq = change_seq, "released a head");
        self.recent.add(&release);
        self.current = Some(release);
        Ok(())
    }

    async fn note(&mut self, release: &Release) -> Result<(), PublishError> {
        let publication = Publication {
            keyspace_id: self.id,
            epoch: release.head().epoch,
            seq: release.head().seq,
            change_seq: release.head().change_seq,
            head: release.verified.bytes().to_vec(),
            base_bytes: release.base_bytes,
            issued_at: self.context.app.now(),
        };
        let before = self.current.as_ref();
        let dropped = before.iter().flat_map(|before| before.bodies_not_in(Some(release)));
        let bodies = BodyChanges {
            added: release.bodies_to_keep(before),
            dropped: dropped.map(|(hash, _)| hash).collect(),
        };
        let after = self.last.as_ref().map_or(0, |last| last.seq);
        let outline = release.outline(self.consented && self.built.is_some());
        match self.store.release(publication.clone(), after, bodies, outline).await {
            Ok(()) => {
                self.last = Some(publication);
                Ok(())
            }
            Err(error) => {
                // The twin is ahead of what was noted, and would refuse another head of this number.
                self.twin.reset();
                if matches!(error, StoreError::PublicationConflict) {
                    self.last = self.store.publication(self.id).await?;
                }
                Err(error.into())
            }
        }
    }
}
