//! A snapshot in memory, ready to look tags up in.

use alloc::vec::Vec;

use crate::Refusal;
use crate::base::{self, Base};
use crate::body::{HashedBody, ObjectRef};
use crate::head::VerifiedHead;
use crate::overlay::{self, Overlay};
use crate::policy::VerifiedPolicy;
use crate::row::RowView;
use crate::segment::{Reason, VerifiedSegment};

/// What a snapshot says of a tag.
#[derive(Debug)]
pub enum Lookup<'a> {
    /// A key's row. It may be disabled or expired: that is for the validator to say.
    Row(RowView<'a>),
    Revoked(Reason),
    NotFound,
    /// The answer is in a body that is not loaded: fetch it, [`Snapshot::supply`] it, ask again.
    Needs(ObjectRef),
}

/// A verified head with its policy, its segments, and as much of its base as is loaded. Made by [`crate::Loader`] alone.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) head: VerifiedHead,
    pub(crate) policy: VerifiedPolicy,
    pub(crate) overlay: Overlay,
    pub(crate) base: Base,
}

impl Snapshot {
    pub fn head(&self) -> &VerifiedHead {
        &self.head
    }

    pub fn policy(&self) -> &VerifiedPolicy {
        &self.policy
    }

    /// Oldest first.
    pub fn segments(&self) -> &[VerifiedSegment] {
        self.overlay.segments()
    }

    /// The root index page of the base.
    pub fn base_root(&self) -> &[u8] {
        self.base.root().bytes()
    }

    /// Looks a tag up: segments newest first, then the base, then kills. Allocates nothing.
    pub fn lookup(&self, tag: &[u8; 16]) -> Lookup<'_> {
        let (row, generation) = match self.overlay.find(tag) {
            Some(overlay::Found::Revoked(reason)) => return Lookup::Revoked(reason),
            Some(overlay::Found::Row(row, generation)) => (row, generation),
            None => match self.base.find(tag) {
                base::Found::Row(row) => (row, overlay::BASE),
                base::Found::Absent => return Lookup::NotFound,
                base::Found::Needs(object) => return Lookup::Needs(object),
            },
        };
        if row.is_revoked() {
            return Lookup::Revoked(Reason::Unspecified);
        }
        match self.overlay.kill(&row, generation) {
            Some(reason) => Lookup::Revoked(reason),
            None => Lookup::Row(row),
        }
    }

    /// Takes an index page or shard of the base that [`Lookup::Needs`] asked for.
    ///
    /// # Errors
    /// [`Refusal::BodyUnexpected`] if nothing signed leads to it (as when the base has changed meanwhile), or whatever is wrong with it.
    pub fn supply(&mut self, body: HashedBody) -> Result<(), Refusal> {
        self.base.supply(body)
    }

    /// Bodies of the base that are not loaded, as far as the loaded pages tell.
    pub fn missing(&self) -> Vec<ObjectRef> {
        self.base.missing()
    }

    /// Bytes that the loaded shards and leaf pages take.
    pub fn loaded_bytes(&self) -> usize {
        self.base.loaded_bytes()
    }

    /// Drops shards and leaf pages until they take at most `budget` bytes: first those that were loaded in vain, then those in which
    /// nothing was found for the longest time.
    pub fn evict_to(&mut self, budget: usize) {
        self.base.evict_to(budget);
    }
}
