//! Rows with the profiles they use, as shards and segments both hold them: `spec/snapshot.md` section 4.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::profile::ProfileView;
use crate::reader::Reader;
use crate::row::{NewRow, ROW_BYTES, RowView, flags_are_known, profile_index, tag};
use crate::{Refusal, limits};

/// Where a verified body keeps its rows, profile offsets and profiles. Holds positions instead of borrows, so that it can
/// live beside the bytes it describes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    rows_at: usize,
    row_count: usize,
    offsets_at: usize,
    profile_count: usize,
    profiles_at: usize,
    profiles_end: usize,
}

/// Counts that stand in a body's own header.
pub(crate) struct Counts {
    pub(crate) rows: u32,
    pub(crate) profiles: u16,
    pub(crate) profile_bytes: u32,
}

impl Table {
    /// Reads and checks everything from `reader`, which ends with the table, as the end of `body`.
    pub(crate) fn verify(body: &[u8], mut reader: Reader<'_>, counts: &Counts) -> Result<Self, Refusal> {
        let row_count = counts.rows as usize;
        if row_count > limits::SHARD_ROWS {
            return Err(Refusal::LimitExceeded);
        }
        let profile_count = usize::from(counts.profiles);
        let rows_at = body.len() - reader.remaining();
        reader.take(row_count * ROW_BYTES)?;
        let offsets_at = body.len() - reader.remaining();
        reader.take(profile_count * size_of::<u32>())?;
        let profiles_at = body.len() - reader.remaining();
        reader.take(counts.profile_bytes as usize)?;
        reader.finish()?;
        let table =
            Self { rows_at, row_count, offsets_at, profile_count, profiles_at, profiles_end: body.len() };
        table.check_rows(body)?;
        table.check_profiles(body)?;
        Ok(table)
    }

    fn check_rows(&self, body: &[u8]) -> Result<(), Refusal> {
        let mut last = None;
        let mut profiles_seen = 0;
        for row in self.rows(body) {
            let profile = usize::from(profile_index(row));
            let in_order = last.is_none_or(|last| last < tag(row));
            // In the order of first use: each row repeats a profile or introduces the next one.
            if !in_order || !flags_are_known(row) || profile > profiles_seen {
                return Err(Refusal::NotCanonical);
            }
            profiles_seen = profiles_seen.max(profile + 1);
            last = Some(tag(row));
        }
        if profiles_seen == self.profile_count { Ok(()) } else { Err(Refusal::NotCanonical) }
    }

    fn check_profiles(&self, body: &[u8]) -> Result<(), Refusal> {
        let mut end = 0;
        for index in 0..self.profile_count {
            let (start, stop) = self.profile_span(body, index).ok_or(Refusal::NotCanonical)?;
            if start != end {
                return Err(Refusal::NotCanonical);
            }
            end = stop;
            let bytes = body.get(self.profiles_at + start..self.profiles_at + stop);
            ProfileView::verify(bytes.ok_or(Refusal::NotCanonical)?)?;
        }
        if self.profiles_at + end == self.profiles_end { Ok(()) } else { Err(Refusal::NotCanonical) }
    }

    /// Start and end of a profile within the profile bytes; `None` if they are out of order.
    fn profile_span(&self, body: &[u8], index: usize) -> Option<(usize, usize)> {
        let offset = |index: usize| {
            let at = self.offsets_at + index * size_of::<u32>();
            body.get(at..)?.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes) as usize)
        };
        let start = offset(index)?;
        let end = if index + 1 < self.profile_count {
            offset(index + 1)?
        } else {
            self.profiles_end - self.profiles_at
        };
        (start <= end).then_some((start, end))
    }

    pub(crate) fn len(&self) -> usize {
        self.row_count
    }

    pub(crate) fn rows<'a>(&self, body: &'a [u8]) -> &'a [[u8; ROW_BYTES]] {
        let bytes = body.get(self.rows_at..self.rows_at + self.row_count * ROW_BYTES).unwrap_or(&[]);
        bytes.as_chunks().0
    }

    pub(crate) fn row<'a>(&self, body: &'a [u8], index: usize) -> Option<RowView<'a>> {
        let row = self.rows(body).get(index)?;
        let (start, end) = self.profile_span(body, profile_index(row).into())?;
        let profile = body.get(self.profiles_at + start..self.profiles_at + end)?;
        Some(RowView::new(row, ProfileView::of_verified(profile)))
    }
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
    offsets: Vec<u32>,
    profiles: Vec<u8>,
    known: BTreeMap<Vec<u8>, u16>,
}

impl TableWriter {
    pub(crate) fn push(&mut self, row: &NewRow) -> Result<(), Refusal> {
        if self.last_tag.is_some_and(|last| last >= row.tag) {
            return Err(Refusal::NotCanonical);
        }
        let profile = self.profile(row)?;
        row.write(profile, &mut self.rows)?;
        self.last_tag = Some(row.tag);
        if self.len() > limits::SHARD_ROWS { Err(Refusal::LimitExceeded) } else { Ok(()) }
    }

    fn profile(&mut self, row: &NewRow) -> Result<u16, Refusal> {
        let bytes = row.profile.encode()?;
        if let Some(index) = self.known.get(&bytes) {
            return Ok(*index);
        }
        let index = u16::try_from(self.offsets.len()).map_err(|_| Refusal::LimitExceeded)?;
        self.offsets.push(u32::try_from(self.profiles.len()).map_err(|_| Refusal::TooLong)?);
        self.profiles.extend_from_slice(&bytes);
        self.known.insert(bytes, index);
        Ok(index)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len() / ROW_BYTES
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
