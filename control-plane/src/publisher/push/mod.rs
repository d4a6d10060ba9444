//! Pushing releases to gates: one task per gate, each at its own pace, each always with the newest release.
//!
//! While a new base is uploaded to a gate, the gate decides by the one before. A revocation made meanwhile overtakes the upload, in a head
//! over the base that the gate has; then the upload goes on where it was.

mod upload;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use self::upload::Upload;
use super::gate_client::Answer;
use super::hearing::Hearing;
use super::lanes::{Offer, Offers};
use super::refusals::Word;
use super::release::Release;
use super::timeline::{Heard, Timeline};
use super::{Context, FOREIGN_HEAD, Mark, PushError};
use crate::domain::{GateUrl, KeyspaceId};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A new release is worth an attempt after this long, however long the pause is that a gate has earned.
const IMPATIENCE: Duration = Duration::from_secs(1);

/// When a gate is asked, after it confirmed something new, how many of its isolates have it. Those ask for news every few seconds.
const RECEIPTS: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// The roots of the bases that gates have, as far as we know.
type HeldBases = Arc<Mutex<HashMap<GateUrl, [u8; 32]>>>;

/// The gates of a keyspace. Dropping it ends their tasks.
pub(super) struct Gates {
    context: Context,
    id: KeyspaceId,
    timeline: Timeline,
    offer: watch::Sender<Option<Arc<Offer>>>,
    held: HeldBases,
    pushers: HashMap<GateUrl, AbortHandle>,
    overtaken: mpsc::Sender<()>,
    words: mpsc::Sender<Word>,
    confirmed: Arc<Notify>,
}

impl Gates {
    /// `overtaken` hears of gates that refuse a release because they have one as new, `words` of what they say of releases.
    pub(super) fn new(
        context: Context,
        id: KeyspaceId,
        timeline: Timeline,
        overtaken: mpsc::Sender<()>,
        words: mpsc::Sender<Word>,
    ) -> Self {
        let (offer, _) = watch::channel(None);
        let (held, pushers) = (HeldBases::default(), HashMap::new());
        Self { context, id, timeline, offer, held, pushers, overtaken, words, confirmed: Arc::default() }
    }

    /// Gives every gate something newer to push.
    pub(super) fn offer(&self, offer: Arc<Offer>) {
        self.offer.send_replace(Some(offer));
    }

    /// The roots of the bases that gates have.
    pub(super) fn held_bases(&self) -> HashSet<[u8; 32]> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }

    /// Gives no gate anything any more, until there is something newer.
    pub(super) fn halt(&self) {
        self.offer.send_replace(None);
    }

    /// Begins with gates that are new and ends with those that are gone.
    pub(super) fn set(&mut self, gates: &[GateUrl]) {
        self.pushers.retain(|gate, pusher| {
            let stays = gates.contains(gate);
            if !stays {
                pusher.abort();
                self.context.app.propagation.forget(self.id, gate);
                self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(gate);
            }
            stays
        });
        for gate in gates {
            if !self.pushers.contains_key(gate) {
                let (context, words) = (self.context.clone(), self.words.clone());
                let pusher = Pusher {
                    context: self.context.clone(),
                    id: self.id,
                    gate: gate.clone(),
                    timeline: self.timeline.clone(),
                    offers: self.offer.subscribe(),
                    overtaken: self.overtaken.clone(),
                    hearing: Hearing::new(context, self.id, gate.clone(), words),
                    confirmed: Arc::clone(&self.confirmed),
                    held: Held::Unknown,
                    was_asked: false,
                    held_bases: Arc::clone(&self.held),
                    upload: Upload::default(),
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
    timeline: Timeline,
    offers: Offers,
    overtaken: mpsc::Sender<()>,
    hearing: Hearing,
    confirmed: Arc<Notify>,
    held: Held,
    /// Whether the gate has said since we started that it is not ahead of us.
    was_asked: bool,
    held_bases: HeldBases,
    upload: Upload,
}

/// What became of a push.
enum Pushed {
    Confirmed(Answer),
    /// Somebody was shut out, and this head over the base that the gate has says so.
    Overtaken(Arc<Release>),
}

impl Pusher {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        let mut was_overtaken = false;
        let mut urgent = None;
        loop {
            let Some(offer) = self.offers.borrow_and_update().clone() else {
                if self.offers.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let release = urgent.take().unwrap_or_else(|| Arc::clone(&offer.newest));
            let pushed = match self.push_unless_ahead(&release).await {
                Ok(Pushed::Overtaken(lane)) => {
                    (self.upload.yields, urgent) = (false, Some(lane));
                    continue;
                }
                Ok(Pushed::Confirmed(answer)) => Ok(answer),
                Err(error) => Err(error),
            };
            self.note(&release, &pushed);
            self.hearing.push(&release, &pushed);
            let is_newest = Arc::ptr_eq(&release, &offer.newest);
            // A revocation that did not get through is as urgent as before.
            self.upload.yields |= !is_newest && pushed.is_err();
            match pushed {
                Ok(_) => {
                    let is_news = self.is_news(&release);
                    self.hold(Held::Release(Arc::clone(&release)));
                    (pause, was_overtaken) = (FIRST_PAUSE, false);
                    self.confirmed.notify_one();
                    if is_newest && is_news {
                        self.gather_receipts(&release).await;
                    }
                    if is_newest && self.offers.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                Err(error) if error.code == "BODY_MISSING" && !matches!(self.held, Held::Nothing) => {
                    // It lost its storage, or is new: now it gets everything.
                    self.hold(Held::Nothing);
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

    fn hold(&mut self, held: Held) {
        let mut bases = self.held_bases.lock().unwrap_or_else(PoisonError::into_inner);
        match &held {
            Held::Release(release) => bases.insert(self.gate.clone(), release.head().base.root.sha256),
            Held::Unknown | Held::Nothing => {
                self.upload.stored.clear();
                bases.remove(&self.gate)
            }
        };
        self.held = held;
    }

    fn note(&self, release: &Release, pushed: &Result<Answer, PushError>) {
        let (now, propagation) = (self.context.app.now(), &self.context.app.propagation);
        match pushed {
            Ok(answer) => {
                let Answer { seq, change_seq, ref isolates } = *answer;
                let mark = if seq == release.head().seq {
                    release.mark()
                } else {
                    Mark { seq, change_seq, revoked_through: change_seq }
                };
                propagation.confirm(self.id, &self.gate, mark, isolates.clone(), now);
            }
            Err(error) => propagation.update(self.id, &self.gate, |state| {
                (state.last_attempt_at, state.last_error) = (Some(now), Some(error.clone()));
            }),
        }
        let (id, gate, seq) = (self.id, self.gate.as_str(), release.head().seq);
        match pushed {
            Ok(_) => tracing::debug!(keyspace.id = %id, gate, head.seq = seq, "pushed a head"),
            Err(error) => tracing::warn!(
                keyspace.id = %id, gate, head.seq = seq, error.code, error.message, "a push failed and will be repeated"
            ),
        }
    }

    /// Whether the release brings the gate anything that it does not have.
    fn is_news(&self, release: &Release) -> bool {
        let Held::Release(held) = &self.held else { return true };
        held.mark().change_seq != release.mark().change_seq || held.head().policy != release.head().policy
    }

    /// Asks the gate how many of its isolates have the release, until all have it or there is a newer one.
    async fn gather_receipts(&mut self, release: &Release) {
        let seq = release.head().seq;
        for pause in RECEIPTS {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // Another look at it does not take it away.
                _ = self.offers.changed() => return self.offers.mark_changed(),
            }
            let Ok(isolates) = self.context.client.isolates(&self.gate).await else { return };
            let have_it = !isolates.is_empty() && isolates.iter().all(|isolate| isolate.seq >= seq);
            self.hearing.isolates(release, &isolates);
            self.context.app.propagation.note_isolates(self.id, &self.gate, isolates);
            if have_it {
                return;
            }
        }
    }

    /// Sleeps up to `pause`, with jitter, so that gates that failed together do not come back together.
    async fn rest(&mut self, pause: Duration) {
        let until = Instant::now() + pause.mul_f64(rand::rng().random_range(0.5..1.0));
        let soon = until.min(Instant::now() + IMPATIENCE);
        tokio::select! {
            () = sleep_until(until) => {}
            changed = self.offers.changed() => {
                if changed.is_ok() {
                    sleep_until(soon).await;
                }
            }
        }
    }

    /// A gate that may be ahead of this database is asked first: a head with a number that is high enough would make it forget what
    /// only it knows.
    async fn push_unless_ahead(&mut self, release: &Release) -> Result<Pushed, PushError> {
        if !self.was_asked {
            if self.timeline.ask(&self.gate).await? == Heard::Foreign {
                let _ = self.overtaken.try_send(());
                return Err(foreign());
            }
            self.was_asked = true;
        }
        let pushed = self.push(release).await;
        let overtaken = pushed.as_ref().is_err_and(|error| error.code == "NOT_NEWER");
        if overtaken && self.timeline.ask_with(&self.gate, release.verified.bytes()).await? == Heard::Foreign
        {
            let _ = self.overtaken.try_send(());
            return Err(foreign());
        }
        pushed
    }
}

fn foreign() -> PushError {
    PushError { code: "FOREIGN_HEAD".to_owned(), message: FOREIGN_HEAD.to_owned() }
}
