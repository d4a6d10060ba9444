//! What is done later or again without anybody asking: purging and forgetting what was kept long enough, and what the calendar gives
//! keys.
//!
//! One program at a time has the database, so one runner of jobs is active. A backend that several programs share has to
//! see to that by a lease; running a job twice does no harm, only work.

mod deliveries;
mod purge;
mod refills;
mod usage;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::config::JobsConfig;

pub use deliveries::forget_deliveries;
pub use purge::{Purged, purge};
pub use refills::refill;
pub use usage::forget_usage;

/// Runs jobs until `stop` changes or its sender is gone.
pub async fn run(app: App, config: JobsConfig, mut stop: watch::Receiver<()>) {
    tokio::select! {
        () = purge_again_and_again(&app, config.purge_interval) => {}
        () = refill_again_and_again(&app, config.refill_interval) => {}
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
