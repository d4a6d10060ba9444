//! One isolate of a gate: the real loader, the real freshness rules, the real decision.

use latchkey_snapshot::{
    HashedBody, HighWater, Kind, Loader, ObjectRef, Refusal, Snapshot, Trust, UnverifiedHead, VerifiedPolicy,
};
use latchkey_validator::{Code, Credential, GateView, Loaded, RequestFacts, Rules, Verdict, decide};

use crate::freshness::Freshness;

pub(crate) struct Isolate {
    pub(crate) freshness: Freshness,
    pub(crate) snapshot: Option<Snapshot>,
    rules: Option<Rules>,
    /// Seconds that its clock is off by.
    pub(crate) skew: i64,
    /// When its last refresh from the relay that ended well asked, and when its last failure ended.
    pub(crate) asked_relay_at: Option<u64>,
    pub(crate) failed_at: Option<u64>,
    /// Since when it exists.
    pub(crate) born_at: u64,
}

/// How a request ended.
pub(crate) enum Answer {
    Decided(Code),
    Needs(ObjectRef),
}

impl Isolate {
    pub(crate) fn new(now: u64, skew: i64) -> Self {
        Self {
            freshness: Freshness::NEVER,
            snapshot: None,
            rules: None,
            skew,
            asked_relay_at: None,
            failed_at: None,
            born_at: now,
        }
    }

    /// Its own time, in milliseconds since the epoch.
    pub(crate) fn clock(&self, epoch_ms: u64) -> f64 {
        epoch_ms as f64 + self.skew as f64 * 1_000.0
    }

    pub(crate) fn seconds(&self, epoch_ms: u64) -> u64 {
        (self.clock(epoch_ms) / 1_000.0) as u64
    }

    pub(crate) fn high_water(&self) -> Option<HighWater> {
        self.snapshot.as_ref().map(|snapshot| snapshot.head().head().high_water())
    }

    /// Verifies a head and takes its bodies from `fetch`. What is refused changes nothing.
    pub(crate) fn adopt(
        &mut self,
        head: &[u8],
        trust: &Trust,
        now_seconds: u64,
        mut fetch: impl FnMut(&ObjectRef) -> Option<Vec<u8>>,
    ) -> Result<(), Refusal> {
        let head = UnverifiedHead::parse(head)?.verify(trust, now_seconds)?;
        let mut loader = Loader::new(head, self.snapshot.as_ref())?;
        let mut rules = None;
        loop {
            let missing = loader.missing(self.snapshot.as_ref());
            if missing.is_empty() {
                break;
            }
            for object in missing {
                let body = HashedBody::compute(fetch(&object).ok_or(Refusal::BodyMissing)?);
                if body.kind()? == Kind::Policy {
                    let named = loader.head().head();
                    let policy =
                        VerifiedPolicy::verify(&named.policy, body.clone(), named.audience.keyspace)?;
                    rules = Some(Rules::compile(&policy).map_err(|_| Refusal::NotCanonical)?);
                }
                loader.supply(body)?;
            }
        }
        loader.install(&mut self.snapshot)?;
        self.rules = rules.or(self.rules.take());
        Ok(())
    }

    pub(crate) fn supply(&mut self, bytes: Vec<u8>) -> Result<(), Refusal> {
        let snapshot = self.snapshot.as_mut().ok_or(Refusal::BodyUnexpected)?;
        snapshot.supply(HashedBody::compute(bytes))
    }

    pub(crate) fn decide(&self, digest: &[u8; 32], now_seconds: u64) -> Answer {
        let loaded = match (&self.snapshot, &self.rules) {
            (Some(snapshot), Some(rules)) => Some(Loaded { snapshot, rules }),
            _ => None,
        };
        let facts = RequestFacts::new(Credential::Digest(digest), "GET", b"/");
        match decide(&facts, &GateView { peppers: &[], loaded }, now_seconds) {
            Verdict::Decided(decision) => Answer::Decided(decision.code),
            // No key of the simulation has limits, so this would be a fault, and counts as a refusal.
            Verdict::Conditional(_) => Answer::Decided(Code::RestrictionUnsupported),
            Verdict::NeedsObject(object) => Answer::Needs(object),
        }
    }
}
