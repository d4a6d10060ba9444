//! Rows with the profiles they use, as shards and segments both hold them: `spec/snapshot.md` section 4.

use alloc::vec::Vec;
use core::hash::BuildHasher;
use core::ops::Range;

use hashbrown::DefaultHashBuilder;
use hashbrown::hash_table::{Entry, HashTable};

use crate::profile::{EncodedProfile, ProfileBytes};
use crate::profiles::{Pool, Profiles};
use crate::reader::Reader;
use crate::row::{BareRow, ROW_BYTES, RowView, flags_are_known, profile_index, tag};
use crate::{Refusal, limits};

/// A row in memory. Aligned, so that none of them lies in two cache lines.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct AlignedRow([u8; ROW_BYTES]);

/// The rows and profiles of a verified body.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    rows: Vec<AlignedRow>,
    profiles: Profiles,
}

/// Counts that stand in a body's own header.
pub(crate) struct Counts {
    pub(crate) rows: u32,
    pub(crate) profiles: u16,
    pub(crate) profile_bytes: u32,
}

impl Table {
    /// Reads and checks everything that is left in `reader`.
    pub(crate) fn verify(mut reader: Reader<'_>, counts: &Counts) -> Result<Self, Refusal> {
        let row_count = counts.rows as usize;
        if row_count > limits::SHARD_ROWS {
            return Err(Refusal::LimitExceeded);
        }
        let (rows, _) = reader.take(row_count * ROW_BYTES)?.as_chunks();
        let (offsets, _) = reader.take(usize::from(counts.profiles) * size_of::<u32>())?.as_chunks();
        let profiles = reader.take(counts.profile_bytes as usize)?;
        reader.finish()?;
        check_rows(rows, counts.profiles.into())?;
        let offsets = offsets.iter().map(|offset| u32::from_le_bytes(*offset)).chain([counts.profile_bytes]);
        let rows = rows.iter().copied().map(AlignedRow).collect();
        Ok(Self { rows, profiles: Profiles::verify(offsets.collect(), profiles.to_vec())? })
    }

    /// Keeps its profiles in `pool` if that is likely to save anything.
    pub(crate) fn share_profiles(&mut self, pool: &mut Pool) {
        pool.share(&mut self.profiles, self.rows.len());
    }

    /// Gives up the rows, and what `pool` has for them alone.
    pub(crate) fn release(self, pool: &mut Pool) {
        pool.release(self.profiles);
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows.len() * ROW_BYTES + self.profiles.bytes()
    }

    pub(crate) fn tags(&self) -> impl ExactSizeIterator<Item = &[u8; 16]> + '_ {
        self.rows.iter().map(|AlignedRow(row)| tag(row))
    }

    /// The index of the row with this tag, if it is in the range.
    pub(crate) fn position(&self, mut range: Range<usize>, wanted: &[u8; 16]) -> Option<usize> {
        range.find(|index| self.rows.get(*index).is_some_and(|AlignedRow(row)| tag(row) == wanted))
    }

    pub(crate) fn row(&self, index: usize) -> Option<RowView<'_>> {
        let AlignedRow(row) = self.rows.get(index)?;
        let profile = self.profiles.get(profile_index(row).into())?;
        Some(RowView::new(row, ProfileBytes::of_verified(profile)))
    }
}

fn check_rows(rows: &[[u8; ROW_BYTES]], profile_count: usize) -> Result<(), Refusal> {
    let mut last = None;
    let mut profiles_seen = 0;
    for row in rows {
        let profile = usize::from(profile_index(row));
        let in_order = last.is_none_or(|last| last < tag(row));
        // In the order of first use: each row repeats a profile or introduces the next one.
        if !in_order || !flags_are_known(row) || profile > profiles_seen {
            return Err(Refusal::NotCanonical);
        }
        profiles_seen = profiles_seen.max(profile + 1);
        last = Some(tag(row));
    }
    if profiles_seen == profile_count { Ok(()) } else { Err(Refusal::NotCanonical) }
}

/// The first 8 bytes of a tag as a number that orders as the tag does.
pub(crate) fn tag_prefix(tag: &[u8; 16]) -> u64 {
    let mut prefix = [0; 8];
    prefix.copy_from_slice(&tag[..8]);
    u64::from_be_bytes(prefix)
}

/// Collects rows in tag order and writes what [`Table::verify`] reads.
#[derive(Default)]
pub(crate) struct TableWriter {
    rows: Vec<u8>,
    last_tag: Option<[u8; 16]>,
    /// Where each profile begins.
    offsets: Vec<u32>,
    profiles: Vec<u8>,
    /// Indices of profiles, by their bytes.
    known: HashTable<u16>,
    hasher: DefaultHashBuilder,
}

impl TableWriter {
    pub(crate) fn push(&mut self, row: &BareRow, profile: &EncodedProfile) -> Result<(), Refusal> {
        if self.last_tag.is_some_and(|last| last >= row.tag) {
            return Err(Refusal::NotCanonical);
        }
        let profile = self.profile(profile.bytes())?;
        row.write(profile, &mut self.rows)?;
        self.last_tag = Some(row.tag);
        if self.len() > limits::SHARD_ROWS { Err(Refusal::LimitExceeded) } else { Ok(()) }
    }

    fn profile(&mut self, bytes: &[u8]) -> Result<u16, Refusal> {
        let hash = self.hasher.hash_one(bytes);
        let Self { offsets, profiles, known, hasher, .. } = self;
        let found = known.entry(
            hash,
            |index| profile_at(offsets, profiles, *index) == bytes,
            |index| hasher.hash_one(profile_at(offsets, profiles, *index)),
        );
        let index = u16::try_from(offsets.len());
        match found {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(free) => {
                let index = index.map_err(|_| Refusal::LimitExceeded)?;
                free.insert(index);
                offsets.push(u32::try_from(profiles.len()).map_err(|_| Refusal::TooLong)?);
                profiles.extend_from_slice(bytes);
                Ok(index)
            }
        }
    }

    /// Forgets all rows, and keeps the room they took.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.last_tag = None;
        self.offsets.clear();
        self.profiles.clear();
        self.known.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len() / ROW_BYTES
    }

    /// Bytes that [`TableWriter::write`] will write.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.len() + self.offsets.len() * size_of::<u32>() + self.profiles.len()
    }

    pub(crate) fn counts(&self) -> Counts {
        // `push` refuses what would not fit.
        Counts {
            rows: self.len() as u32,
            profiles: self.offsets.len() as u16,
            profile_bytes: self.profiles.len() as u32,
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.rows);
        for offset in &self.offsets {
            out.extend_from_slice(&offset.to_le_bytes());
        }
        out.extend_from_slice(&self.profiles);
    }
}

fn profile_at<'a>(offsets: &[u32], profiles: &'a [u8], index: u16) -> &'a [u8] {
    let index = usize::from(index);
    let end = offsets.get(index + 1).map_or(profiles.len(), |end| *end as usize);
    offsets.get(index).and_then(|start| profiles.get(*start as usize..end)).unwrap_or_default()
}
