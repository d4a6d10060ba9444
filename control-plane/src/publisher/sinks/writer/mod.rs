//! Writing releases to one sink.

mod batching;
mod opening;
mod stock_taking;
mod upload;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use latchkey_snapshot::HighWater;
use rand::RngExt;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::head_name;
use super::stock::Stock;
use super::target::{Outgoing, SinkError, Target};
use crate::domain::{KeyspaceId, Sink};
use crate::publisher::lanes::Offers;
use crate::publisher::release::Release;
use crate::publisher::timeline::Timeline;
use crate::publisher::{Context, PublishError};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A new release is worth an attempt after this long, unless the service asked for more.
const IMPATIENCE: Duration = Duration::from_secs(1);
/// How often is looked for bodies to delete.
const TIDYING: Duration = Duration::from_secs(60);
/// How many of them go before there is another look for a release, which must not wait for all those of an old base.
const DELETED_AT_ONCE: usize = 10_000;

type Hash = [u8; 32];

pub(super) struct Writer {
    context: Context,
    id: KeyspaceId,
    sink: Sink,
    timeline: Timeline,
    offers: Offers,
    overtaken: mpsc::Sender<()>,
    confirmed: Arc<Notify>,
    stock: Stock,
    stock_taken_at: Option<Instant>,
    /// What the sink's head leads to, if all of it is known to be there.
    held: Option<Held>,
    /// The root of the base that is being written.
    coming: Option<Hash>,
    /// The roots of both bases, for others to see.
    bases: watch::Sender<HashSet<Hash>>,
    /// The last head that may have been written.
    tried: Option<HighWater>,
    /// When a head was last written, or could have been: by the writer before this one, if there was one.
    head_written_at: Instant,
    /// Until when the head that the sink has is good, in seconds since the epoch.
    head_valid_until: u64,
    was_overtaken: bool,
}

/// A head with a base of which every body is there.
struct Held {
    root: Hash,
    bodies: Arc<Vec<Hash>>,
    revoked_through: u64,
}

/// What was written.
enum Written {
    Newest,
    /// A newer base was published while this one was written.
    Older,
}

impl Writer {
    pub(super) fn new(
        context: Context,
        id: KeyspaceId,
        sink: Sink,
        timeline: Timeline,
        offers: Offers,
        overtaken: mpsc::Sender<()>,
        confirmed: Arc<Notify>,
    ) -> Self {
        Self {
            context,
            id,
            sink,
            timeline,
            offers,
            overtaken,
            confirmed,
            stock: Stock::default(),
            stock_taken_at: None,
            held: None,
            coming: None,
            bases: watch::Sender::default(),
            tried: None,
            head_written_at: Instant::now(),
            head_valid_until: 0,
            was_overtaken: false,
        }
    }

    /// The roots of the bases that the sink has or is being given.
    pub(super) fn bases(&self) -> watch::Receiver<HashSet<Hash>> {
        self.bases.subscribe()
    }

    /// Writes whatever is newest, for ever. `sealed` is the sink's secret.
    pub(super) async fn run(mut self, sealed: Option<Vec<u8>>) {
        let mut pause = FIRST_PAUSE;
        let mut opened = None;
        loop {
            let Some(offer) = self.offers.borrow_and_update().clone() else {
                if self.offers.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let now = self.context.app.now();
            self.context.app.sinks.update(self.id, &self.sink.name, |state| state.begun(now));
            match self.attempt(&mut opened, sealed.as_deref(), &offer.newest).await {
                Ok(written) => {
                    (pause, self.was_overtaken) = (FIRST_PAUSE, false);
                    if matches!(written, Written::Newest)
                        && let Some(target) = &opened
                        && !self.tidy_until_newer(target.as_ref()).await
                    {
                        return;
                    }
                }
                Err(error) => {
                    self.note_failure(&error);
                    self.rest(pause, error.retry_after).await;
                    pause = (pause * 2).min(self.context.config.retry_max);
                }
            }
        }
    }

    async fn attempt(
        &mut self,
        opened: &mut Option<Arc<dyn Target>>,
        sealed: Option<&[u8]>,
        newest: &Release,
    ) -> Result<Written, SinkError> {
        let target = match opened {
            Some(opened) => opened,
            empty => empty.insert(self.open(sealed)?),
        };
        self.write(target, newest).await
    }

    /// Bodies first, head last.
    async fn write(&mut self, target: &Arc<dyn Target>, newest: &Release) -> Result<Written, SinkError> {
        self.take_stock(target.as_ref(), newest).await?;
        let root = newest.head().base.root.sha256;
        let bodies = match &self.held {
            Some(held) if held.root == root => Arc::clone(&held.bodies),
            _ => self.put_base(target, newest).await?,
        };
        // That took its time: by now another head over this base may say more. If none does any more, something newer has to be written.
        let Some(offer) = self.offers.borrow_and_update().clone() else { return Ok(Written::Older) };
        if let Some(release) = offer.over(&root) {
            self.publish(target.as_ref(), release, bodies).await?;
        }
        Ok(if offer.newest.head().base.root.sha256 == root { Written::Newest } else { Written::Older })
    }

    /// Writes a head and its own bodies, where `base` is all there.
    async fn publish(
        &mut self,
        target: &dyn Target,
        release: &Release,
        base: Arc<Vec<Hash>>,
    ) -> Result<(), SinkError> {
        let valid_until = release.head().valid_until;
        let lacking = release.bodies().filter(|(hash, _)| !self.stock.has(hash));
        let lacking = lacking.map(|(hash, bytes)| Outgoing { hash, bytes: bytes.to_vec() }).collect();
        self.put(target, lacking, valid_until).await?;
        sleep_until(self.head_written_at + target.head_interval()).await;
        self.refuse_to_go_back(release)?;
        // Whatever comes of it.
        self.tried = Some(release.head().high_water());
        let put = target.put_head(&head_name(release.head().audience), release.verified.bytes()).await;
        self.head_written_at = Instant::now();
        put?;
        let needed: HashSet<Hash> =
            base.iter().copied().chain(release.bodies().map(|(hash, _)| hash)).collect();
        self.stock.need(&needed, self.head_valid_until);
        self.head_valid_until = valid_until;
        let root = release.head().base.root.sha256;
        self.held = Some(Held { root, bodies: base, revoked_through: release.revoked_through });
        self.coming.take_if(|coming| *coming == root);
        self.show_bases();
        self.note(release);
        Ok(())
    }

    /// A head over a new base may be a moment older than one over the base before that overtook it, and not know of who was shut out in that
    /// moment. The next one does.
    fn refuse_to_go_back(&self, release: &Release) -> Result<(), SinkError> {
        let knew = self.held.as_ref().map_or(0, |held| held.revoked_through);
        if self.tried > Some(release.head().high_water()) || knew > release.revoked_through {
            return Err(SinkError::new(
                "INTERNAL",
                "the sink's head says more than the one that was to be written",
            ));
        }
        Ok(())
    }

    fn show_bases(&self) {
        let held = self.held.as_ref().map(|held| held.root);
        self.bases.send_replace(held.into_iter().chain(self.coming).collect());
    }

    fn note(&self, release: &Release) {
        let (mark, now) = (release.mark(), self.context.app.now());
        self.context.app.sinks.update(self.id, &self.sink.name, |state| state.written(mark, now));
        self.confirmed.notify_one();
        tracing::debug!(keyspace.id = %self.id, sink = self.sink.name, head.seq = mark.seq, "wrote a head to a sink");
    }

    fn note_failure(&self, SinkError { error, .. }: &SinkError) {
        self.context
            .app
            .sinks
            .update(self.id, &self.sink.name, |state| state.last_error = Some(error.clone()));
        tracing::warn!(
            keyspace.id = %self.id, sink = self.sink.name, error.code, error.message,
            "writing to a sink failed and will be repeated"
        );
    }

    /// Deletes what nobody needs any more until there is a newer release; `false`: there will be none.
    async fn tidy_until_newer(&mut self, target: &dyn Target) -> bool {
        loop {
            let mut due = self.stock.due(self.context.app.now().as_seconds());
            let pause = if due.len() > DELETED_AT_ONCE { Duration::ZERO } else { TIDYING };
            due.truncate(DELETED_AT_ONCE);
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
                biased;
                changed = self.offers.changed() => return changed.is_ok(),
                () = tokio::time::sleep(pause) => {}
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
            changed = self.offers.changed() => {
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
