//! Webhooks: tells the outside of events, by the Standard Webhooks 1.0.
//!
//! 1. A mutation writes its events in its own transaction, if anybody listens (`storage/sqlite/webhooks/events.rs`): none is lost with a
//!    crash, none tells of what did not happen, and without a listener nothing is written.
//! 2. The `dispatcher` makes one delivery of each event for each webhook that wants it, and moves its cursor, in one transaction. For a
//!    webhook that fails, or has too many waiting, events wait without deliveries (`storage/sqlite/webhooks/backlog.rs`).
//! 3. The `lane` of a webhook tries its deliveries: those about one key in their order, again and again for 28 hours. Of what waits it
//!    makes deliveries as it can use them. A delivery is done when the receiver's 2xx is on disk; after a crash before that it is sent
//!    again, under the same id.
//! 4. The `client` makes the request, to nowhere that only we can reach (`resolver`).
//!
//! A receiver that answers 410, or fails for five days, is switched off, and an event says so.

mod client;
mod dispatcher;
mod lane;
mod resolver;
mod signature;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::client::WebhookClient;
use crate::app::App;

pub use dispatcher::run;
pub use signature::WebhookSecret;

/// Requests under way at once, of all webhooks together: so many to receivers whose last answer was a good one, and as many to others.
const REQUESTS: usize = 256;

/// What every lane shares.
#[derive(Clone)]
struct Context {
    app: App,
    client: WebhookClient,
    permits: Permits,
}

/// Bounds on all requests together.
#[derive(Clone)]
struct Permits {
    proven: Arc<Semaphore>,
    others: Arc<Semaphore>,
}

impl Default for Permits {
    fn default() -> Self {
        let room = || Arc::new(Semaphore::new(REQUESTS));
        Self { proven: room(), others: room() }
    }
}

impl Permits {
    async fn one(&self, is_proven: bool) -> Option<OwnedSemaphorePermit> {
        let semaphore = if is_proven { &self.proven } else { &self.others };
        // They are never closed.
        Arc::clone(semaphore).acquire_owned().await.ok()
    }
}
