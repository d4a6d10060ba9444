//! What an isolate holds in memory: its settings, its snapshot, and how old its knowledge is.
//!
//! Nothing here is borrowed across an await: requests of one isolate interleave at every one.

use std::cell::RefCell;
use std::rc::Rc;

use latchkey_snapshot::{HashedBody, ObjectRef, Refusal, Snapshot};
use latchkey_validator::{Age, GateView, Loaded, Rules};
use worker::Env;

use crate::config::{Config, ConfigError};
use crate::protocol::{Held, Nack};

/// A snapshot older than this many refresh intervals is not decided from before it was refreshed. With the default interval of 2 s an
/// isolate that wakes up again decides from nothing older than 4 s, which keeps a revocation within 5 s.
const STALE_INTERVALS: f64 = 2.0;
/// A refresh that has not ended after this long has died with its request, and another may start.
pub(crate) const REFRESH_DEADLINE_MS: f64 = 4_000.0;
/// After a refresh that reached no source, requests decide from what there is for this long before one tries again.
const RETRY_AFTER_MS: f64 = 250.0;
/// An unknown key asks for newer data only if ours is older than this: a key is often used at once after it was made.
const MISS_AGE_MS: f64 = 250.0;
/// And at most this often, so that a flood of junk costs one call a second.
const MISS_INTERVAL_MS: f64 = 1_000.0;
/// Bytes of shards that an isolate keeps: 128 MB is what a Worker has in all.
const SHARD_BUDGET: usize = 48 * 1_024 * 1_024;

thread_local! {
    static ISOLATE: RefCell<Isolate> = RefCell::new(Isolate::new());
}

/// Runs `work` on the isolate's state. It must not call back into this function.
pub(crate) fn with<T>(work: impl FnOnce(&mut Isolate) -> T) -> T {
    ISOLATE.with_borrow_mut(work)
}

/// 16 hexadecimal characters of the host's randomness.
pub(crate) fn random_hex() -> String {
    // 32 bits twice: a double from the host has 52 random bits.
    let half = || (js_sys::Math::random() * 4_294_967_296.0) as u32;
    format!("{:08x}{:08x}", half(), half())
}

/// What a request has to do about the age of the isolate's knowledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    Decide,
    DecideAndRefresh,
    RefreshFirst,
}

pub(crate) struct Isolate {
    config: Option<Rc<Config>>,
    /// Made with the first refresh: randomness is not to be had before the first request.
    id: Option<String>,
    snapshot: Option<Snapshot>,
    /// Of the snapshot's policy; always there when the snapshot is.
    rules: Option<Rules>,
    /// When a source last said what is newest.
    refreshed_at: f64,
    /// When a refresh last ended, well or not.
    tried_at: f64,
    refreshing_since: Option<f64>,
    missed_at: f64,
    refused: Option<Nack>,
    /// The body without which the last undecided request cannot be decided.
    needed: Option<ObjectRef>,
}

impl Isolate {
    fn new() -> Self {
        Self {
            config: None,
            id: None,
            snapshot: None,
            rules: None,
            refreshed_at: f64::NEG_INFINITY,
            tried_at: f64::NEG_INFINITY,
            refreshing_since: None,
            missed_at: f64::NEG_INFINITY,
            refused: None,
            needed: None,
        }
    }

    pub(crate) fn config(&self) -> Option<&Rc<Config>> {
        self.config.as_ref()
    }

    pub(crate) fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    pub(crate) fn held(&self) -> Option<Held> {
        self.snapshot.as_ref().map(Held::of)
    }

    pub(crate) fn id(&mut self) -> &str {
        self.id.get_or_insert_with(random_hex)
    }

    /// What the validator decides from.
    pub(crate) fn view(&self) -> Option<GateView<'_>> {
        let config = self.config.as_ref()?;
        let loaded = match (&self.snapshot, &self.rules) {
            (Some(snapshot), Some(rules)) => Some(Loaded { snapshot, rules }),
            _ => None,
        };
        Some(GateView { peppers: &config.peppers, loaded })
    }

    pub(crate) fn age(&self, now: u64) -> Option<Age> {
        self.view()?.loaded.map(|loaded| loaded.age(now))
    }

    /// Milliseconds since a source last said what is newest.
    pub(crate) fn refreshed_ago(&self, now_ms: f64) -> f64 {
        now_ms - self.refreshed_at
    }

    pub(crate) fn freshness(&self, now_ms: f64) -> Freshness {
        let interval = self.config.as_ref().map_or(f64::INFINITY, |config| config.refresh_after_ms);
        let age = now_ms - self.refreshed_at;
        let may_try = now_ms - self.tried_at >= RETRY_AFTER_MS;
        if self.snapshot.is_none() || age > interval * STALE_INTERVALS {
            // A refresh that is under way is waited for; one that has just failed is not repeated by every request.
            if may_try || self.is_refreshing(now_ms) { Freshness::RefreshFirst } else { Freshness::Decide }
        } else if age > interval && may_try && !self.is_refreshing(now_ms) {
            Freshness::DecideAndRefresh
        } else {
            Freshness::Decide
        }
    }

    /// Whether an unknown key is worth a refresh now. Saying yes counts as one.
    pub(crate) fn takes_miss(&mut self, now_ms: f64) -> bool {
        let is_due = now_ms - self.refreshed_at > MISS_AGE_MS && now_ms - self.missed_at > MISS_INTERVAL_MS;
        if is_due {
            self.missed_at = now_ms;
        }
        is_due
    }

    pub(crate) fn is_refreshing(&self, now_ms: f64) -> bool {
        self.refreshing_since.is_some_and(|since| now_ms - since < REFRESH_DEADLINE_MS)
    }

    /// Marks a refresh as begun, unless one is under way.
    pub(crate) fn begin_refresh(&mut self, now_ms: f64) -> bool {
        let may_begin = !self.is_refreshing(now_ms);
        if may_begin {
            self.refreshing_since = Some(now_ms);
        }
        may_begin
    }

    pub(crate) fn end_refresh(&mut self, now_ms: f64, has_reached_source: bool) {
        self.refreshing_since = None;
        self.tried_at = now_ms;
        if has_reached_source {
            self.refreshed_at = now_ms;
        }
    }

    /// Puts a snapshot in place.
    ///
    /// # Errors
    /// Those of [`latchkey_snapshot::Loader::install`]; everything is then as it was.
    pub(crate) fn install(
        &mut self,
        loader: latchkey_snapshot::Loader,
        rules: Option<Rules>,
    ) -> Result<(), Refusal> {
        if rules.is_none() && self.rules.is_none() {
            return Err(Refusal::BodyMissing);
        }
        loader.install(&mut self.snapshot)?;
        self.rules = rules.or(self.rules.take());
        self.refused = None;
        Ok(())
    }

    pub(crate) fn note_refusal(&mut self, refusal: Refusal) {
        self.refused = Some(refusal.into());
    }

    pub(crate) fn refused(&self) -> Option<Nack> {
        self.refused.clone()
    }

    pub(crate) fn need(&mut self, object: ObjectRef) {
        self.needed = Some(object);
    }

    pub(crate) fn take_needed(&mut self) -> Option<ObjectRef> {
        self.needed.take()
    }

    /// Takes a body of the base in, and drops others if it grows too large.
    ///
    /// # Errors
    /// Those of [`Snapshot::supply`].
    pub(crate) fn supply(&mut self, body: HashedBody) -> Result<(), Refusal> {
        let snapshot = self.snapshot.as_mut().ok_or(Refusal::BodyUnexpected)?;
        snapshot.supply(body)?;
        snapshot.evict_to(SHARD_BUDGET);
        Ok(())
    }
}

/// The isolate's settings, read from `env` the first time.
///
/// # Errors
/// The first variable that is missing or wrong.
pub(crate) fn config(env: &Env) -> Result<Rc<Config>, ConfigError> {
    if let Some(config) = with(|isolate| isolate.config.clone()) {
        return Ok(config);
    }
    let config = Rc::new(Config::from_env(env)?);
    with(|isolate| isolate.config = Some(Rc::clone(&config)));
    Ok(config)
}
