//! Shards: self-contained slices of the base. `spec/snapshot.md` section 7.

use alloc::vec::Vec;

use crate::body::{HashedBody, ObjectRef};
use crate::buckets::Buckets;
use crate::profiles::Pool;
use crate::reader::Reader;
use crate::row::RowView;
use crate::table::{Counts, Table, TableWriter, tag_prefix};
use crate::{Refusal, limits};

pub(crate) const MAGIC: [u8; 4] = *b"LKSH";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 28;
const _: () = assert!(limits::SHARD_ROWS <= Buckets::MOST);

/// The shard that a tag belongs to.
pub(crate) fn shard_of(tag: &[u8; 16], shard_bits: u8) -> u32 {
    // A shift by 64 would overflow; with no bits there is one shard.
    if shard_bits == 0 { 0 } else { (tag_prefix(tag) >> (64 - u32::from(shard_bits))) as u32 }
}

pub(crate) fn encode(
    keyspace: u64,
    shard_bits: u8,
    number: u32,
    table: &TableWriter,
) -> Result<Vec<u8>, Refusal> {
    let counts = table.counts();
    let mut out = Vec::with_capacity(HEADER_BYTES + table.bytes());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, shard_bits]);
    out.extend_from_slice(&counts.profiles.to_le_bytes());
    out.extend_from_slice(&keyspace.to_le_bytes());
    for count in [number, counts.rows, counts.profile_bytes] {
        out.extend_from_slice(&count.to_le_bytes());
    }
    table.write(&mut out);
    if out.len() > limits::SHARD_BYTES { Err(Refusal::TooLong) } else { Ok(out) }
}

/// A shard that is the one its index names, with the look-up index over its rows.
#[derive(Debug)]
pub(crate) struct VerifiedShard {
    table: Table,
    buckets: Buckets,
}

impl VerifiedShard {
    pub(crate) fn verify(
        object: &ObjectRef,
        body: &HashedBody,
        keyspace: u64,
        shard_bits: u8,
    ) -> Result<Self, Refusal> {
        object.admit(body)?;
        let bytes = body.bytes();
        if bytes.len() > limits::SHARD_BYTES {
            return Err(Refusal::TooLong);
        }
        let mut reader = Reader::new(bytes);
        reader.header(MAGIC, VERSION)?;
        if reader.u8()? != shard_bits {
            return Err(Refusal::NotCanonical);
        }
        let profiles = reader.u16()?;
        if reader.u64()? != keyspace {
            return Err(Refusal::KeyspaceMismatch);
        }
        let number = reader.u32()?;
        let counts = Counts { rows: reader.u32()?, profiles, profile_bytes: reader.u32()? };
        let table = Table::verify(reader, &counts)?;
        if table.tags().any(|tag| shard_of(tag, shard_bits) != number) {
            return Err(Refusal::NotCanonical);
        }
        let buckets =
            Buckets::build(table.len(), table.tags().map(|tag| spread(tag_prefix(tag), shard_bits)));
        Ok(Self { table, buckets })
    }

    /// The shard number that a body claims, to find the promise to check it against.
    pub(crate) fn claimed_number(bytes: &[u8]) -> Result<u32, Refusal> {
        let mut reader = Reader::new(bytes);
        reader.header(MAGIC, VERSION)?;
        reader.take(1 + 2 + 8)?;
        reader.u32()
    }

    /// Bytes of memory that the shard takes, without profiles that it shares.
    pub(crate) fn memory(&self) -> usize {
        self.table.bytes() + self.buckets.bytes() + size_of::<Self>()
    }

    /// Keeps its profiles in `pool` if that is likely to save anything.
    pub(crate) fn share_profiles(&mut self, pool: &mut Pool) {
        self.table.share_profiles(pool);
    }

    /// Gives up the shard, and what `pool` has for it alone.
    pub(crate) fn release(self, pool: &mut Pool) {
        self.table.release(pool);
    }

    pub(crate) fn find(&self, wanted: &[u8; 16], shard_bits: u8) -> Option<RowView<'_>> {
        let range = self.buckets.range(spread(tag_prefix(wanted), shard_bits));
        self.table.row(self.table.position(range, wanted)?)
    }
}

/// All tags of a shard begin with the same bits; without them the rest spreads over the whole range.
fn spread(prefix: u64, shard_bits: u8) -> u64 {
    prefix << shard_bits
}
