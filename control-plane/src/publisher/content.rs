//! What the next head is to contain: the one before with what changed, as segments.

use std::sync::Arc;

use latchkey_snapshot::{BaseRef, BuiltBase, Refusal, limits};

use super::base::NewBase;
use super::release::{Release, Segment};
use super::{PublishError, segments};
use crate::domain::{KeyspaceId, PolicyState};
use crate::storage::{ChangesSince, Store};

/// Keys in one segment; more make a new base cheaper.
const SEGMENT_KEYS: u32 = 32_768;

/// What a head is to contain.
#[derive(Clone)]
pub(super) struct Content {
    pub(super) base: BaseRef,
    pub(super) base_bytes: u64,
    /// See [`Release::built`].
    pub(super) built: Option<Arc<BuiltBase>>,
    pub(super) key_count: u64,
    pub(super) change_seq: u64,
    /// Everything up to and with this change is contained. Below `change_seq` while only revocations are published.
    pub(super) complete_through: u64,
    /// Whoever was shut out up to and with this change is, even if other changes up to there are not contained.
    pub(super) revoked_through: u64,
    pub(super) segments: Vec<Segment>,
}

impl Content {
    pub(super) fn of_base(base: &NewBase) -> Self {
        Self {
            base: base.named,
            base_bytes: base.bytes,
            built: Some(Arc::clone(&base.built)),
            key_count: base.rows,
            change_seq: base.named.change_seq,
            complete_through: base.named.change_seq,
            revoked_through: base.named.change_seq,
            segments: Vec::new(),
        }
    }

    pub(super) fn of_release(release: &Release) -> Self {
        Self {
            base: release.head().base,
            base_bytes: release.base_bytes,
            built: release.built.clone(),
            key_count: release.head().key_count,
            change_seq: release.head().change_seq,
            complete_through: release.complete_through,
            revoked_through: release.revoked_through,
            segments: release.segments.clone(),
        }
    }

    fn contains_all_through(&mut self, seq: u64) {
        (self.change_seq, self.complete_through, self.revoked_through) = (seq, seq, seq);
    }

    fn make_room_for_urgent(&mut self) {
        self.take_kill_off();
        if let Some(urgent) = self.segments.pop_if(|segment| segment.urgent) {
            self.change_seq = urgent.first_seq;
        }
    }

    /// A kill lies over everything else, and only for as long as it lasts: each release puts it on anew.
    fn take_kill_off(&mut self) {
        if let Some(kill) = self.segments.iter().position(|segment| segment.kill) {
            self.change_seq = self.segments[kill].first_seq;
            self.segments.truncate(kill);
        }
    }

    fn add_urgent(&mut self, mut segment: Segment, shut_out: ChangesSince) -> Option<ChangesSince> {
        segment.urgent = true;
        (self.change_seq, self.revoked_through) = (segment.last_seq, shut_out.through_seq);
        self.segments.push(segment);
        (self.segment_bytes() <= limits::SEGMENT_BYTES).then_some(shut_out)
    }

    fn segment_bytes(&self) -> usize {
        self.segments.iter().map(|segment| segment.bytes.len()).sum()
    }
}

/// Reads what happened to a keyspace and adds it to contents.
pub(super) struct Changes<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) id: KeyspaceId,
    pub(super) policy: &'a PolicyState,
}

impl Changes<'_> {
    /// Adds what changed to the segments, and says what the newest of them now contains; `None` if it does not fit.
    pub(super) async fn extend(&self, content: &mut Content) -> Result<Option<ChangesSince>, PublishError> {
        content.take_kill_off();
        let mut first_seq = content.change_seq;
        let mut changed = self.since(first_seq).await?;
        if changed.through_seq == first_seq || changed.is_empty() {
            content.contains_all_through(changed.through_seq);
            return Ok(Some(changed));
        }
        let Some(mut newest) = self.segment(&changed, first_seq, changed.through_seq)? else {
            return Ok(None);
        };
        // A kill leaves out the rows that it revokes; merged with them it would make their keys unknown instead of revoked.
        let weight = if changed.killed { 0 } else { newest.bytes.len() };
        let kept = content.segments.len() - segments::merged_by(&content.segments, weight);
        if let Some(oldest) = content.segments.get(kept) {
            first_seq = oldest.first_seq;
            changed = self.since(first_seq).await?;
            let Some(merged) = self.segment(&changed, first_seq, changed.through_seq)? else {
                return Ok(None);
            };
            newest = merged;
        }
        content.segments.truncate(kept);
        content.segments.push(newest);
        content.contains_all_through(changed.through_seq);
        Ok((content.segment_bytes() <= limits::SEGMENT_BYTES).then_some(changed))
    }

    /// Adds who was shut out, and of everything else that happened the next change alone: what all of it takes, a new base, a guard's
    /// consent, may take long. That one change gives the segment a place behind the others. `None` if even that does not fit.
    pub(super) async fn add_revocations(
        &self,
        content: &mut Content,
    ) -> Result<Option<ChangesSince>, PublishError> {
        let complete = content.change_seq + 1;
        content.make_room_for_urgent();
        let first_seq = content.change_seq;
        let shut_out = self.store.revocations_since(self.id, first_seq, complete, SEGMENT_KEYS).await?;
        if shut_out.through_seq < complete || content.segments.len() >= limits::SEGMENTS {
            return Ok(None);
        }
        let Some(segment) = self.segment(&shut_out, first_seq, complete)? else { return Ok(None) };
        content.complete_through = complete;
        Ok(content.add_urgent(segment, shut_out))
    }

    /// Adds who was shut out and nothing else, for gates that must not get what else happened. `None` if it does not fit.
    pub(super) async fn add_nothing_but_revocations(
        &self,
        content: &mut Content,
    ) -> Result<Option<ChangesSince>, PublishError> {
        content.make_room_for_urgent();
        let mut first_seq = content.change_seq;
        let mut through = first_seq;
        if content.segments.len() >= limits::SEGMENTS
            && let Some(newest) = content.segments.pop()
        {
            // Its keys are said again, as they are by now: there is no other place.
            (first_seq, through) = (newest.first_seq, newest.last_seq);
        }
        let shut_out = self.store.revocations_since(self.id, first_seq, through, SEGMENT_KEYS).await?;
        // A segment has to end behind its beginning, whatever it holds.
        let last_seq = through.max(first_seq + 1);
        let Some(segment) = self.segment(&shut_out, first_seq, last_seq)? else { return Ok(None) };
        Ok(content.add_urgent(segment, shut_out))
    }

    async fn since(&self, seq: u64) -> Result<ChangesSince, PublishError> {
        Ok(self.store.changes_since(self.id, seq, SEGMENT_KEYS).await?)
    }

    fn segment(
        &self,
        changed: &ChangesSince,
        first_seq: u64,
        last_seq: u64,
    ) -> Result<Option<Segment>, PublishError> {
        if changed.too_many {
            return Ok(None);
        }
        let changes = segments::changes(changed, &self.policy.role_numbers());
        match changes.encode(self.id.0, first_seq, last_seq) {
            Ok(bytes) => Segment::new(first_seq, last_seq, bytes, changed.killed).map(Some),
            Err(Refusal::TooLong | Refusal::LimitExceeded) => Ok(None),
            Err(refusal) => Err(PublishError::Encoding(refusal)),
        }
    }
}
