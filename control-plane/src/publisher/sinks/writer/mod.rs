//! Writing releases to one sink.

mod batching;
mod opening;
mod stock_taking;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use self::batching::Batching;
use super::head_name;
use super::stock::Stock;
use super::target::{Outgoing, SinkError, Target};
use crate::domain::{KeyspaceId, Sink};
use crate::publisher::release::Release;
use crate::publisher::timeline::Timeline;
use crate::publisher::walk::BaseWalk;
use crate::publisher::{Context, PublishError};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A new release is worth an attempt after this long, unless the service asked for more.
const IMPATIENCE: Duration = Duration::from_secs(1);
/// How often is looked for bodies to delete.
const TIDYING: Duration = Duration::from_secs(60);
type Hash = [u8; 32];

pub(super) struct Writer {
    context: Context,
    id: KeyspaceId,
    sink: Sink,
    timeline: Timeline,
    newest: watch::Receiver<Option<Arc<Release>>>,
    overtaken: mpsc::Sender<()>,
    confirmed: Arc<Notify>,
    stock: Stock,
    stock_taken_at: Option<Instant>,
    /// The base that is all there: its root, and its bodies.
    base: Option<(Hash, Vec<Hash>)>,
    /// When a head was last written, or could have been: by the writer before this one, if there was one.
    head_written_at: Instant,
    /// Until when the head that the sink has is good, in seconds since the epoch.
    head_valid_until: u64,
    was_overtaken: bool,
}

impl Writer {
    pub(super) fn new(
        context: Context,
        id: KeyspaceId,
        sink: Sink,
        timeline: Timeline,
        newest: watch::Receiver<Option<Arc<Release>>>,
        overtaken: mpsc::Sender<()>,
        confirmed: Arc<Notify>,
    ) -> Self {
        Self {
            context,
            id,
            sink,
            timeline,
            newest,
            overtaken,
            confirmed,
            stock: Stock::default(),
            stock_taken_at: None,
            base: None,
            head_written_at: Instant::now(),
            head_valid_until: 0,
            was_overtaken: false,
        }
    }

    /// Writes whatever is newest, for ever. `sealed` is the sink's secret.
    pub(super) async fn run(mut self, sealed: Option<Vec<u8>>) {
        let mut pause = FIRST_PAUSE;
        let mut target = None;
        loop {
            let Some(release) = self.newest.borrow_and_update().clone() else {
                if self.newest.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let now = self.context.app.now();
            self.context
                .app
                .sinks
                .update(self.id, &self.sink.name, |state| state.last_attempt_at = Some(now));
            let written = match self.opened(&mut target, sealed.as_deref()) {
                Ok(target) => self.write(target, &release).await,
                Err(error) => Err(error),
            };
            self.note(&release, &written);
            match written {
                Ok(()) => {
                    (pause, self.was_overtaken) = (FIRST_PAUSE, false);
                    self.confirmed.notify_one();
                    if let Some(target) = &target
                        && !self.tidy_until_newer(target.as_ref()).await
                    {
                        return;
                    }
                }
                Err(error) => {
                    self.rest(pause, error.retry_after).await;
                    pause = (pause * 2).min(self.context.config.retry_max);
                }
            }
        }
    }

    fn note(&self, release: &Release, written: &Result<(), SinkError>) {
        let (seq, change_seq, now) = (release.head().seq, release.head().change_seq, self.context.app.now());
        self.context.app.sinks.update(self.id, &self.sink.name, |state| match written {
            Ok(()) => state.written(seq, change_seq, now),
            Err(error) => state.last_error = Some(error.error.clone()),
        });
        let (id, sink) = (self.id, self.sink.name.as_str());
        match written {
            Ok(()) => tracing::debug!(keyspace.id = %id, sink, head.seq = seq, "wrote a head to a sink"),
            Err(SinkError { error, .. }) => tracing::warn!(
                keyspace.id = %id, sink, head.seq = seq, error.code, error.message,
                "writing to a sink failed and will be repeated"
            ),
        }
    }

    /// Bodies first, head last.
    async fn write(&mut self, target: &dyn Target, release: &Release) -> Result<(), SinkError> {
        self.take_stock(target, release).await?;
        let valid_until = release.head().valid_until;
        let mut outgoing = Vec::new();
        for (hash, bytes) in release.bodies() {
            if !self.stock.has(&hash) {
                outgoing.push(Outgoing { hash, bytes: bytes.to_vec() });
            }
        }
        self.put(target, outgoing, valid_until).await?;
        let root = release.head().base.root.sha256;
        if self.base.as_ref().is_none_or(|(complete, _)| *complete != root) {
            let bodies = self.put_base(target, release).await?;
            self.base = Some((root, bodies));
        }
        sleep_until(self.head_written_at + target.head_interval()).await;
        self.head_written_at = Instant::now();
        target.put_head(&head_name(release.head().audience), release.verified.bytes()).await?;
        let base = self.base.iter().flat_map(|(_, bodies)| bodies.iter().copied());
        let needed: HashSet<Hash> = base.chain(release.bodies().map(|(hash, _)| hash)).collect();
        self.stock.need(&needed, self.head_valid_until);
        self.head_valid_until = valid_until;
        Ok(())
    }

    /// Writes those bodies of a base that the sink lacks, and returns the hashes of all.
    async fn put_base(&mut self, target: &dyn Target, release: &Release) -> Result<Vec<Hash>, SinkError> {
        let store = Arc::clone(&self.context.app.store);
        let base = &release.head().base;
        let mut walk = BaseWalk::begin(store.as_ref(), self.id, base).await.map_err(internal)?;
        let mut batch = Batching::new(target.batch());
        let mut bodies = vec![release.head().base.root.sha256];
        let root = Outgoing { hash: bodies[0], bytes: walk.root.clone() };
        let valid_until = release.head().valid_until;
        if !self.stock.has(&root.hash) {
            batch.add(root);
        }
        while let Some(leaf) = walk.next_leaf().await.map_err(internal)? {
            bodies.push(leaf.hash);
            bodies.extend(&leaf.shards);
            if !self.stock.has(&leaf.hash) {
                batch.add(Outgoing { hash: leaf.hash, bytes: leaf.page });
            }
            for hash in leaf.shards {
                if self.stock.has(&hash) {
                    continue;
                }
                if batch.is_full() {
                    self.put(target, batch.take(), valid_until).await?;
                }
                batch.add(Outgoing { hash, bytes: walk.shard(hash).await.map_err(internal)? });
            }
        }
        self.put(target, batch.take(), valid_until).await?;
        Ok(bodies)
    }

    /// Writes bodies, and remembers those that arrived even if others did not.
    async fn put(
        &mut self,
        target: &dyn Target,
        bodies: Vec<Outgoing>,
        valid_until: u64,
    ) -> Result<(), SinkError> {
        if bodies.is_empty() {
            return Ok(());
        }
        let arrived = target.put_bodies(bodies).await;
        for hash in arrived.bodies {
            self.stock.arrived(hash, valid_until);
        }
        arrived.failure.map_or(Ok(()), Err)
    }

    /// Deletes what nobody needs any more until there is a newer release; `false`: there will be none.
    async fn tidy_until_newer(&mut self, target: &dyn Target) -> bool {
        loop {
            let due = self.stock.due(self.context.app.now().as_seconds());
            if !due.is_empty() {
                self.stock.forget(&due);
                match target.delete_bodies(&due).await {
                    Ok(()) => tracing::debug!(
                        keyspace.id = %self.id, sink = self.sink.name, bodies = due.len(), "deleted old bodies from a sink"
                    ),
                    Err(SinkError { error, .. }) => {
                        // The next stock-taking finds them again.
                        tracing::warn!(
                            keyspace.id = %self.id, sink = self.sink.name, error.code, error.message,
                            "old bodies could not be deleted from a sink"
                        );
                    }
                }
            }
            tokio::select! {
                changed = self.newest.changed() => return changed.is_ok(),
                () = tokio::time::sleep(TIDYING) => {}
            }
        }
    }

    /// Sleeps up to `pause`, with jitter, but never shorter than the service asks for.
    async fn rest(&mut self, pause: Duration, asked: Option<Duration>) {
        let started = Instant::now();
        if let Some(asked) = asked {
            sleep_until(started + asked).await;
        }
        let until = started + pause.mul_f64(rand::rng().random_range(0.5..1.0));
        tokio::select! {
            () = sleep_until(until) => {}
            changed = self.newest.changed() => {
                if changed.is_ok() {
                    sleep_until(until.min(started + IMPATIENCE)).await;
                }
            }
        }
    }
}

fn internal(error: PublishError) -> SinkError {
    SinkError::new("INTERNAL", error)
}
