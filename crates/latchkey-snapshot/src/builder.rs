//! Building a base: rows in tag order become shards, leaf pages and a root. `spec/snapshot.md` section 7.

use alloc::vec::Vec;

use crate::body::ObjectRef;
use crate::index::{Level, Shape, encode};
use crate::row::NewRow;
use crate::shard::{self, shard_of};
use crate::table::TableWriter;
use crate::{Refusal, limits};

/// Rows that a shard holds at most on average.
const ROWS_PER_SHARD: u64 = 2_000;

/// `shard_bits` for a base of this many rows: on average 1,000 to 2,000 rows a shard.
pub fn shard_bits_for(rows: u64) -> u8 {
    let shards = rows.div_ceil(ROWS_PER_SHARD).max(1).next_power_of_two();
    // The logarithm of a u64 fits a byte.
    (shards.trailing_zeros() as u8).min(limits::SHARD_BITS)
}

/// What [`BaseBuilder::finish`] ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltBase {
    pub root: ObjectRef,
    pub shard_bits: u8,
    /// Rows in the base.
    pub rows: u64,
}

/// Builds a base from rows in tag order, handing out each body as soon as it is complete: shards first, then leaf pages, then the
/// root. Holds one shard and the index in memory.
pub struct BaseBuilder<F> {
    keyspace: u64,
    shape: Shape,
    emit: F,
    current: u32,
    table: TableWriter,
    shards: Vec<Option<ObjectRef>>,
    leaves: Vec<Option<ObjectRef>>,
    rows: u64,
}

impl<F: FnMut(ObjectRef, Vec<u8>)> BaseBuilder<F> {
    /// `shard_bits` from [`shard_bits_for`]; `emit` takes each body with the reference that leads to it.
    ///
    /// # Errors
    /// [`Refusal::LimitExceeded`] for more than 20 shard bits.
    pub fn new(keyspace: u64, shard_bits: u8, emit: F) -> Result<Self, Refusal> {
        if shard_bits > limits::SHARD_BITS {
            return Err(Refusal::LimitExceeded);
        }
        let shape = Shape { shard_bits };
        let (table, shards, leaves) = (TableWriter::default(), Vec::new(), Vec::new());
        Ok(Self { keyspace, shape, emit, current: 0, table, shards, leaves, rows: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Refusal::NotCanonical`] if rows do not come strictly ascending by tag, [`Refusal::LimitExceeded`] or [`Refusal::TooLong`] if a
    /// shard outgrows its bounds.
    pub fn push(&mut self, row: &NewRow) -> Result<(), Refusal> {
        let number = shard_of(&row.tag, self.shape.shard_bits);
        if number < self.current {
            return Err(Refusal::NotCanonical);
        }
        while self.current < number {
            self.end_shard()?;
        }
        self.table.push(row)?;
        self.rows += 1;
        Ok(())
    }

    /// Completes the last shard and the index.
    ///
    /// # Errors
    /// As [`BaseBuilder::push`].
    pub fn finish(mut self) -> Result<BuiltBase, Refusal> {
        let shards = 1u32 << self.shape.shard_bits;
        while self.current < shards {
            self.end_shard()?;
        }
        let page = encode(self.keyspace, Level::Root, 0, &self.leaves)?;
        let root = ObjectRef::to(&page)?;
        (self.emit)(root, page);
        Ok(BuiltBase { root, shard_bits: self.shape.shard_bits, rows: self.rows })
    }

    fn end_shard(&mut self) -> Result<(), Refusal> {
        let table = core::mem::take(&mut self.table);
        let object = if table.len() == 0 {
            None
        } else {
            let bytes = shard::encode(self.keyspace, self.shape.shard_bits, self.current, &table)?;
            let object = ObjectRef::to(&bytes)?;
            (self.emit)(object, bytes);
            Some(object)
        };
        self.shards.push(object);
        self.current += 1;
        if self.shards.len() == self.shape.shards_per_leaf() as usize {
            self.end_leaf()?;
        }
        Ok(())
    }

    fn end_leaf(&mut self) -> Result<(), Refusal> {
        // At most 1,024 leaves.
        let number = self.leaves.len() as u32;
        let page = encode(self.keyspace, Level::Leaf, number, &self.shards)?;
        let object = ObjectRef::to(&page)?;
        (self.emit)(object, page);
        self.leaves.push(Some(object));
        self.shards.clear();
        Ok(())
    }
}
