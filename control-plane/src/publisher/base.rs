//! Building a base: every row of a keyspace, in tag order, streamed from the store into shards and back into the store. Where the last base is known,
//! only the shards into which a changed key falls are read and written.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::DefaultHashBuilder;
use latchkey_snapshot::{
    BaseBuilder, BaseRef, BuiltBase, EncodedProfile, ObjectRef, Refusal, limits, shard_bits_for,
};
use tokio::sync::{broadcast, watch};

use super::{PublishError, forget_before, segments};
use crate::domain::{KeyspaceId, Timestamp};
use crate::storage::{BaseProfile, BaseRow, Body, Store, TagRange};

/// Rows that are read at once, and of which equal profiles are read and encoded once.
const PAGE_ROWS: u32 = 32_768;
/// Bytes of bodies that are gathered before they are written.
const FLUSH_BYTES: usize = 1 << 20;
/// After a page during which others wrote, the build rests for this many times as long as the page took: a million rows are
/// seconds of processor time and disk, and whoever creates keys meanwhile is waiting for an answer.
const REST: u32 = 3;
/// Shards are taken over from an earlier base only if that left out what had been dead for long by then, and so many days have not passed since.
const FORGETS_EVERY_DAYS: i64 = 1;
/// With more than this part of the shards changed, reading all rows in one go is faster than reading those of each shard.
const FEW: usize = 2;

/// A base whose bodies are all in the store.
#[derive(Clone, Debug)]
pub(super) struct NewBase {
    pub(super) named: BaseRef,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) built: Arc<BuiltBase>,
    /// Rows that were dead before are not in it.
    pub(super) forgot_before: Timestamp,
}

/// Builds a base that contains every change up to the moment of the call, and possibly some made while it runs: those come
/// again in the segments behind it, and saying a thing twice changes nothing. Gives way to writes until it is `hurried`.
/// `earlier`: one whose bodies stay in the store meanwhile.
pub(super) async fn build(
    store: Arc<dyn Store>,
    id: KeyspaceId,
    now: Timestamp,
    earlier: Option<NewBase>,
    hurried: watch::Receiver<bool>,
) -> Result<NewBase, PublishError> {
    let state = store.publishing_state(id).await?;
    let (keyspace, policy, _) =
        state.ok_or_else(|| PublishError::Interrupted("the keyspace is gone".to_owned()))?;
    // Under a kill there must be room for it: a segment has to end behind its base.
    let before_kill = keyspace.kill.as_ref().map_or(u64::MAX, |kill| kill.seq - 1);
    let change_seq = keyspace.change_seq.min(before_kill);
    let mut shard_bits = shard_bits_for(store.base_row_count(id).await?);
    let roles = policy.role_numbers();
    let forgets_before = forget_before(now);
    let mut build = Build { store: store.as_ref(), id, roles: &roles, change_seq, forgets_before, hurried };
    if let Some(earlier) = earlier.filter(|earlier| earlier.is_of_use(shard_bits, forgets_before)) {
        build.forgets_before = earlier.forgot_before;
        match build.out_of(&earlier).await {
            Ok(Some(built)) => return Ok(built),
            // A shard has become too large: there will have to be more of them.
            Ok(None) | Err(PublishError::Encoding(Refusal::TooLong | Refusal::LimitExceeded)) => {}
            Err(error) => return Err(error),
        }
        build.forgets_before = forgets_before;
    }
    loop {
        match build.anew(shard_bits).await {
            // Keys with much metadata and many permissions of their own: the same rows take more shards.
            Err(PublishError::Encoding(Refusal::TooLong | Refusal::LimitExceeded))
                if shard_bits < limits::SHARD_BITS =>
            {
                shard_bits = (shard_bits + 2).min(limits::SHARD_BITS);
            }
            done => return done,
        }
    }
}

impl NewBase {
    /// The hashes of all its bodies.
    pub(super) fn bodies(&self) -> impl Iterator<Item = [u8; 32]> + '_ {
        self.built.bodies().map(|object| object.sha256)
    }

    /// Whether a base of so many shards may take shards over from this one.
    fn is_of_use(&self, shard_bits: u8, forgets_before: Timestamp) -> bool {
        self.named.shard_bits == shard_bits
            && forgets_before < self.forgot_before.plus_days(FORGETS_EVERY_DAYS)
    }
}

struct Build<'a> {
    store: &'a dyn Store,
    id: KeyspaceId,
    roles: &'a BTreeMap<String, u16>,
    change_seq: u64,
    forgets_before: Timestamp,
    hurried: watch::Receiver<bool>,
}

impl Build<'_> {
    async fn anew(&self, shard_bits: u8) -> Result<NewBase, PublishError> {
        let mut writing = Writing::new(self, shard_bits)?;
        writing.rows(TagRange::default()).await?;
        writing.finish().await
    }

    /// `None` if that would take longer than to build it anew.
    async fn out_of(&self, earlier: &NewBase) -> Result<Option<NewBase>, PublishError> {
        let (shard_bits, shards) = (earlier.named.shard_bits, &earlier.built.shards);
        let most = u32::try_from(shards.len()).unwrap_or(u32::MAX);
        let changed = self.store.changed_tags(self.id, earlier.named.change_seq, most).await?;
        let Some(changed) = changed else { return Ok(None) };
        let changed: BTreeSet<usize> = changed.iter().map(|tag| shard_of(tag, shard_bits)).collect();
        if changed.len() * FEW > shards.len() {
            return Ok(None);
        }
        let mut writing = Writing::new(self, shard_bits)?;
        let mut next = 0;
        for shard in changed {
            writing.keep(earlier, next..shard)?;
            writing.rows(range_of(shard, shard_bits)).await?;
            next = shard + 1;
        }
        writing.keep(earlier, next..shards.len())?;
        writing.finish().await.map(Some)
    }

    async fn rest(&self, time: Duration) {
        let mut hurried = self.hurried.clone();
        tokio::select! {
            // Also if nobody is left to say so.
            _ = hurried.wait_for(|hurried| *hurried) => {}
            () = tokio::time::sleep(time) => {}
        }
    }
}

/// Where `spec/snapshot.md` section 7 puts a tag.
fn shard_of(tag: &[u8; 16], shard_bits: u8) -> usize {
    let mut prefix = [0; 8];
    prefix.copy_from_slice(&tag[..8]);
    u64::from_be_bytes(prefix).checked_shr(64 - u32::from(shard_bits)).unwrap_or(0) as usize
}

fn range_of(shard: usize, shard_bits: u8) -> TagRange {
    let last_before = |shard: usize| {
        let first = (shard as u64).checked_shl(64 - u32::from(shard_bits)).filter(|first| *first > 0)?;
        let mut tag = [0xff; 16];
        tag[..8].copy_from_slice(&(first - 1).to_be_bytes());
        Some(tag)
    };
    let is_last = shard + 1 == 1 << shard_bits;
    TagRange { after: last_before(shard), through: last_before(shard + 1).filter(|_| !is_last) }
}

/// Bodies that the builder handed out and nobody has stored yet.
type Emitted = Arc<Mutex<Vec<Body>>>;
type Emit = Box<dyn FnMut(ObjectRef, Vec<u8>) + Send + Sync>;

/// A base on its way into the store.
struct Writing<'a> {
    build: &'a Build<'a>,
    builder: BaseBuilder<Emit>,
    emitted: Emitted,
    notices: broadcast::Receiver<KeyspaceId>,
}

impl<'a> Writing<'a> {
    fn new(build: &'a Build<'a>, shard_bits: u8) -> Result<Self, PublishError> {
        let emitted = Emitted::default();
        let sink = Arc::clone(&emitted);
        let emit: Emit = Box::new(move |object, bytes| {
            let body = Body { hash: object.sha256, bytes };
            sink.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        });
        let builder = BaseBuilder::new(build.id.0, shard_bits, emit).map_err(PublishError::Encoding)?;
        Ok(Self { build, builder, emitted, notices: build.store.subscribe() })
    }

    fn keep(&mut self, earlier: &NewBase, shards: Range<usize>) -> Result<(), PublishError> {
        for number in shards {
            // At most 2^20 of them.
            let kept = self.builder.keep(number as u32, earlier.built.shards[number]);
            kept.map_err(PublishError::Encoding)?;
        }
        Ok(())
    }

    /// Adds every row of a range.
    async fn rows(&mut self, mut range: TagRange) -> Result<(), PublishError> {
        let Build { store, id, forgets_before, .. } = *self.build;
        loop {
            let started = Instant::now();
            let page = store.base_rows(id, range, PAGE_ROWS, forgets_before).await?;
            self.push(&page.rows)?;
            self.flush(FLUSH_BYTES).await?;
            match page.rows.last() {
                Some(last) if !page.is_last => range.after = Some(last.tag),
                _ => return Ok(()),
            }
            if others_wrote(&mut self.notices) {
                self.build.rest(started.elapsed() * REST).await;
            }
        }
    }

    fn push(&mut self, page: &[BaseRow]) -> Result<(), PublishError> {
        // Equal profiles of a page are one.
        let mut encoded: HashMap<*const BaseProfile, EncodedProfile, DefaultHashBuilder> = HashMap::default();
        for row in page {
            let profile = match encoded.entry(Arc::as_ptr(&row.profile)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => {
                    let profile = segments::profile(&row.profile, self.build.roles);
                    free.insert(profile.encoded().map_err(PublishError::Encoding)?)
                }
            };
            self.builder.push_encoded(&segments::bare(row), profile).map_err(PublishError::Encoding)?;
        }
        Ok(())
    }

    /// Stores what was emitted, once that is `at_least` so many bytes.
    async fn flush(&self, at_least: usize) -> Result<(), PublishError> {
        let bodies = {
            let mut waiting = self.emitted.lock().unwrap_or_else(PoisonError::into_inner);
            let bytes: usize = waiting.iter().map(|body| body.bytes.len()).sum();
            if bytes < at_least { Vec::new() } else { std::mem::take(&mut *waiting) }
        };
        if bodies.is_empty() {
            return Ok(());
        }
        Ok(self.build.store.keep_bodies(self.build.id, bodies).await?)
    }

    async fn finish(self) -> Result<NewBase, PublishError> {
        let Self { build, builder, emitted, .. } = self;
        let built = builder.finish().map_err(PublishError::Encoding)?;
        let bodies = std::mem::take(&mut *emitted.lock().unwrap_or_else(PoisonError::into_inner));
        build.store.keep_bodies(build.id, bodies).await?;
        let named = BaseRef { change_seq: build.change_seq, shard_bits: built.shard_bits, root: built.root };
        let (rows, bytes) = (built.rows, built.bytes());
        Ok(NewBase { named, rows, bytes, built: Arc::new(built), forgot_before: build.forgets_before })
    }
}

/// Whether a change was noticed since this was last asked.
fn others_wrote(notices: &mut broadcast::Receiver<KeyspaceId>) -> bool {
    use broadcast::error::TryRecvError::{Closed, Empty, Lagged};
    let mut wrote = false;
    loop {
        match notices.try_recv() {
            Ok(_) | Err(Lagged(_)) => wrote = true,
            Err(Empty | Closed) => return wrote,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_shards_have_every_tag_and_none_twice() {
        for shard_bits in [0_u8, 1, 9, 20] {
            let shards = 1 << shard_bits;
            for shard in [0, 1, shards / 2, shards - 1].into_iter().filter(|shard| *shard < shards) {
                let TagRange { after, through } = range_of(shard, shard_bits);
                assert_eq!(after.is_none(), shard == 0);
                assert_eq!(through.is_none(), shard == shards - 1);
                if let Some(after) = after {
                    assert_eq!(shard_of(&after, shard_bits), shard - 1);
                    assert_eq!(range_of(shard - 1, shard_bits).through, Some(after));
                }
                if let Some(through) = through {
                    assert_eq!(shard_of(&through, shard_bits), shard);
                }
            }
        }
    }
}
