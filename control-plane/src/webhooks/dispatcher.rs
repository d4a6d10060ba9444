use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use super::client::WebhookClient;
use super::lane::{self, Wake};
use super::{Context, Permits};
use crate::app::App;
use crate::domain::WebhookId;
use crate::storage::StoreError;

/// Events that become deliveries in one transaction.
const BATCH: u32 = 500;
/// How often is looked for retries that are due; no lane goes by older settings of its webhook than that.
const TICK: Duration = Duration::from_secs(1);
/// Events that come this soon after one another become deliveries together.
const COALESCE: Duration = Duration::from_millis(2);

/// Delivers events until `stop` changes or its sender is gone.
///
/// # Errors
/// Requests cannot be made at all.
pub async fn run(app: App, mut stop: watch::Receiver<()>) -> anyhow::Result<()> {
    let client = WebhookClient::new(app.webhook_loopback).context("webhooks cannot be delivered")?;
    let notices = app.store.event_notices();
    let context = Context { app, client, permits: Permits::default() };
    let mut dispatcher = Dispatcher { context, lanes: JoinSet::new(), running: HashMap::new() };
    tokio::select! {
        () = dispatcher.dispatch(&notices) => {}
        _ = stop.changed() => {}
    }
    Ok(())
    // Dropping the lanes cuts attempts off. What was not noted is sent again, under the same id.
}

struct Dispatcher {
    context: Context,
    lanes: JoinSet<()>,
    running: HashMap<WebhookId, Running>,
}

struct Running {
    task: Id,
    wake: Arc<Wake>,
}

impl Dispatcher {
    async fn dispatch(&mut self, notices: &Notify) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let worked = tokio::select! {
                () = notices.notified() => self.spread().await,
                _ = ticks.tick() => self.look_around().await,
                Some(ended) = self.lanes.join_next_with_id() => {
                    self.bury(&ended);
                    continue;
                }
            };
            if let Err(error) = worked {
                tracing::error!(error = &error as &dyn std::error::Error, "events cannot be delivered");
                tokio::time::sleep(TICK).await;
            }
        }
    }

    /// Makes deliveries of new events. A notice without any is of a change of a webhook, or of what somebody wants sent again. Should both
    /// have come together, the next tick tells the lanes.
    async fn spread(&mut self) -> Result<(), StoreError> {
        tokio::time::sleep(COALESCE).await;
        if self.fan_out().await? > 0 {
            return Ok(());
        }
        self.mark_stale();
        // Those whose webhook is gone end.
        self.running.values().for_each(|running| running.wake.notify());
        self.wake_due().await
    }

    fn mark_stale(&self) {
        self.running.values().for_each(|running| running.wake.mark_stale());
    }

    async fn look_around(&mut self) -> Result<(), StoreError> {
        self.mark_stale();
        self.fan_out().await?;
        self.wake_due().await
    }

    async fn fan_out(&mut self) -> Result<u32, StoreError> {
        let mut sum = 0;
        loop {
            let spread = self.context.app.store.fan_out(BATCH, self.context.app.now()).await?;
            spread.webhooks.into_iter().for_each(|id| self.wake(id));
            sum += spread.events;
            if spread.events < BATCH {
                return Ok(sum);
            }
        }
    }

    async fn wake_due(&mut self) -> Result<(), StoreError> {
        let due = self.context.app.store.webhooks_with_due(self.context.app.now()).await?;
        due.into_iter().for_each(|id| self.wake(id));
        Ok(())
    }

    fn wake(&mut self, id: WebhookId) {
        let running = self.running.entry(id).or_insert_with(|| {
            let wake = Arc::new(Wake::default());
            let work = lane::run(self.context.clone(), id, Arc::clone(&wake));
            Running { task: self.lanes.spawn(work).id(), wake }
        });
        running.wake.notify();
    }

    /// A lane ends when its webhook is switched off or gone, and if it panics. Should something be due, the next tick begins a new one.
    fn bury(&mut self, ended: &Result<(Id, ()), JoinError>) {
        let task = match ended {
            Ok((task, ())) => *task,
            Err(error) => {
                tracing::error!(%error, "the lane of a webhook failed badly and begins again");
                error.id()
            }
        };
        self.running.retain(|_, running| running.task != task);
    }
}
