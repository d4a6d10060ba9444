//! The segments of a head merged into one look-up: `spec/snapshot.md` section 5, "Precedence".

use alloc::vec::Vec;

use crate::buckets::Buckets;
use crate::limits;
use crate::row::RowView;
use crate::segment::{MARK_BYTES, Reason, VerifiedSegment, owner_tag};
use crate::table::tag_prefix;

/// When a row was written, counted in bodies: the base is 0, the oldest segment 1.
pub(crate) type Generation = u8;
pub(crate) const BASE: Generation = 0;
// A head bounds its segments together, and a mark is the smallest entry.
const _: () = assert!(limits::SEGMENT_BYTES / MARK_BYTES <= Buckets::MOST);

#[derive(Clone, Copy, Debug)]
enum Change {
    Upsert { index: u32 },
    Revoke { reason: Reason },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    prefix: u64,
    generation: Generation,
    change: Change,
}

/// What the segments say of a tag.
pub(crate) enum Found<'a> {
    Row(RowView<'a>, Generation),
    Revoked(Reason),
}

#[derive(Debug, Default)]
pub(crate) struct Overlay {
    segments: Vec<VerifiedSegment>,
    /// By prefix, then newest generation first, then upserts before revokes.
    entries: Vec<Entry>,
    buckets: Option<Buckets>,
    /// By owner tag, then newest generation first.
    owner_kills: Vec<([u8; 8], Generation, Reason)>,
    keyspace_kill: Option<Generation>,
}

impl Overlay {
    /// Over the segments of a head, oldest first; [`crate::limits::SEGMENTS`] keeps generations small.
    pub(crate) fn build(segments: Vec<VerifiedSegment>) -> Self {
        let mut overlay = Self::default();
        for (segment, generation) in segments.iter().zip(1..) {
            overlay.add(segment, generation);
        }
        overlay.segments = segments;
        overlay.entries.sort_by_key(|entry| {
            (entry.prefix, u8::MAX - entry.generation, matches!(entry.change, Change::Revoke { .. }))
        });
        overlay.owner_kills.sort_by_key(|(owner, generation, _)| (*owner, u8::MAX - generation));
        let numbers = overlay.entries.iter().map(|entry| entry.prefix);
        overlay.buckets = Some(Buckets::build(overlay.entries.len(), numbers));
        overlay
    }

    fn add(&mut self, segment: &VerifiedSegment, generation: Generation) {
        for index in 0..segment.upsert_count() {
            if let Some(row) = segment.upsert(index) {
                let change = Change::Upsert { index: index as u32 };
                self.entries.push(Entry { prefix: tag_prefix(row.tag()), generation, change });
            }
        }
        for revoke in segment.revokes() {
            let change = Change::Revoke { reason: revoke.reason };
            self.entries.push(Entry { prefix: u64::from_be_bytes(revoke.prefix), generation, change });
        }
        self.owner_kills.extend(segment.owner_kills().map(|kill| (kill.owner, generation, kill.reason)));
        if segment.has_keyspace_kill() {
            self.keyspace_kill = Some(generation);
        }
    }

    pub(crate) fn segments(&self) -> &[VerifiedSegment] {
        &self.segments
    }

    pub(crate) fn into_segments(self) -> Vec<VerifiedSegment> {
        self.segments
    }

    pub(crate) fn find(&self, tag: &[u8; 16]) -> Option<Found<'_>> {
        let prefix = tag_prefix(tag);
        let range = self.buckets.as_ref()?.range(prefix);
        let entries = self.entries.get(range)?;
        for entry in entries.iter().filter(|entry| entry.prefix == prefix) {
            match entry.change {
                Change::Revoke { reason } => return Some(Found::Revoked(reason)),
                Change::Upsert { index } => {
                    let segment = self.segments.get(usize::from(entry.generation) - 1)?;
                    let row = segment.upsert(index as usize)?;
                    if row.tag() == tag {
                        return Some(Found::Row(row, entry.generation));
                    }
                }
            }
        }
        None
    }

    /// The kill that a row of this generation falls to, if any.
    pub(crate) fn kill(&self, row: &RowView<'_>, generation: Generation) -> Option<Reason> {
        if self.keyspace_kill.is_some_and(|kill| kill > generation) {
            return Some(Reason::Unspecified);
        }
        // Most snapshots hold no owner kill; only then is the owner hashed.
        if self.owner_kills.is_empty() {
            return None;
        }
        let owner = owner_tag(row.profile().owner()?);
        let from = self.owner_kills.partition_point(|(killed, _, _)| *killed < owner);
        let (killed, newest, reason) = self.owner_kills.get(from)?;
        (*killed == owner && *newest > generation).then_some(*reason)
    }
}
