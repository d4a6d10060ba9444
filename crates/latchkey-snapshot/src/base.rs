//! The base in memory: the index, and those shards that were needed of late.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::Refusal;
use crate::absent::Absent;
use crate::body::{HashedBody, Kind, ObjectRef};
use crate::index::{Level, Page, Shape};
use crate::limits;
use crate::profiles::Pool;
use crate::row::RowView;
use crate::shard::{VerifiedShard, shard_of};

/// A shard in which nothing was found for this many loads is the first to go: it was loaded for an unknown key. So a flood of made-up
/// keys takes turns in a few shards' room, and does not push out what real keys need.
const PROBATION: u32 = 32;
/// Index pages may take this part of a budget, if no shard needs them.
const PAGES_SHARE: usize = 4;

/// What the base says of a tag.
pub(crate) enum Found<'a> {
    Row(RowView<'a>),
    Absent,
    Needs(ObjectRef),
}

#[derive(Debug)]
struct Leaf {
    page: Page,
    shards: Vec<Option<Box<LoadedShard>>>,
    loaded: usize,
}

#[derive(Debug)]
struct LoadedShard {
    shard: VerifiedShard,
    /// The load with which it came, counted from 1.
    loaded_at: u32,
    /// The newest load when a row of it was last found; 0 if none was. Atomic because look-ups only read.
    found_at: AtomicU32,
}

/// The index and those leaves and shards that are loaded.
#[derive(Debug)]
pub(crate) struct Base {
    keyspace: u64,
    shape: Shape,
    root: Page,
    leaves: Vec<Option<Leaf>>,
    /// The numbers of the loaded shards, in no order.
    loaded: Vec<u32>,
    pool: Pool,
    /// Of the shards, without the profiles in the pool.
    shard_bytes: usize,
    page_bytes: usize,
    /// Shards loaded so far.
    loads: u32,
    newest_leaf: u32,
    absent: Absent,
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
        // A small base is loaded whole and stays so: nothing is asked for twice.
        let absent = if shape.shard_bits > limits::EAGER_SHARD_BITS { Absent::new() } else { Absent::NONE };
        Ok(Self {
            keyspace,
            shape,
            root,
            leaves,
            loaded: Vec::new(),
            pool: Pool::default(),
            shard_bytes: 0,
            page_bytes: 0,
            loads: 0,
            newest_leaf: 0,
            absent,
        })
    }

    pub(crate) fn root(&self) -> &Page {
        &self.root
    }

    /// Bytes that the loaded shards and leaf pages take.
    pub(crate) fn loaded_bytes(&self) -> usize {
        self.shard_bytes + self.page_bytes + self.pool.bytes()
    }

    pub(crate) fn find(&self, tag: &[u8; 16]) -> Found<'_> {
        let (leaf_number, position) = self.shape.locate(shard_of(tag, self.shape.shard_bits));
        let Some(leaf) = self.leaves.get(leaf_number as usize).and_then(Option::as_ref) else {
            return self.unless_absent(tag, self.root.entry(leaf_number));
        };
        let Some(held) = leaf.shards.get(position as usize).and_then(Option::as_ref) else {
            return self.unless_absent(tag, leaf.page.entry(position));
        };
        if let Some(row) = held.shard.find(tag, self.shape.shard_bits) {
            held.found_at.store(self.loads, Ordering::Relaxed);
            return Found::Row(row);
        }
        self.absent.note(tag);
        Found::Absent
    }

    fn unless_absent(&self, tag: &[u8; 16], needed: Option<ObjectRef>) -> Found<'_> {
        match needed {
            Some(object) if !self.absent.knows(tag) => Found::Needs(object),
            _ => Found::Absent,
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
            leaf.page.sha256() == sha256 || leaf.named().any(|(entry, _)| entry.sha256 == *sha256)
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
        let leaf = Leaf { page, shards, loaded: 0 };
        self.page_bytes += leaf.own_memory();
        self.newest_leaf = number;
        *slot = Some(leaf);
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
        let mut shard = VerifiedShard::verify(&promise, &body, self.keyspace, self.shape.shard_bits)?;
        shard.share_profiles(&mut self.pool);
        self.loads += 1;
        let held = LoadedShard { shard, loaded_at: self.loads, found_at: AtomicU32::new(0) };
        self.shard_bytes += held.memory();
        self.loaded.push(number);
        leaf.loaded += 1;
        *slot = Some(Box::new(held));
        Ok(())
    }

    /// Moves over every leaf and shard of `old` that this base names too.
    pub(crate) fn adopt(&mut self, old: Self) {
        if old.shape != self.shape {
            return;
        }
        self.loads = self.loads.max(old.loads);
        for ((number, slot), old_leaf) in (0..).zip(&mut self.leaves).zip(old.leaves) {
            let Some(old_leaf) = old_leaf else { continue };
            if slot.is_none() && self.root.entry(number).is_some_and(|e| e.sha256 == *old_leaf.page.sha256())
            {
                *slot = Some(old_leaf);
            } else if let Some(leaf) = slot {
                leaf.adopt_shards(old_leaf);
            }
        }
        self.pool.absorb(old.pool);
        self.count();
    }

    /// Counts what is loaded anew.
    fn count(&mut self) {
        (self.shard_bytes, self.page_bytes) = (0, 0);
        self.loaded.clear();
        for (number, leaf) in (0..).zip(&self.leaves) {
            let Some(leaf) = leaf else { continue };
            self.page_bytes += leaf.own_memory();
            for (position, held) in (0..).zip(&leaf.shards) {
                let Some(held) = held else { continue };
                self.shard_bytes += held.memory();
                self.loaded.push(self.shape.number(number, position));
            }
        }
    }

    /// Drops what has not been of use for the longest time, until at most `budget` bytes are loaded. It is fetched again when it is needed.
    pub(crate) fn evict_to(&mut self, budget: usize) {
        let pages = budget / PAGES_SHARE;
        if self.page_bytes > pages {
            self.drop_bare_pages(Some(self.newest_leaf));
        }
        while self.loaded_bytes() > budget {
            let Some(leaf) = self.drop_least_useful() else {
                return self.drop_bare_pages(None);
            };
            if self.page_bytes > pages {
                self.drop_page_if_bare(leaf);
            }
        }
    }

    /// Drops a shard, and says which leaf it was of.
    fn drop_least_useful(&mut self) -> Option<u32> {
        let rank = |number: &u32| {
            let (leaf, position) = self.shape.locate(*number);
            let leaf = self.leaves.get(leaf as usize)?.as_ref()?;
            Some(leaf.shards.get(position as usize)?.as_ref()?.usefulness(self.loads))
        };
        let (at, _) = self.loaded.iter().enumerate().min_by_key(|(_, number)| rank(number))?;
        let number = self.loaded.swap_remove(at);
        let (leaf_number, position) = self.shape.locate(number);
        let leaf = self.leaves.get_mut(leaf_number as usize)?.as_mut()?;
        let held = leaf.shards.get_mut(position as usize)?.take()?;
        leaf.loaded -= 1;
        self.shard_bytes -= held.memory();
        held.shard.release(&mut self.pool);
        Some(leaf_number)
    }

    /// Drops every page that no loaded shard needs, but for one.
    fn drop_bare_pages(&mut self, but: Option<u32>) {
        for number in (0..self.shape.leaves()).filter(|number| Some(*number) != but) {
            self.drop_page_if_bare(number);
        }
    }

    fn drop_page_if_bare(&mut self, number: u32) {
        let Some(slot) = self.leaves.get_mut(number as usize) else { return };
        if let Some(leaf) = slot.take_if(|leaf| leaf.loaded == 0) {
            self.page_bytes -= leaf.own_memory();
        }
    }
}

impl LoadedShard {
    fn memory(&self) -> usize {
        self.shard.memory() + size_of::<Self>() - size_of::<VerifiedShard>()
    }

    /// Orders shards by what is lost with them, after `loads` loads.
    fn usefulness(&self, loads: u32) -> (bool, u32) {
        let found_at = self.found_at.load(Ordering::Relaxed);
        let has_failed = found_at == 0 && loads - self.loaded_at >= PROBATION;
        (!has_failed, found_at.max(self.loaded_at))
    }
}

impl Leaf {
    /// Without its shards.
    fn own_memory(&self) -> usize {
        self.page.bytes().len() + self.shards.len() * size_of::<Option<Box<LoadedShard>>>()
    }

    /// The loaded shards and what the page says of them.
    fn named(&self) -> impl Iterator<Item = (ObjectRef, &LoadedShard)> + '_ {
        (0..).zip(&self.shards).filter_map(|(at, shard)| Some((self.page.entry(at)?, shard.as_deref()?)))
    }

    fn missing(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        (0..).zip(&self.shards).filter(|(_, shard)| shard.is_none()).filter_map(|(at, _)| self.page.entry(at))
    }

    fn adopt_shards(&mut self, old: Self) {
        for ((position, slot), held) in (0..).zip(&mut self.shards).zip(old.shards) {
            let Some(held) = held.filter(|_| slot.is_none()) else { continue };
            if self.page.entry(position) == old.page.entry(position) {
                self.loaded += 1;
                *slot = Some(held);
            }
        }
    }
}
