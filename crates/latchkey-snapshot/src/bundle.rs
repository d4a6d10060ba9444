//! Bundles: how a head and bodies travel together. `spec/snapshot.md` section 8.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::body::{HashedBody, Kind, ObjectRef};
use crate::head::{BaseRef, VerifiedHead};
use crate::index::{Level, Page, Shape};
use crate::policy::VerifiedPolicy;
use crate::reader::Reader;
use crate::segment::VerifiedSegment;
use crate::shard::VerifiedShard;
use crate::{Refusal, limits};

const MAGIC: [u8; 4] = *b"LKBU";
const VERSION: u8 = 1;
const COMMIT: u8 = 1;

/// What a receiver does with the head of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Keep the bodies for a later bundle; the head only vouches for them.
    StoreBodies,
    /// Adopt the head.
    Commit,
}

/// Writes a bundle. Bodies stand in an order in which each is reached by what is before it: root page, leaf pages, shards.
///
/// # Errors
/// [`Refusal::TooLong`] past 4 MiB.
pub fn encode<'a>(
    intent: Intent,
    head: &[u8],
    bodies: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::new();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, u8::from(intent == Intent::Commit) * COMMIT]);
    out.extend_from_slice(&u16::try_from(head.len()).map_err(|_| Refusal::TooLong)?.to_le_bytes());
    out.extend_from_slice(head);
    out.extend_from_slice(&u16::try_from(bodies.len()).map_err(|_| Refusal::TooLong)?.to_le_bytes());
    for body in bodies {
        out.extend_from_slice(&u32::try_from(body.len()).map_err(|_| Refusal::TooLong)?.to_le_bytes());
        out.extend_from_slice(body);
    }
    if out.len() > limits::BUNDLE_BYTES { Err(Refusal::TooLong) } else { Ok(out) }
}

/// A bundle taken apart; nothing in it is verified.
#[derive(Clone, Debug)]
pub struct UnverifiedBundle<'a> {
    pub intent: Intent,
    pub head: &'a [u8],
    pub bodies: Vec<&'a [u8]>,
}

impl<'a> UnverifiedBundle<'a> {
    /// # Errors
    /// A [`Refusal`] about length or form.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if bytes.len() > limits::BUNDLE_BYTES {
            return Err(Refusal::TooLong);
        }
        let mut reader = Reader::new(bytes);
        reader.header(MAGIC, VERSION)?;
        let intent = match reader.u8()? {
            0 => Intent::StoreBodies,
            COMMIT => Intent::Commit,
            _ => return Err(Refusal::NotCanonical),
        };
        let length = reader.u16()?;
        let head = reader.take(length.into())?;
        let count = reader.u16()?;
        // Not with_capacity: the count is the sender's word.
        let mut bodies = Vec::new();
        for _ in 0..count {
            let length = reader.u32()?;
            bodies.push(reader.take(length as usize)?);
        }
        reader.finish()?;
        Ok(Self { intent, head, bodies })
    }
}

/// What a verified head leads to, growing with each index page that is accepted. Lets a receiver check bodies one by one without
/// holding them all, and store only what is signed for.
#[derive(Debug)]
pub struct Reach {
    keyspace: u64,
    shape: Shape,
    promised: BTreeMap<[u8; 32], (ObjectRef, Promise)>,
}

#[derive(Clone, Copy, Debug)]
enum Promise {
    Policy,
    Segment,
    Page(Level, u32),
    Shard,
}

impl Reach {
    pub fn of(head: &VerifiedHead) -> Self {
        let head = head.head();
        let mut promised = BTreeMap::new();
        promised.insert(head.policy.sha256, (head.policy, Promise::Policy));
        promised.insert(head.base.root.sha256, (head.base.root, Promise::Page(Level::Root, 0)));
        for segment in &head.segments {
            promised.insert(segment.object.sha256, (segment.object, Promise::Segment));
        }
        let shape = Shape { shard_bits: head.base.shard_bits };
        Self { keyspace: head.audience.keyspace, shape, promised }
    }

    /// What a base leads to, without a head that names it.
    pub fn of_base(keyspace: u64, base: &BaseRef) -> Self {
        let promised = BTreeMap::from([(base.root.sha256, (base.root, Promise::Page(Level::Root, 0)))]);
        Self { keyspace, shape: Shape { shard_bits: base.shard_bits }, promised }
    }

    /// Whether a body with this hash is reached so far.
    pub fn covers(&self, sha256: &[u8; 32]) -> bool {
        self.promised.contains_key(sha256)
    }

    /// Accepts a body that is reached and well-formed, and follows it if it is an index page.
    ///
    /// # Errors
    /// [`Refusal::BodyUnexpected`] if nothing accepted so far leads to it, or whatever is wrong with it.
    pub fn accept(&mut self, body: &HashedBody) -> Result<Kind, Refusal> {
        let (object, promise) = *self.promised.get(&body.sha256).ok_or(Refusal::BodyUnexpected)?;
        match promise {
            Promise::Policy => {
                VerifiedPolicy::verify(&object, body.clone(), self.keyspace).map(|_| Kind::Policy)
            }
            Promise::Segment => {
                VerifiedSegment::verify(&object, body.clone(), self.keyspace).map(|_| Kind::Segment)
            }
            Promise::Page(level, number) => {
                let page = Page::verify(&object, body.clone(), self.keyspace, level, number, self.shape)?;
                self.follow(&page, level);
                Ok(Kind::Page)
            }
            Promise::Shard => {
                let shape = self.shape;
                VerifiedShard::verify(&object, body, self.keyspace, shape.shard_bits).map(|_| Kind::Shard)
            }
        }
    }

    fn follow(&mut self, page: &Page, level: Level) {
        let count = if level == Level::Root { self.shape.leaves() } else { self.shape.shards_per_leaf() };
        for number in 0..count {
            let Some(object) = page.entry(number) else { continue };
            let promise =
                if level == Level::Root { Promise::Page(Level::Leaf, number) } else { Promise::Shard };
            self.promised.insert(object.sha256, (object, promise));
        }
    }

    /// The index pages among [`Reach::objects`], accepted or not.
    pub fn pages(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.promised
            .values()
            .filter(|(_, promise)| matches!(promise, Promise::Page(..)))
            .map(|(object, _)| *object)
    }

    /// Every object that is reached so far.
    pub fn objects(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.promised.values().map(|(object, _)| *object)
    }
}
