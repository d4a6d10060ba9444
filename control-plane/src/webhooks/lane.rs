//! The lane of one webhook: its deliveries go at its own pace, those about one key one after the other, and a receiver that is slow or
//! gone holds up no other webhook.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::client::Message;
use super::{Context, WebhookSecret};
use crate::domain::webhook::{AttemptRecord, DueDelivery, Outcome};
use crate::domain::{DeliveryId, KeyId, Timestamp, Webhook, WebhookId};
use crate::storage::{DueWebhook, StoreError};

/// Deliveries of one webhook under way at once. A receiver that has not shown that it answers gets one, and twice as many with each
/// answer: so that many dead ones together take nothing from those that live.
const CONCURRENCY: usize = 16;
/// The same for a receiver that answers, but takes its time: many such ones together must not take all requests that there may be.
const SLOW_CONCURRENCY: usize = 2;
/// A receiver that takes longer is slow.
const QUICK: Duration = Duration::from_secs(1);
/// Deliveries that are read at a time of a webhook whose receiver answers, and of others: bounds what lanes hold in memory.
const BATCH: u32 = 256;
const PROBES: u32 = 4;
/// How long a receiver that failed is left alone; twice as long after each further failure.
const FIRST_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(5);
/// Pause before whatever failed through no fault of the receiver's is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// How a lane is told that there may be something to do.
#[derive(Default)]
pub(super) struct Wake {
    notify: Notify,
    is_stale: AtomicBool,
}

impl Wake {
    /// Something may be due.
    pub(super) fn notify(&self) {
        self.notify.notify_one();
    }

    /// The webhook may have been changed: what was read of it is read again before more is sent. A lane that sleeps sleeps on.
    pub(super) fn mark_stale(&self) {
        self.is_stale.store(true, Ordering::Relaxed);
    }
}

/// Delivers until the webhook is switched off or gone.
pub(super) async fn run(context: Context, id: WebhookId, wake: Arc<Wake>) {
    let mut lane = Lane {
        context,
        id,
        sender: None,
        queue: VecDeque::new(),
        running: JoinSet::new(),
        in_hand: HashSet::new(),
        busy_keys: HashSet::new(),
        may_run: 1,
        is_proven: false,
        may_probe: true,
        failures: 0,
        rests_until: None,
    };
    let mut may_have_more = true;
    loop {
        if lane.running.is_empty() {
            lane.rest().await;
        }
        if wake.is_stale.swap(false, Ordering::Relaxed) {
            lane.forget_queue();
            may_have_more = true;
        }
        if may_have_more && lane.queue.is_empty() {
            may_have_more = match lane.load().await {
                Ok(Some(more)) => more,
                // Those that are under way are noted by tasks of their own, which dropping them would cut off.
                Ok(None) => return lane.finish_running().await,
                Err(error) => {
                    tracing::error!(webhook.id = %id, error = &error as &dyn std::error::Error, "deliveries cannot be read");
                    tokio::time::sleep(PAUSE).await;
                    true
                }
            };
        }
        lane.start();
        if lane.running.is_empty() {
            if lane.queue.is_empty() && !may_have_more {
                wake.notify.notified().await;
                (may_have_more, lane.may_probe) = (true, true);
            }
            continue;
        }
        tokio::select! {
            () = wake.notify.notified() => (may_have_more, lane.may_probe) = (true, true),
            Some(done) = lane.running.join_next() => {
                lane.settle(done);
                // Something may have waited for it.
                may_have_more |= lane.running.is_empty();
            }
        }
    }
}

struct Lane {
    context: Context,
    id: WebhookId,
    sender: Option<Arc<Sender>>,
    queue: VecDeque<DueDelivery>,
    running: JoinSet<Done>,
    /// Queued or under way.
    in_hand: HashSet<DeliveryId>,
    busy_keys: HashSet<KeyId>,
    /// How many may be under way.
    may_run: usize,
    /// Whether the last answer was a good one, and quick.
    is_proven: bool,
    /// Whether one of the events that wait may be made a delivery for a receiver that has not shown that it answers: one for each attempt,
    /// or each time that the lane is told of something.
    may_probe: bool,
    /// Failures in a row.
    failures: u32,
    /// A receiver that fails gets a pause, however much there is for it, so that dead ones cost the living nothing.
    rests_until: Option<Instant>,
}

/// A delivery that was tried.
struct Done {
    id: DeliveryId,
    key: Option<KeyId>,
    outcome: Outcome,
    is_quick: bool,
}

impl Lane {
    /// Reads what is due. `None`: the webhook is off. `true`: there may be more than was read.
    async fn load(&mut self) -> Result<Option<bool>, StoreError> {
        let now = self.context.app.now();
        let batch = if self.is_proven { BATCH } else { PROBES };
        let due = self.context.app.store.due_deliveries(self.id, now, batch).await?;
        let Some(DueWebhook { webhook, secrets, deliveries, events_wait }) = due else { return Ok(None) };
        let open = |sealed: &[u8]| {
            let opened = self.context.app.vault.open_webhook_secret(webhook.id, sealed);
            opened.map(|bytes| WebhookSecret::new(webhook.signature, bytes))
        };
        let opened = open(&secrets.present)
            .and_then(|present| Ok((present, secrets.old.as_deref().map(open).transpose()?)));
        match opened {
            Ok((present, old)) => self.sender = Some(Arc::new(Sender { webhook, present, old })),
            Err(error) => {
                tracing::error!(webhook.id = %self.id, %error, "the secret of a webhook cannot be used");
                tokio::time::sleep(PAUSE * 30).await;
                return Ok(Some(false));
            }
        }
        let is_full = deliveries.len() == batch as usize;
        for delivery in deliveries {
            if self.in_hand.insert(delivery.id) {
                self.queue.push_back(delivery);
            }
        }
        if self.queue.is_empty() && events_wait {
            return self.catch_up().await.map(Some);
        }
        Ok(Some(is_full && !self.queue.is_empty()))
    }

    /// Makes deliveries of events that wait. `true`: there is something to be read.
    async fn catch_up(&mut self) -> Result<bool, StoreError> {
        let may_try = self.is_proven || (self.may_probe && self.running.is_empty());
        if !may_try {
            return Ok(false);
        }
        let limit = if self.is_proven { BATCH } else { 1 };
        let made = self.context.app.store.catch_up(self.id, limit, self.context.app.now()).await?;
        self.may_probe &= made.deliveries == 0;
        Ok(made.deliveries > 0 || made.may_have_more)
    }

    /// Nothing is sent of what was read until now and is not under way.
    fn forget_queue(&mut self) {
        for delivery in self.queue.drain(..) {
            self.in_hand.remove(&delivery.id);
        }
    }

    async fn rest(&self) {
        if let Some(until) = self.rests_until {
            tokio::time::sleep_until(until.into()).await;
        }
    }

    /// Begins with as many as may be under way.
    fn start(&mut self) {
        if self.rests_until.is_some_and(|until| until > Instant::now()) {
            return;
        }
        let Some(sender) = &self.sender else { return };
        while self.running.len() < self.may_run {
            let is_free =
                |delivery: &DueDelivery| delivery.key_id.is_none_or(|key| !self.busy_keys.contains(&key));
            let Some(at) = self.queue.iter().position(is_free) else { return };
            let Some(delivery) = self.queue.remove(at) else { return };
            self.busy_keys.extend(delivery.key_id);
            let work = attempt(self.context.clone(), Arc::clone(sender), delivery, self.is_proven);
            self.running.spawn(work);
        }
    }

    fn settle(&mut self, done: Result<Done, tokio::task::JoinError>) {
        let Done { id, key, outcome, is_quick } = match done {
            Ok(done) => done,
            Err(error) => {
                tracing::error!(webhook.id = %self.id, %error, "a delivery failed badly");
                // Which one it was nobody knows: begin anew. What is under way is then perhaps sent twice, which receivers must bear.
                self.queue.clear();
                self.in_hand.clear();
                return self.busy_keys.clear();
            }
        };
        self.in_hand.remove(&id);
        if let Some(key) = key {
            self.busy_keys.remove(&key);
        }
        self.may_probe = true;
        self.is_proven = outcome == Outcome::Delivered && is_quick;
        if outcome == Outcome::Delivered {
            self.may_run = (self.may_run * 2).min(if is_quick { CONCURRENCY } else { SLOW_CONCURRENCY });
            (self.failures, self.rests_until) = (0, None);
        } else {
            self.may_run = 1;
            let pause = (FIRST_REST * 2_u32.pow(self.failures)).min(LONGEST_REST);
            self.failures = (self.failures + 1).min(10);
            self.rests_until = Some(Instant::now() + pause);
            // What waits behind it may have to wait longer now, or the webhook was switched off by it; the next reading knows.
            self.forget_queue();
        }
    }

    async fn finish_running(mut self) {
        while self.running.join_next().await.is_some() {}
    }
}

/// What an attempt needs of its webhook.
struct Sender {
    webhook: Webhook,
    present: WebhookSecret,
    old: Option<WebhookSecret>,
}

impl Sender {
    fn message(&self, delivery: &DueDelivery, now: Timestamp) -> Message {
        let (id, timestamp) = (delivery.event_id.to_string(), now.as_seconds());
        let old =
            self.old.as_ref().filter(|_| self.webhook.old_secret_until.is_some_and(|until| until > now));
        let secrets = std::iter::once(&self.present).chain(old);
        let signatures = secrets.map(|secret| secret.sign(&id, timestamp, &delivery.body)).collect();
        Message { id, timestamp, signatures, body: delivery.body.clone() }
    }
}

async fn attempt(context: Context, sender: Arc<Sender>, delivery: DueDelivery, is_proven: bool) -> Done {
    let Context { app, client, permits } = context;
    let _permit = permits.one(is_proven).await;
    let (at, begun) = (app.now(), Instant::now());
    let answer = client.deliver(&sender.webhook.settings.url, sender.message(&delivery, at)).await;
    let (outcome, took) = (answer.outcome, begun.elapsed());
    let record = AttemptRecord {
        delivery_id: delivery.id,
        webhook_id: sender.webhook.id,
        at,
        ended_at: app.now(),
        duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        status: answer.status,
        error: answer.error,
        response: answer.body,
        outcome,
        lot: rand::rng().random_range(0.0..1.0),
    };
    let webhook = sender.webhook.id;
    tracing::debug!(webhook.id = %webhook, delivery.id = %delivery.id, status = record.status, error = record.error, "tried a delivery");
    let noted = match app.store.note_attempt(record).await {
        Ok(Some(reason)) => {
            tracing::warn!(webhook.id = %webhook, reason = reason.as_str(), "a webhook is switched off");
            app.store.disable_webhook(webhook, reason, app.next_id(), app.now()).await.map(drop)
        }
        noted => noted.map(drop),
    };
    if let Err(error) = noted {
        // It is due still, and is sent again: better twice than never.
        tracing::error!(webhook.id = %webhook, error = &error as &dyn std::error::Error, "an attempt could not be noted");
        tokio::time::sleep(PAUSE).await;
    }
    Done { id: delivery.id, key: delivery.key_id, outcome, is_quick: took <= QUICK }
}
