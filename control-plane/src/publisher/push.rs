//! Pushing releases to gates: one task per gate, each at its own pace, each always with the newest release.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use latchkey_snapshot::bundle::{self, Intent};
use latchkey_snapshot::limits;
use rand::RngExt;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::gate_client::Answer;
use super::release::Release;
use super::walk::BaseWalk;
use super::{Context, PublishError, PushError};
use crate::domain::{GateUrl, KeyspaceId};

/// A base of at most this many bytes is sent to a gate of which nothing is known; of a larger one we first ask whether the gate
/// still has it, by sending all the rest.
const SMALL_BASE_BYTES: u64 = 1 << 20;
/// Bytes of bodies in one bundle, with room for the head and the lengths.
const BUNDLE_BODIES: usize = limits::BUNDLE_BYTES - 64 * 1_024;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A new release is worth an attempt after this long, however long the pause is that a gate has earned.
const IMPATIENCE: Duration = Duration::from_secs(1);

type Newest = watch::Receiver<Option<Arc<Release>>>;

/// The gates of a keyspace. Dropping it ends their tasks.
pub(super) struct Gates {
    context: Context,
    id: KeyspaceId,
    newest: watch::Sender<Option<Arc<Release>>>,
    pushers: HashMap<GateUrl, AbortHandle>,
    overtaken: mpsc::Sender<()>,
    confirmed: Arc<Notify>,
}

impl Gates {
    /// `overtaken` hears of gates that refuse a release because they have one as new.
    pub(super) fn new(context: Context, id: KeyspaceId, overtaken: mpsc::Sender<()>) -> Self {
        let (newest, _) = watch::channel(None);
        Self { context, id, newest, pushers: HashMap::new(), overtaken, confirmed: Arc::default() }
    }

    /// Gives every gate something newer to push.
    pub(super) fn offer(&self, release: Arc<Release>) {
        self.newest.send_replace(Some(release));
    }

    /// Begins with gates that are new and ends with those that are gone.
    pub(super) fn set(&mut self, gates: &[GateUrl]) {
        self.pushers.retain(|gate, pusher| {
            let stays = gates.contains(gate);
            if !stays {
                pusher.abort();
                self.context.app.propagation.forget(self.id, gate);
            }
            stays
        });
        for gate in gates {
            if !self.pushers.contains_key(gate) {
                let pusher = Pusher {
                    context: self.context.clone(),
                    id: self.id,
                    gate: gate.clone(),
                    newest: self.newest.subscribe(),
                    overtaken: self.overtaken.clone(),
                    confirmed: Arc::clone(&self.confirmed),
                    held: Held::Unknown,
                };
                self.pushers.insert(gate.clone(), tokio::spawn(pusher.run()).abort_handle());
            }
        }
    }

    /// Wakes whoever waits for [`Gates::confirmed`].
    pub(super) fn confirmation(&self) -> Arc<Notify> {
        Arc::clone(&self.confirmed)
    }

    /// Ready once some gate has confirmed something since this was last ready.
    pub(super) async fn confirmed(&self) {
        self.confirmed.notified().await;
    }
}

impl Drop for Gates {
    fn drop(&mut self) {
        self.pushers.values().for_each(AbortHandle::abort);
    }
}

/// What we believe a gate to hold.
enum Held {
    /// Nothing was pushed since we started; it may have a base from before.
    Unknown,
    /// It said that something is missing.
    Nothing,
    /// What it has confirmed.
    Release(Arc<Release>),
}

struct Pusher {
    context: Context,
    id: KeyspaceId,
    gate: GateUrl,
    newest: Newest,
    overtaken: mpsc::Sender<()>,
    confirmed: Arc<Notify>,
    held: Held,
}

impl Pusher {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        let mut was_overtaken = false;
        loop {
            let Some(release) = self.newest.borrow_and_update().clone() else {
                if self.newest.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let pushed = self.push(&release).await;
            self.note(&release, &pushed);
            match pushed {
                Ok(_) => {
                    self.held = Held::Release(release);
                    (pause, was_overtaken) = (FIRST_PAUSE, false);
                    self.confirmed.notify_one();
                    if self.newest.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                Err(error) if error.code == "BODY_MISSING" && !matches!(self.held, Held::Nothing) => {
                    // It lost its storage, or is new: now it gets everything.
                    self.held = Held::Nothing;
                    continue;
                }
                Err(error) if error.code == "NOT_NEWER" => {
                    // An attempt whose answer was lost may have succeeded. A newer head tells; asking for one twice in a row
                    // would chase a gate that is ahead because an old database was restored.
                    if !std::mem::replace(&mut was_overtaken, true) {
                        let _ = self.overtaken.try_send(());
                    }
                }
                Err(_) => was_overtaken = false,
            }
            self.rest(pause).await;
            pause = (pause * 2).min(self.context.config.retry_max);
        }
    }

    fn note(&self, release: &Release, pushed: &Result<Answer, PushError>) {
        let now = self.context.app.now();
        self.context.app.propagation.update(self.id, &self.gate, |state| {
            state.last_attempt_at = Some(now);
            match pushed {
                Ok(answer) => {
                    state.applied_seq = Some(answer.seq);
                    state.applied_change_seq = Some(answer.change_seq);
                    state.acked_at = Some(now);
                    state.isolates.clone_from(&answer.isolates);
                    state.last_error = None;
                }
                Err(error) => state.last_error = Some(error.clone()),
            }
        });
        let (id, gate, seq) = (self.id, self.gate.as_str(), release.head().seq);
        match pushed {
            Ok(_) => tracing::debug!(keyspace.id = %id, gate, head.seq = seq, "pushed a head"),
            Err(error) => tracing::warn!(
                keyspace.id = %id, gate, head.seq = seq, error.code, error.message, "a push failed and will be repeated"
            ),
        }
    }

    /// Sleeps up to `pause`, with jitter, so that gates that failed together do not come back together.
    async fn rest(&mut self, pause: Duration) {
        let until = Instant::now() + pause.mul_f64(rand::rng().random_range(0.5..1.0));
        let soon = until.min(Instant::now() + IMPATIENCE);
        tokio::select! {
            () = sleep_until(until) => {}
            changed = self.newest.changed() => {
                if changed.is_ok() {
                    sleep_until(soon).await;
                }
            }
        }
    }

    async fn push(&self, release: &Release) -> Result<Answer, PushError> {
        let head = release.head();
        let (held, send_base) = match &self.held {
            Held::Unknown => (None, release.base_bytes <= SMALL_BASE_BYTES),
            Held::Nothing => (None, true),
            Held::Release(held) => (Some(held.as_ref()), held.head().base.root != head.base.root),
        };
        let base = if send_base { self.push_base(release, &base_of(held)).await? } else { Vec::new() };
        let rest = release.bodies_not_in(held).map(|(_, bytes)| bytes.as_slice());
        let bodies: Vec<&[u8]> = base.iter().map(Vec::as_slice).chain(rest).collect();
        self.send(Intent::Commit, release, &bodies).await
    }

    /// Sends all of a base that is not in `held`, but its last part, which is returned and goes out with the head.
    async fn push_base(
        &self,
        release: &Release,
        held: &HashSet<[u8; 32]>,
    ) -> Result<Vec<Vec<u8>>, PushError> {
        let own_part = release.bodies().map(|(_, bytes)| bytes.len()).sum::<usize>();
        let store = self.context.app.store.as_ref();
        let mut walk = BaseWalk::begin(store, self.id, &release.verified).await.map_err(internal)?;
        let root = walk.root.clone();
        let mut part = vec![root.clone()];
        let mut bytes = root.len();
        while let Some(leaf) = walk.next_leaf().await.map_err(internal)? {
            if held.contains(&leaf.hash) {
                continue;
            }
            bytes += leaf.page.len();
            part.push(leaf.page.clone());
            for hash in leaf.shards.into_iter().filter(|hash| !held.contains(hash)) {
                let shard = walk.shard(hash).await.map_err(internal)?;
                if bytes + shard.len() + own_part > BUNDLE_BODIES {
                    let bodies: Vec<&[u8]> = part.iter().map(Vec::as_slice).collect();
                    self.send(Intent::StoreBodies, release, &bodies).await?;
                    // A gate takes a shard only behind the pages that lead to it.
                    part = vec![root.clone(), leaf.page.clone()];
                    bytes = root.len() + leaf.page.len();
                }
                bytes += shard.len();
                part.push(shard);
            }
        }
        Ok(part)
    }

    async fn send(&self, intent: Intent, release: &Release, bodies: &[&[u8]]) -> Result<Answer, PushError> {
        let bundle = bundle::encode(intent, release.verified.bytes(), bodies.iter().copied())
            .map_err(|refusal| internal(PublishError::Encoding(refusal)))?;
        self.context.client.ingest(&self.gate, bundle).await
    }
}

/// The bodies of the base that a gate has; of one that was built before the start none is known.
fn base_of(held: Option<&Release>) -> HashSet<[u8; 32]> {
    let built = held.and_then(|held| held.built.as_ref());
    built.into_iter().flat_map(|built| built.bodies()).map(|object| object.sha256).collect()
}

fn internal(error: PublishError) -> PushError {
    PushError { code: "INTERNAL".to_owned(), message: error.to_string() }
}
