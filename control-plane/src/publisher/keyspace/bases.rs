//! New bases: when one is built, and whether it may be released.

use std::sync::Arc;

use latchkey_snapshot::limits;

use super::super::base::NewBase;
use super::super::building::Building;
use super::super::{HeldBase, PublishError, guard};
use super::{KeyspacePublisher, PAUSE, report};

/// From this many bytes of segments on a new base is built beside; half of what a head may list leaves room meanwhile.
const REBASE_BYTES: usize = limits::SEGMENT_BYTES / 2;

impl KeyspacePublisher {
    /// Has a base built, without giving way to others if more than new keys waits for it.
    pub(super) fn build(&mut self) {
        if self.held.is_some() {
            return;
        }
        let building = self.building.take().unwrap_or_else(|| self.begin_base());
        let released = self.current.as_ref().map(|current| current.head().change_seq);
        if released.is_none_or(|released| self.log.demanding > released) {
            building.hurry();
        }
        self.building = Some(building);
    }

    /// Only right after a release, which clears old bodies away: a base that is being built must not lose its own to that.
    pub(super) fn rebase_if_due(&mut self) {
        let segments = self.current.iter().flat_map(|current| &current.segments);
        let bytes: usize = segments.map(|segment| segment.bytes.len()).sum();
        if bytes > REBASE_BYTES && self.building.is_none() && self.held.is_none() {
            self.building = Some(self.begin_base());
        }
    }

    fn begin_base(&self) -> Building {
        let (store, now) = (Arc::clone(&self.store), self.context.app.now());
        Building::start(store, self.id, now, self.base.clone())
    }

    pub(super) async fn take_base(&mut self, built: Result<NewBase, PublishError>) {
        self.building = None;
        let taken = match built {
            Ok(base) => self.judge(base).await,
            Err(error) => Err(error),
        };
        match taken {
            Ok(()) => {}
            Err(error) => {
                self.stuck = false;
                report(self.id, &error);
                // Whatever was wrong with it or with what it took over, the next one is built anew.
                self.base = None;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Puts a base up for release, or holds it until somebody consents.
    async fn judge(&mut self, base: NewBase) -> Result<(), PublishError> {
        let Some((keyspace, _, _)) = self.store.publishing_state(self.id).await? else { return Ok(()) };
        let secrets = self.store.base_row_count(self.id).await?;
        let left_out = secrets.saturating_sub(base.rows) + self.store.purged_row_count(self.id).await?;
        let forgotten = left_out.saturating_sub(std::mem::replace(&mut self.left_out, left_out));
        let current = self.current.as_ref().filter(|_| keyspace.deleted_at.is_none());
        let judged = current.and_then(|current| {
            let now = self.context.app.now();
            Some((current, guard::judge(current, base.rows, forgotten, keyspace.created_at, now)?))
        });
        let Some((current, reason)) = judged else {
            self.store.note_held_base(self.id, None, self.context.app.now()).await?;
            (self.built, self.stuck, self.consented) = (Some(base), false, false);
            return Ok(());
        };
        let held = HeldBase {
            reason,
            rows_before: current.head().key_count,
            rows_after: base.rows,
            change_seq: base.named.change_seq,
        };
        tracing::error!(
            event = "snapshot.held", keyspace.id = %self.id, reason = reason.as_str(), held.rows_before, held.rows_after,
            "a new base is held back; only revocations and small changes are published until `latchkey snapshot override`"
        );
        self.store.note_held_base(self.id, Some(held), self.context.app.now()).await?;
        self.context.app.propagation.set_held(self.id, Some(held));
        self.held = Some(base);
        Ok(())
    }

    /// Puts a held base up for release if somebody has consented to just that one.
    pub(super) async fn take_consent(&mut self) -> Result<(), PublishError> {
        let Some(held) = &self.held else { return Ok(()) };
        if self.store.take_override(self.id, held.named.change_seq).await? {
            self.store.note_held_base(self.id, None, self.context.app.now()).await?;
            self.context.app.propagation.set_held(self.id, None);
            (self.built, self.stuck, self.consented) = (self.held.take(), false, true);
        }
        Ok(())
    }
}
