//! From a verified head to a [`Snapshot`]: which bodies are missing, taking them in, putting them together.

use alloc::vec::Vec;

use crate::base::Base;
use crate::body::{HashedBody, Kind, ObjectRef};
use crate::head::VerifiedHead;
use crate::index::Shape;
use crate::overlay::Overlay;
use crate::policy::VerifiedPolicy;
use crate::segment::VerifiedSegment;
use crate::snapshot::Snapshot;
use crate::{Refusal, limits};

/// Collects the bodies of a head. Ask [`Loader::missing`], fetch those, [`Loader::supply`] them, until none is missing; then
/// [`Loader::install`]. A small base is loaded whole, a large one shard by shard once the snapshot is in use.
#[derive(Debug)]
pub struct Loader {
    head: VerifiedHead,
    policy: Option<VerifiedPolicy>,
    segments: Vec<Option<VerifiedSegment>>,
    base: Option<Base>,
}

impl Loader {
    /// # Errors
    /// [`Refusal::NotNewer`] if `previous` is as new as `head`.
    pub fn new(head: VerifiedHead, previous: Option<&Snapshot>) -> Result<Self, Refusal> {
        head.require_newer(previous.map(|snapshot| snapshot.head.head().high_water()))?;
        let segments = head.head().segments.iter().map(|_| None).collect();
        Ok(Self { head, policy: None, segments, base: None })
    }

    pub fn head(&self) -> &VerifiedHead {
        &self.head
    }

    /// The policy that [`Loader::install`] would adopt, once it is here. Whoever compiles policies does so before installing, so that a
    /// snapshot that cannot be decided with never replaces one that can.
    pub fn policy<'a>(&'a self, previous: Option<&'a Snapshot>) -> Option<&'a VerifiedPolicy> {
        let wanted = self.head.head().policy.sha256;
        let held = previous.map(|snapshot| &snapshot.policy);
        self.policy.as_ref().or(held).filter(|policy| policy.sha256() == wanted)
    }

    /// Bodies to fetch now, apart from what `previous` has already. Taking some in may uncover more.
    pub fn missing(&self, previous: Option<&Snapshot>) -> Vec<ObjectRef> {
        let head = self.head.head();
        let mut missing = Vec::new();
        if self.policy.is_none() && !holds_policy(previous, &head.policy) {
            missing.push(head.policy);
        }
        for (slot, listed) in self.segments.iter().zip(&head.segments) {
            if slot.is_none() && !holds_segment(previous, &listed.object) {
                missing.push(listed.object);
            }
        }
        match &self.base {
            Some(base) if head.base.shard_bits <= limits::EAGER_SHARD_BITS => {
                missing.extend(base.missing().into_iter().filter(|object| !holds_shard(previous, object)));
            }
            None if !self.keeps_base_of(previous) => missing.push(head.base.root),
            _ => {}
        }
        missing
    }

    fn keeps_base_of(&self, previous: Option<&Snapshot>) -> bool {
        let root = self.head.head().base.root.sha256;
        previous.is_some_and(|snapshot| *snapshot.base.root().sha256() == root)
    }

    /// Takes one body.
    ///
    /// # Errors
    /// [`Refusal::BodyUnexpected`] if the head does not lead to it, or whatever is wrong with it. The loader is as it was.
    pub fn supply(&mut self, body: HashedBody) -> Result<(), Refusal> {
        let head = self.head.head();
        let keyspace = head.audience.keyspace;
        match body.kind()? {
            Kind::Policy => {
                self.policy = Some(VerifiedPolicy::verify(&head.policy, body, keyspace)?);
            }
            Kind::Segment => {
                let position = head.segments.iter().position(|listed| listed.object.sha256 == body.sha256);
                let position = position.ok_or(Refusal::BodyUnexpected)?;
                let listed = head.segments.get(position).ok_or(Refusal::BodyUnexpected)?;
                let segment = VerifiedSegment::verify(&listed.object, body, keyspace)?;
                if segment.last_seq() != listed.last_seq {
                    return Err(Refusal::NotCanonical);
                }
                if let Some(slot) = self.segments.get_mut(position) {
                    *slot = Some(segment);
                }
            }
            Kind::Page | Kind::Shard => self.supply_base(body)?,
        }
        Ok(())
    }

    fn supply_base(&mut self, body: HashedBody) -> Result<(), Refusal> {
        let named = self.head.head().base;
        if body.sha256 != named.root.sha256 {
            return self.base.as_mut().ok_or(Refusal::BodyUnexpected)?.supply(body);
        }
        if self.base.is_none() {
            let shape = Shape { shard_bits: named.shard_bits };
            self.base = Some(Base::new(&named.root, body, self.head.head().audience.keyspace, shape)?);
        }
        Ok(())
    }

    /// Puts the snapshot together in `slot`, moving over what the one there holds of it.
    ///
    /// # Errors
    /// [`Refusal::NotNewer`] if `slot` has overtaken this head meanwhile, [`Refusal::BodyMissing`] if something is missing; `slot` is then
    /// as it was.
    pub fn install(self, slot: &mut Option<Snapshot>) -> Result<(), Refusal> {
        self.head.require_newer(slot.as_ref().map(|snapshot| snapshot.head.head().high_water()))?;
        if !self.missing(slot.as_ref()).is_empty() {
            return Err(Refusal::BodyMissing);
        }
        let (old_policy, old_segments, old_base) = match slot.take() {
            Some(old) => (Some(old.policy), old.overlay.into_segments(), Some(old.base)),
            None => (None, Vec::new(), None),
        };
        // `missing` was empty, so each of the three is here or was in `slot`.
        let policy = self.policy.or(old_policy).ok_or(Refusal::BodyMissing)?;
        let segments = collect_segments(&self.head, self.segments, old_segments);
        let base = match (self.base, old_base) {
            (Some(mut base), Some(old)) => {
                base.adopt(old);
                base
            }
            (base, old) => base.or(old).ok_or(Refusal::BodyMissing)?,
        };
        *slot = Some(Snapshot { head: self.head, policy, overlay: Overlay::build(segments), base });
        Ok(())
    }
}

fn holds_policy(snapshot: Option<&Snapshot>, object: &ObjectRef) -> bool {
    snapshot.is_some_and(|snapshot| snapshot.policy.sha256() == object.sha256)
}

fn holds_segment(snapshot: Option<&Snapshot>, object: &ObjectRef) -> bool {
    snapshot.is_some_and(|snapshot| snapshot.segments().iter().any(|held| held.sha256() == object.sha256))
}

/// A shard or leaf that the previous base has is moved over at the end, whatever base it was loaded for.
fn holds_shard(snapshot: Option<&Snapshot>, object: &ObjectRef) -> bool {
    snapshot.is_some_and(|snapshot| snapshot.base.holds(&object.sha256))
}

fn collect_segments(
    head: &VerifiedHead,
    supplied: Vec<Option<VerifiedSegment>>,
    mut held: Vec<VerifiedSegment>,
) -> Vec<VerifiedSegment> {
    let listed = head.head().segments.iter();
    let pick = |(slot, listed): (Option<VerifiedSegment>, &crate::SegmentRef)| {
        slot.or_else(|| {
            let position = held.iter().position(|segment| segment.sha256() == listed.object.sha256)?;
            Some(held.swap_remove(position))
        })
    };
    supplied.into_iter().zip(listed).filter_map(pick).collect()
}
