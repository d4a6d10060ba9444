//! The base in memory, and how one is built.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::body::{HashedBody, Kind, ObjectRef};
use crate::index::{Level, Page, Shape, encode};
use crate::row::{NewRow, RowView};
use crate::shard::{self, VerifiedShard, shard_of};
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

/// What the base says of a tag.
pub(crate) enum Found<'a> {
    Row(RowView<'a>),
    Absent,
    Needs(ObjectRef),
}

#[derive(Debug)]
struct Leaf {
    page: Page,
    shards: Vec<Option<Box<VerifiedShard>>>,
}

/// The index and those leaves and shards that are loaded.
#[derive(Debug)]
pub(crate) struct Base {
    keyspace: u64,
    shape: Shape,
    root: Page,
    leaves: Vec<Option<Leaf>>,
    loaded_bytes: usize,
    /// Where the next eviction sweep begins, so that shards share the fate of being reloaded.
    sweep_from: usize,
}

impl Base {
    pub(crate) fn new(
        object: &ObjectRef,
        body: HashedBody,
        keyspace: u64,
        shape: Shape,
    ) -> Result<Self, Refusal> {
        let root = Page::verify(object, body, keyspace, Level::Root, 0, shape)?;
        let leaves = (0..shape.leaves()).map(|_| None).collect();
        Ok(Self { keyspace, shape, root, leaves, loaded_bytes: 0, sweep_from: 0 })
    }

    pub(crate) fn root(&self) -> &Page {
        &self.root
    }

    pub(crate) fn loaded_bytes(&self) -> usize {
        self.loaded_bytes
    }

    pub(crate) fn find(&self, tag: &[u8; 16]) -> Found<'_> {
        let (leaf_number, position) = self.shape.locate(shard_of(tag, self.shape.shard_bits));
        let Some(leaf) = self.leaves.get(leaf_number as usize).and_then(Option::as_ref) else {
            return self.root.entry(leaf_number).map_or(Found::Absent, Found::Needs);
        };
        match leaf.shards.get(position as usize).and_then(Option::as_ref) {
            Some(shard) => shard.find(tag, self.shape.shard_bits).map_or(Found::Absent, Found::Row),
            None => leaf.page.entry(position).map_or(Found::Absent, Found::Needs),
        }
    }

    /// Every page and shard that is not loaded, as far as the loaded pages tell.
    pub(crate) fn missing(&self) -> Vec<ObjectRef> {
        let mut missing = Vec::new();
        for (number, leaf) in (0..).zip(&self.leaves) {
            match leaf {
                None => missing.extend(self.root.entry(number)),
                Some(leaf) => missing.extend(leaf.missing()),
            }
        }
        missing
    }

    /// Whether a leaf page or shard with this hash is loaded.
    pub(crate) fn holds(&self, sha256: &[u8; 32]) -> bool {
        let holds = |leaf: &Leaf| {
            leaf.page.sha256() == sha256 || leaf.loaded().any(|(entry, _)| entry.sha256 == *sha256)
        };
        self.leaves.iter().flatten().any(holds)
    }

    /// Takes a leaf page or a shard that a loaded page promises.
    pub(crate) fn supply(&mut self, body: HashedBody) -> Result<(), Refusal> {
        match body.kind()? {
            Kind::Page => self.supply_leaf(body),
            Kind::Shard => self.supply_shard(body),
            Kind::Policy | Kind::Segment => Err(Refusal::BodyUnexpected),
        }
    }

    fn supply_leaf(&mut self, body: HashedBody) -> Result<(), Refusal> {
        let (level, number) = Page::claims(&body.bytes)?;
        let promise = self.root.entry(number).filter(|_| level == Level::Leaf);
        let promise = promise.ok_or(Refusal::BodyUnexpected)?;
        let slot = self.leaves.get_mut(number as usize).ok_or(Refusal::BodyUnexpected)?;
        if slot.is_some() {
            return promise.admit(&body);
        }
        let page = Page::verify(&promise, body, self.keyspace, Level::Leaf, number, self.shape)?;
        let shards = (0..self.shape.shards_per_leaf()).map(|_| None).collect();
        *slot = Some(Leaf { page, shards });
        Ok(())
    }

    fn supply_shard(&mut self, body: HashedBody) -> Result<(), Refusal> {
        let number = VerifiedShard::claimed_number(&body.bytes)?;
        let (leaf_number, position) = self.shape.locate(number);
        let leaf = self.leaves.get_mut(leaf_number as usize).and_then(Option::as_mut);
        let leaf = leaf.ok_or(Refusal::BodyUnexpected)?;
        let promise = leaf.page.entry(position).ok_or(Refusal::BodyUnexpected)?;
        let slot = leaf.shards.get_mut(position as usize).ok_or(Refusal::BodyUnexpected)?;
        if slot.is_some() {
            return promise.admit(&body);
        }
        let shard = VerifiedShard::verify(&promise, body, self.keyspace, self.shape.shard_bits)?;
        self.loaded_bytes += shard.memory();
        *slot = Some(Box::new(shard));
        Ok(())
    }

    /// Moves over every leaf and shard of `old` that this base names too.
    pub(crate) fn adopt(&mut self, old: Self) {
        if old.shape != self.shape {
            return;
        }
        for ((number, slot), old_leaf) in (0..).zip(&mut self.leaves).zip(old.leaves) {
            let Some(old_leaf) = old_leaf else { continue };
            if slot.is_none() && self.root.entry(number).is_some_and(|e| e.sha256 == *old_leaf.page.sha256())
            {
                self.loaded_bytes += old_leaf.memory();
                *slot = Some(old_leaf);
            } else if let Some(leaf) = slot {
                self.loaded_bytes += leaf.adopt_shards(old_leaf);
            }
        }
    }

    /// Drops shards until at most `budget` bytes of them are loaded. They are fetched again when they are needed.
    pub(crate) fn evict_to(&mut self, budget: usize) {
        let leaves = self.leaves.len();
        for step in 0..leaves {
            let number = (self.sweep_from + step) % leaves;
            let Some(leaf) = self.leaves.get_mut(number).and_then(Option::as_mut) else { continue };
            for slot in &mut leaf.shards {
                if self.loaded_bytes <= budget {
                    self.sweep_from = number;
                    return;
                }
                if let Some(shard) = slot.take() {
                    self.loaded_bytes -= shard.memory();
                }
            }
        }
    }
}

impl Leaf {
    fn memory(&self) -> usize {
        self.shards.iter().flatten().map(|shard| shard.memory()).sum()
    }

    /// The loaded shards and what the page says of them.
    fn loaded(&self) -> impl Iterator<Item = (ObjectRef, &VerifiedShard)> + '_ {
        (0..).zip(&self.shards).filter_map(|(at, shard)| Some((self.page.entry(at)?, shard.as_deref()?)))
    }

    fn missing(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        (0..).zip(&self.shards).filter(|(_, shard)| shard.is_none()).filter_map(|(at, _)| self.page.entry(at))
    }

    fn adopt_shards(&mut self, old: Self) -> usize {
        let mut bytes = 0;
        for ((position, slot), shard) in (0..).zip(&mut self.shards).zip(old.shards) {
            let Some(shard) = shard.filter(|_| slot.is_none()) else { continue };
            if self.page.entry(position) == old.page.entry(position) {
                bytes += shard.memory();
                *slot = Some(shard);
            }
        }
        bytes
    }
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
