//! Building a base: rows in tag order become shards, leaf pages and a root. `spec/snapshot.md` section 7.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;

use crate::body::ObjectRef;
use crate::index::{Level, Shape, encode};
use crate::profile::{EncodedProfile, Profile};
use crate::row::{BareRow, NewRow};
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltBase {
    pub root: ObjectRef,
    pub shard_bits: u8,
    /// Rows in the base.
    pub rows: u64,
    /// In the order of their numbers: what [`BaseBuilder::keep`] takes when the next base is built.
    pub shards: Vec<BuiltShard>,
    /// Leaf pages, and the root.
    pub pages: Vec<ObjectRef>,
}

/// A shard of a base that was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltShard {
    /// `None`: no tag falls into it.
    pub object: Option<ObjectRef>,
    pub rows: u32,
}

impl BuiltBase {
    /// Every body of the base.
    pub fn bodies(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.shards.iter().filter_map(|shard| shard.object).chain(self.pages.iter().copied())
    }

    /// Bytes of all bodies.
    pub fn bytes(&self) -> u64 {
        self.bodies().map(|object| u64::from(object.length)).sum()
    }
}

/// Builds a base from rows in tag order, handing out each body as soon as it is complete: shards first, then leaf pages, then the
/// root. Holds one shard and the index in memory. The same rows give the same bytes, whichever shards were kept.
pub struct BaseBuilder<F> {
    keyspace: u64,
    shape: Shape,
    emit: F,
    table: TableWriter,
    /// Those that are complete.
    shards: Vec<BuiltShard>,
    pages: Vec<ObjectRef>,
    /// Of the leaf that is being filled, whether it lists anything that an earlier base's leaf did not.
    leaf_is_new: bool,
    /// Profiles with address rules, of the shard that is being filled: compiling those costs far more than comparing them.
    compiled: BTreeMap<Profile, EncodedProfile>,
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
        Ok(Self {
            keyspace,
            shape: Shape { shard_bits },
            emit,
            table: TableWriter::default(),
            shards: Vec::new(),
            pages: Vec::new(),
            leaf_is_new: false,
            compiled: BTreeMap::new(),
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Refusal::NotCanonical`] if rows do not come strictly ascending by tag, [`Refusal::LimitExceeded`] or [`Refusal::TooLong`] if a
    /// shard outgrows its bounds.
    pub fn push(&mut self, row: &NewRow) -> Result<(), Refusal> {
        if row.profile.ip_rules.is_empty() {
            return self.push_encoded(&row.bare(), &row.profile.encoded()?);
        }
        self.start_shard_of(&row.tag)?;
        let profile = match self.compiled.entry(row.profile.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(row.profile.encoded()?),
        };
        self.table.push(&row.bare(), profile)
    }

    /// Adds a row whose profile was encoded before.
    ///
    /// # Errors
    /// As [`BaseBuilder::push`].
    pub fn push_encoded(&mut self, row: &BareRow, profile: &EncodedProfile) -> Result<(), Refusal> {
        self.start_shard_of(&row.tag)?;
        self.table.push(row, profile)
    }

    /// Takes the shard of this number over from an earlier base of as many shards, whose bodies are all still there. Its rows are not pushed.
    ///
    /// # Errors
    /// [`Refusal::NotCanonical`] if the number does not come in its turn, or rows of the shard were pushed; else as [`BaseBuilder::push`].
    pub fn keep(&mut self, number: u32, shard: BuiltShard) -> Result<(), Refusal> {
        self.end_shards_before(number)?;
        if self.table.len() > 0 || number >= self.shape.shards() {
            return Err(Refusal::NotCanonical);
        }
        self.list(shard)
    }

    /// Completes the last shard and the index.
    ///
    /// # Errors
    /// As [`BaseBuilder::push`].
    pub fn finish(mut self) -> Result<BuiltBase, Refusal> {
        self.end_shards_before(self.shape.shards())?;
        let leaves: Vec<_> = self.pages.iter().copied().map(Some).collect();
        let page = encode(self.keyspace, Level::Root, 0, &leaves)?;
        let root = ObjectRef::to(&page)?;
        (self.emit)(root, page);
        self.pages.push(root);
        let rows = self.shards.iter().map(|shard| u64::from(shard.rows)).sum();
        let Self { shape: Shape { shard_bits }, shards, pages, .. } = self;
        Ok(BuiltBase { root, shard_bits, rows, shards, pages })
    }

    /// The number of the shard that is being filled.
    fn current(&self) -> u32 {
        // At most 2^20.
        self.shards.len() as u32
    }

    fn start_shard_of(&mut self, tag: &[u8; 16]) -> Result<(), Refusal> {
        self.end_shards_before(shard_of(tag, self.shape.shard_bits))
    }

    fn end_shards_before(&mut self, number: u32) -> Result<(), Refusal> {
        if number < self.current() {
            return Err(Refusal::NotCanonical);
        }
        while self.current() < number {
            self.end_shard()?;
        }
        Ok(())
    }

    fn end_shard(&mut self) -> Result<(), Refusal> {
        // Of an empty shard too: it may have had rows in an earlier base.
        self.leaf_is_new = true;
        let rows = self.table.counts().rows;
        if rows == 0 {
            return self.list(BuiltShard { object: None, rows });
        }
        let bytes = shard::encode(self.keyspace, self.shape.shard_bits, self.current(), &self.table)?;
        self.table.clear();
        self.compiled.clear();
        let object = ObjectRef::to(&bytes)?;
        (self.emit)(object, bytes);
        self.list(BuiltShard { object: Some(object), rows })
    }

    fn list(&mut self, shard: BuiltShard) -> Result<(), Refusal> {
        self.shards.push(shard);
        let leaf = self.shape.shards_per_leaf() as usize;
        if !self.shards.len().is_multiple_of(leaf) {
            return Ok(());
        }
        let listed: Vec<_> =
            self.shards[self.shards.len() - leaf..].iter().map(|shard| shard.object).collect();
        // At most 1,024 leaves.
        let number = self.pages.len() as u32;
        let page = encode(self.keyspace, Level::Leaf, number, &listed)?;
        let object = ObjectRef::to(&page)?;
        if core::mem::take(&mut self.leaf_is_new) {
            (self.emit)(object, page);
        }
        self.pages.push(object);
        Ok(())
    }
}
