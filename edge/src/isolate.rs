//! What an isolate holds in memory: its settings, its snapshot, and how old its knowledge is.
//!
//! Nothing here is borrowed across an await: requests of one isolate interleave at every one.

use std::cell::RefCell;
use std::rc::Rc;

use latchkey_snapshot::{HashedBody, ObjectRef, Refusal, Snapshot};
use latchkey_validator::{Age, GateView, Loaded, Rules};
use worker::Env;

use crate::config::{Config, ConfigError};
use crate::freshness::{Behind, Freshness, Step};
use crate::protocol::{Held, Nack};
use crate::settle::RateBindings;
use crate::shards::{self, Loads};
use crate::strangers::Strangers;

thread_local! {
    static ISOLATE: RefCell<Isolate> = RefCell::new(Isolate::new());
}

/// Runs `work` on the isolate's state. It must not call back into this function.
pub(crate) fn with<T>(work: impl FnOnce(&mut Isolate) -> T) -> T {
    ISOLATE.with_borrow_mut(work)
}

/// 16 hexadecimal characters of the host's randomness.
pub(crate) fn random_hex() -> String {
    format!("{:016x}", random_number())
}

pub(crate) fn random_number() -> u64 {
    // 32 bits twice: a double from the host has 52 random bits.
    let half = || (js_sys::Math::random() * 4_294_967_296.0) as u32;
    u64::from(half()) << 32 | u64::from(half())
}

pub(crate) struct Isolate {
    config: Option<Rc<Config>>,
    rate_bindings: RateBindings,
    /// Made with the first refresh: randomness is not to be had before the first request.
    id: Option<String>,
    snapshot: Option<Snapshot>,
    /// Of the snapshot's policy; always there when the snapshot is.
    rules: Option<Rules>,
    /// Rises with every policy, from 0 for none.
    rules_version: u32,
    pub(crate) freshness: Freshness,
    refused: Option<Nack>,
    /// The body without which the last undecided request cannot be decided.
    needed: Option<ObjectRef>,
    pub(crate) loads: Loads,
    pub(crate) strangers: Strangers,
    /// The request that is decided next had something loaded for it.
    has_loaded: bool,
}

impl Isolate {
    fn new() -> Self {
        Self {
            config: None,
            rate_bindings: RateBindings::default(),
            id: None,
            snapshot: None,
            rules: None,
            rules_version: 0,
            freshness: Freshness::NEVER,
            refused: None,
            needed: None,
            loads: Loads::default(),
            strangers: Strangers::new(),
            has_loaded: false,
        }
    }

    pub(crate) fn config(&self) -> Option<&Rc<Config>> {
        self.config.as_ref()
    }

    pub(crate) fn rate_bindings(&self) -> &RateBindings {
        &self.rate_bindings
    }

    pub(crate) fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    pub(crate) fn rules(&self) -> Option<&Rules> {
        self.rules.as_ref()
    }

    /// Which headers a request's facts must come from depends on this.
    pub(crate) fn rules_version(&self) -> u32 {
        self.rules_version
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

    /// What a request has to do before it can be decided, or after.
    pub(crate) fn step(&self, now_ms: f64) -> Step {
        let Some(config) = &self.config else { return Step::RefreshFirst };
        self.freshness.step(now_ms, config.pace, self.snapshot.is_some())
    }

    /// What is to be done behind an answer, marked as begun.
    pub(crate) fn begin_behind(&mut self, now_ms: f64) -> Option<Behind> {
        self.freshness.begin_behind(now_ms, self.config.as_ref()?.pace)
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
        if rules.is_some() {
            self.rules = rules;
            self.rules_version += 1;
        }
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

    pub(crate) fn note_loaded(&mut self) {
        self.has_loaded = true;
    }

    pub(crate) fn take_loaded(&mut self) -> bool {
        std::mem::take(&mut self.has_loaded)
    }

    /// Takes a body of the base in, and drops others if it grows too large.
    ///
    /// # Errors
    /// Those of [`Snapshot::supply`].
    pub(crate) fn supply(&mut self, body: HashedBody) -> Result<(), Refusal> {
        let snapshot = self.snapshot.as_mut().ok_or(Refusal::BodyUnexpected)?;
        snapshot.supply(body)?;
        snapshot.evict_to(shards::BUDGET_BYTES);
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
    let rate_bindings = RateBindings::of(env);
    with(|isolate| {
        isolate.config = Some(Rc::clone(&config));
        isolate.rate_bindings = rate_bindings;
    });
    Ok(config)
}
