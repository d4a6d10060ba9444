//! Building a base: every row of a keyspace, in tag order, streamed from the store into shards and back into the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use latchkey_snapshot::{BaseBuilder, BaseRef, BuiltBase, ObjectRef, Refusal, limits, shard_bits_for};
use tokio::sync::{broadcast, watch};

use super::{PublishError, forget_before, segments};
use crate::domain::{KeyspaceId, Timestamp};
use crate::storage::{Body, Store};

/// Rows that are read at once.
const PAGE_ROWS: u32 = 4_096;
/// Bytes of bodies that are gathered before they are written.
const FLUSH_BYTES: usize = 1 << 20;
/// After a page during which others wrote, the build rests for this many times as long as the page took: a million rows are
/// seconds of processor time and disk, and whoever creates keys meanwhile is waiting for an answer.
const REST: u32 = 3;

/// A base whose bodies are all in the store.
#[derive(Clone, Debug)]
pub(super) struct NewBase {
    pub(super) named: BaseRef,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// Index pages and shards.
    pub(super) bodies: Vec<[u8; 32]>,
}

/// Builds a base that contains every change up to the moment of the call, and possibly some made while it runs: those come
/// again in the segments behind it, and saying a thing twice changes nothing. Gives way to writes until it is `hurried`.
pub(super) async fn build(
    store: Arc<dyn Store>,
    id: KeyspaceId,
    now: Timestamp,
    hurried: watch::Receiver<bool>,
) -> Result<NewBase, PublishError> {
    let state = store.publishing_state(id).await?;
    let (keyspace, policy, _) =
        state.ok_or_else(|| PublishError::Interrupted("the keyspace is gone".to_owned()))?;
    // Under a kill there must be room for it: a segment has to end behind its base.
    let before_kill = keyspace.kill.as_ref().map_or(u64::MAX, |kill| kill.seq - 1);
    let change_seq = keyspace.change_seq.min(before_kill);
    let rows = store.base_row_count(id).await?;
    let roles = policy.role_numbers();
    let mut shard_bits = shard_bits_for(rows);
    loop {
        let build = Build { store: store.as_ref(), id, roles: &roles, now, hurried: hurried.clone() };
        match build.with_shards(shard_bits, change_seq).await {
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

struct Build<'a> {
    store: &'a dyn Store,
    id: KeyspaceId,
    roles: &'a BTreeMap<String, u16>,
    now: Timestamp,
    hurried: watch::Receiver<bool>,
}

/// Bodies that the builder handed out and nobody has stored yet.
type Emitted = Arc<Mutex<Vec<Body>>>;

impl Build<'_> {
    async fn with_shards(&self, shard_bits: u8, change_seq: u64) -> Result<NewBase, PublishError> {
        let emitted = Emitted::default();
        let sink = Arc::clone(&emitted);
        let emit = move |object: ObjectRef, bytes: Vec<u8>| {
            let body = Body { hash: object.sha256, bytes };
            sink.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        };
        let mut builder = BaseBuilder::new(self.id.0, shard_bits, emit).map_err(PublishError::Encoding)?;
        let mut kept = Kept::default();
        let mut after = None;
        let mut notices = self.store.subscribe();
        loop {
            let started = Instant::now();
            let page = self.store.base_rows(self.id, after, PAGE_ROWS, forget_before(self.now)).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.tag);
            for row in &page {
                builder.push(&segments::row(row, self.roles)).map_err(PublishError::Encoding)?;
            }
            self.flush(&emitted, FLUSH_BYTES, &mut kept).await?;
            if others_wrote(&mut notices) {
                self.rest(started.elapsed() * REST).await;
            }
        }
        let built = builder.finish().map_err(PublishError::Encoding)?;
        self.flush(&emitted, 0, &mut kept).await?;
        Ok(kept.into_base(built, change_seq))
    }

    async fn rest(&self, time: Duration) {
        let mut hurried = self.hurried.clone();
        tokio::select! {
            // Also if nobody is left to say so.
            _ = hurried.wait_for(|hurried| *hurried) => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    async fn flush(&self, emitted: &Emitted, at_least: usize, kept: &mut Kept) -> Result<(), PublishError> {
        let bodies = {
            let mut waiting = emitted.lock().unwrap_or_else(PoisonError::into_inner);
            let bytes: usize = waiting.iter().map(|body| body.bytes.len()).sum();
            if bytes < at_least { Vec::new() } else { std::mem::take(&mut *waiting) }
        };
        if bodies.is_empty() {
            return Ok(());
        }
        kept.hashes.extend(bodies.iter().map(|body| body.hash));
        kept.bytes += bodies.iter().map(|body| body.bytes.len() as u64).sum::<u64>();
        Ok(self.store.keep_bodies(self.id, bodies).await?)
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

#[derive(Default)]
struct Kept {
    hashes: Vec<[u8; 32]>,
    bytes: u64,
}

impl Kept {
    fn into_base(self, built: BuiltBase, change_seq: u64) -> NewBase {
        let named = BaseRef { change_seq, shard_bits: built.shard_bits, root: built.root };
        NewBase { named, rows: built.rows, bytes: self.bytes, bodies: self.hashes }
    }
}
