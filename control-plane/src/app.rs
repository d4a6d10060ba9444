use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use crate::domain::webhook::LoopbackRule;
use crate::domain::{Clock, IdSource, Timestamp};
use crate::http::metrics::Metrics;
use crate::http::rate::RateLimits;
use crate::http::sign_in_throttle::SignInThrottle;
use crate::publisher::{Propagation, Replicas, SinkStates};
use crate::seal::Vault;
use crate::storage::Store;

/// What `config.default.toml` says.
const DEFAULT_REQUESTS_PER_SECOND: u32 = 10_000;

/// Reports of gates that are held in memory at once. A gate keeps what is refused and sends it again.
const USAGE_ROOM: usize = 64;

/// What every part of the running program shares. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database, behind its traits.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<IdSource>,
    /// Secrets at rest.
    pub vault: Arc<Vault>,
    /// How far gates have come.
    pub propagation: Arc<Propagation>,
    /// How far sinks have come.
    pub sinks: Arc<SinkStates>,
    /// What gates decide by.
    pub replicas: Arc<Replicas>,
    /// How often each admin key may ask.
    pub rate_limits: Arc<RateLimits>,
    /// How often sign-in may fail.
    pub sign_ins: Arc<SignInThrottle>,
    /// What was answered.
    pub metrics: Arc<Metrics>,
    /// Room for reports of gates.
    pub usage_room: Arc<Semaphore>,
    /// Whether the publisher runs.
    pub publisher_running: Arc<watch::Sender<bool>>,
    /// Whether webhooks may lead to this machine.
    pub webhook_loopback: LoopbackRule,
}

impl App {
    /// An app whose publisher does not run yet.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, vault: Vault) -> Self {
        Self {
            store,
            clock,
            ids: Arc::default(),
            vault: Arc::new(vault),
            propagation: Arc::default(),
            sinks: Arc::default(),
            replicas: Arc::default(),
            rate_limits: Arc::new(RateLimits::new(DEFAULT_REQUESTS_PER_SECOND)),
            sign_ins: Arc::default(),
            metrics: Arc::default(),
            usage_room: Arc::new(Semaphore::new(USAGE_ROOM)),
            publisher_running: Arc::new(watch::channel(false).0),
            webhook_loopback: LoopbackRule::default(),
        }
    }

    /// The app with another bound on the requests of each admin key.
    pub fn with_requests_per_second(mut self, requests: u32) -> Self {
        self.rate_limits = Arc::new(RateLimits::new(requests));
        self
    }

    /// The app with another rule about webhooks that lead to this machine.
    pub fn with_webhook_loopback(mut self, rule: LoopbackRule) -> Self {
        self.webhook_loopback = rule;
        self
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new identifier.
    pub fn next_id<T: From<u64>>(&self) -> T {
        self.ids.next(self.now())
    }

    /// Whether the publisher runs.
    pub fn is_publishing(&self) -> bool {
        *self.publisher_running.borrow()
    }

    /// Ready once the publisher runs.
    pub async fn until_publishing(&self) {
        // The sender is ours, so it cannot be gone.
        let _ = self.publisher_running.subscribe().wait_for(|running| *running).await;
    }
}
