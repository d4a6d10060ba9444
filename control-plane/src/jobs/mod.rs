//! What is done later or again without anybody asking: purging and forgetting what was kept long enough, and what the calendar gives
//! keys.
//!
//! One program at a time has the database, so one runner of jobs is active. A backend that several programs share has to
//! see to that by a lease; running a job twice does no harm, only work.

mod deliveries;
mod notices;
mod purge;
mod refills;
mod usage;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::config::JobsConfig;

pub use deliveries::forget_deliveries;
pub use notices::{tell_of_expiry, tell_of_stale_gates};
pub use purge::{Purged, purge};
pub use refills::refill;
pub use usage::forget_usage;

/// How often is looked for what webhooks are to be told of that nobody does.
const TELL_INTERVAL: Duration = Duration::from_secs(10);

/// Runs jobs until `stop` changes or its sender is gone.
pub async fn run(app: App, config: JobsConfig, mut stop: watch::Receiver<()>) {
    tokio::select! {
        () = purge_again_and_again(&app, config.purge_interval) => {}
        () = refill_again_and_again(&app, config.refill_interval) => {}
        () = tell_again_and_again(&app) => {}
        _ = stop.changed() => {}
    }
}

async fn purge_again_and_again(app: &App, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match purge(app).await {
            Ok(purged) if purged == Purged::default() => {}
            Ok(Purged { keys, answers, sessions }) => {
                tracing::info!(keys, answers, sessions, "purged what was kept long enough");
            }
            // What it could not do now is still there next time.
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the purge failed and is tried again later"
                );
            }
        }
        match forget_deliveries(app).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "forgot deliveries that were kept long enough"),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "old deliveries could not be forgotten; it is tried again later"
                );
            }
        }
        match forget_usage(app).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "forgot usage that was kept long enough"),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "old usage could not be forgotten; it is tried again later"
                );
            }
        }
    }
}

async fn refill_again_and_again(app: &App, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match refill(app).await {
            Ok(0) => {}
            Ok(keys) => tracing::info!(keys, "refilled keys"),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "keys were not refilled; it is tried again later"
                );
            }
        }
    }
}

async fn tell_again_and_again(app: &App) {
    let started_at = app.now();
    let mut ticks = interval(TELL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let told = match tell_of_expiry(app).await {
            Ok(()) => tell_of_stale_gates(app, started_at).await,
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "webhooks were not told of keys that expire or of gates; it is tried again later"
            );
        }
    }
}
