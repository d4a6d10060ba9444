//! The two-level index that leads from a head to its shards: `spec/snapshot.md` section 7.

use alloc::vec::Vec;

use crate::body::{HashedBody, ObjectRef};
use crate::reader::Reader;
use crate::{Refusal, limits};

pub(crate) const MAGIC: [u8; 4] = *b"LKIX";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 20;
const EMPTY: [u8; ObjectRef::BYTES] = [0; ObjectRef::BYTES];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Leaf = 0,
    Root = 1,
}

/// The shape of a base with `2^shard_bits` shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) shard_bits: u8,
}

impl Shape {
    fn leaf_bits(self) -> u8 {
        self.shard_bits.min(limits::LEAF_BITS)
    }

    pub(crate) fn shards(self) -> u32 {
        1 << self.shard_bits
    }

    pub(crate) fn leaves(self) -> u32 {
        1 << (self.shard_bits - self.leaf_bits())
    }

    pub(crate) fn shards_per_leaf(self) -> u32 {
        1 << self.leaf_bits()
    }

    /// Which leaf a shard is listed in, and where.
    pub(crate) fn locate(self, shard: u32) -> (u32, u32) {
        (shard >> self.leaf_bits(), shard & (self.shards_per_leaf() - 1))
    }

    /// The shard that a leaf lists at `position`.
    pub(crate) fn number(self, leaf: u32, position: u32) -> u32 {
        leaf << self.leaf_bits() | position
    }
}

pub(crate) fn encode(
    keyspace: u64,
    level: Level,
    number: u32,
    entries: &[Option<ObjectRef>],
) -> Result<Vec<u8>, Refusal> {
    let count = u16::try_from(entries.len()).map_err(|_| Refusal::LimitExceeded)?;
    let mut out = Vec::with_capacity(HEADER_BYTES + entries.len() * ObjectRef::BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, level as u8]);
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&keyspace.to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    for entry in entries {
        match entry {
            Some(object) => object.write(&mut out),
            None => out.extend_from_slice(&EMPTY),
        }
    }
    Ok(out)
}

/// An index page that is the one its parent names.
#[derive(Debug)]
pub(crate) struct Page {
    bytes: Vec<u8>,
    sha256: [u8; 32],
}

impl Page {
    pub(crate) fn verify(
        object: &ObjectRef,
        body: HashedBody,
        keyspace: u64,
        level: Level,
        number: u32,
        shape: Shape,
    ) -> Result<Self, Refusal> {
        object.admit(&body)?;
        let HashedBody { bytes, sha256 } = body;
        if bytes.len() > limits::PAGE_BYTES {
            return Err(Refusal::TooLong);
        }
        let mut reader = Reader::new(&bytes);
        reader.header(MAGIC, VERSION)?;
        let claimed_level = reader.u8()?;
        let count = u32::from(reader.u16()?);
        if reader.u64()? != keyspace {
            return Err(Refusal::KeyspaceMismatch);
        }
        let expected = if level == Level::Root { shape.leaves() } else { shape.shards_per_leaf() };
        if claimed_level != level as u8 || reader.u32()? != number || count != expected {
            return Err(Refusal::NotCanonical);
        }
        for _ in 0..count {
            let entry = ObjectRef::read(&mut reader)?;
            let empty = entry.sha256 == [0; 32];
            // Half-empty entries have a second encoding, and a root always leads to its leaves.
            if (entry.length == 0) != empty || (empty && level == Level::Root) {
                return Err(Refusal::NotCanonical);
            }
        }
        reader.finish()?;
        Ok(Self { bytes, sha256 })
    }

    /// Level and number that a body claims, to find the promise to check it against.
    pub(crate) fn claims(bytes: &[u8]) -> Result<(Level, u32), Refusal> {
        let mut reader = Reader::new(bytes);
        reader.header(MAGIC, VERSION)?;
        let level = match reader.u8()? {
            0 => Level::Leaf,
            1 => Level::Root,
            _ => return Err(Refusal::NotCanonical),
        };
        reader.take(2 + 8)?;
        Ok((level, reader.u32()?))
    }

    pub(crate) fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The promise at `position`; `None` for an empty shard, or past the end.
    pub(crate) fn entry(&self, position: u32) -> Option<ObjectRef> {
        let (entries, _) = self.bytes.get(HEADER_BYTES..)?.as_chunks::<{ ObjectRef::BYTES }>();
        let entry = entries.get(position as usize).filter(|entry| **entry != EMPTY)?;
        ObjectRef::read(&mut Reader::new(entry)).ok()
    }
}
