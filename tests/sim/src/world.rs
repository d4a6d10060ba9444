//! The run itself: time goes in ticks, and everything that happens is drawn from the seed.

mod watches;

use std::collections::{HashMap, VecDeque};

use latchkey_snapshot::bundle::{Intent, encode};
use latchkey_snapshot::{HighWater, ObjectRef, Refusal, Trust, UnverifiedHead, encode_head, sha256};
use latchkey_validator::Code;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::watches::Watch;
use crate::faults::{Outages, Scenario};
use crate::freshness::{Behind, Pace, Step};
use crate::isolate::{Answer, Isolate};
use crate::kv::Kv;
use crate::publisher::{ATTACKER, Publisher, digest_of, signer, trust};
use crate::relay::Relay;
use crate::{Totals, Variant, Violation, bounds};

const TICK_MS: u64 = 50;
const LENGTH_MS: u64 = 120_000;
const EPOCH_MS: u64 = 1_800_000_000_000;
const ISOLATES: usize = 40;
const KEYS: usize = 200;
/// The first so many keys are never revoked.
const SPARED: usize = 50;
/// The longest heartbeat.
const HEARTBEAT_MS: u64 = 30_000;

/// Runs one seed.
///
/// # Errors
/// The first promise that was broken.
pub fn run(seed: u64, scenario: Scenario, variant: Variant) -> Result<Totals, Violation> {
    let mut world = World::new(seed, scenario, variant);
    let result = world.run();
    let at_ms = world.now;
    result.map(|()| world.totals).map_err(|what| Violation { seed, scenario, at_ms, what })
}

struct World {
    rng: StdRng,
    scenario: Scenario,
    variant: Variant,
    now: u64,
    totals: Totals,
    trust: Trust,
    publisher: Publisher,
    /// Signed heads by hash, with the change they contain.
    signed: HashMap<[u8; 32], u64>,
    pushes: VecDeque<Push>,
    published_at: u64,
    relay: Relay,
    relay_outages: Outages,
    push_outages: Outages,
    /// By key, when the relay, and when KV, first had its revocation.
    relay_knew: HashMap<usize, u64>,
    kv_knew: HashMap<usize, u64>,
    kv: Kv,
    mirrored_at: u64,
    isolates: Vec<Isolate>,
    links: Vec<Outages>,
    refreshes: Vec<Refresh>,
    watches: Vec<Watch>,
    /// Heads that the attacker has seen.
    seen: Vec<Vec<u8>>,
}

/// How often an isolate is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Traffic {
    /// Every few seconds.
    Rare,
    Light,
    /// All the time.
    Steady,
}

impl Traffic {
    /// The share of ticks with a request.
    fn share(self) -> f64 {
        match self {
            Self::Rare => 0.01,
            Self::Light => 0.3,
            Self::Steady => 0.9,
        }
    }
}

fn traffic_of(isolate: usize) -> Traffic {
    match isolate % 4 {
        0 => Traffic::Rare,
        1 => Traffic::Steady,
        _ => Traffic::Light,
    }
}

struct Push {
    at: u64,
    bundle: Vec<u8>,
}

struct Refresh {
    isolate: usize,
    begun: u64,
    ends: u64,
}

impl World {
    fn new(seed: u64, scenario: Scenario, variant: Variant) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut outages = || match scenario {
            Scenario::Calm => Outages::none(),
            _ => Outages::draw(&mut rng, LENGTH_MS),
        };
        let (relay_outages, push_outages) = (outages(), outages());
        let links = (0..ISOLATES).map(|_| outages()).collect();
        let isolates = (0..ISOLATES).map(|_| Isolate::new(0, rng.random_range(-30..=30))).collect();
        Self {
            scenario,
            variant,
            now: 0,
            totals: Totals::default(),
            trust: trust(variant),
            publisher: Publisher::new(KEYS, variant),
            signed: HashMap::new(),
            pushes: VecDeque::new(),
            published_at: 0,
            relay: Relay::new(trust(Variant::Ours)),
            relay_outages,
            push_outages,
            relay_knew: HashMap::new(),
            kv_knew: HashMap::new(),
            kv: Kv::default(),
            mirrored_at: 0,
            isolates,
            links,
            refreshes: Vec::new(),
            watches: Vec::new(),
            seen: Vec::new(),
            rng,
        }
    }

    fn run(&mut self) -> Result<(), String> {
        self.publish();
        while self.now < LENGTH_MS {
            self.change();
            self.deliver();
            self.mirror();
            if self.scenario == Scenario::Attacked {
                self.attack()?;
            }
            self.end_refreshes()?;
            self.go_on_watching()?;
            for isolate in 0..ISOLATES {
                self.live(isolate)?;
            }
            self.now += TICK_MS;
        }
        self.after_a_day_without_publisher()
    }

    fn chance(&mut self, of: f64) -> bool {
        self.rng.random_bool(of)
    }

    // The publisher.

    fn change(&mut self) {
        let (creates, revokes) = (self.chance(0.03), self.chance(0.03));
        if creates {
            self.publisher.create();
        }
        let has_revoked = revokes && self.publisher.revoke(SPARED, self.now, &mut self.rng);
        self.totals.revocations += u64::from(has_revoked);
        let is_due = self.now - self.published_at >= HEARTBEAT_MS;
        // Pushes are lost; that is found out by trying again, here once a second.
        let tries_again = self.now.is_multiple_of(1_000);
        if creates || has_revoked || is_due || tries_again {
            self.publish();
        }
    }

    fn publish(&mut self) {
        let publication = self.publisher.publish((EPOCH_MS + self.now) / 1_000);
        self.totals.heads += 1;
        self.published_at = self.now;
        self.signed.insert(sha256(&publication.head), publication.change_seq);
        self.seen.push(publication.head);
        let is_lost =
            self.push_outages.is_down(self.now) || (self.scenario != Scenario::Calm && self.chance(0.1));
        if !is_lost {
            let at = self.now + self.rng.random_range(5..=bounds::CALL_MS);
            self.pushes.push_back(Push { at, bundle: publication.bundle });
        }
    }

    /// In any order: a late push comes after one that was sent later.
    fn deliver(&mut self) {
        let (due, waiting): (Vec<Push>, Vec<Push>) =
            self.pushes.drain(..).partition(|push| push.at <= self.now);
        self.pushes = waiting.into();
        if self.relay_outages.is_down(self.now) {
            return;
        }
        for push in due {
            // One that was overtaken is refused, and that is right.
            let _ = self.relay.accept(&push.bundle, (EPOCH_MS + self.now) / 1_000);
            self.note_what_relay_knows();
        }
    }

    fn note_what_relay_knows(&mut self) {
        let Some(head) = self.relay.head() else { return };
        let change_seq = head.head().change_seq;
        for key in self.publisher.revoked_up_to(change_seq) {
            self.relay_knew.entry(key).or_insert(self.now);
        }
    }

    fn mirror(&mut self) {
        if self.now - self.mirrored_at < bounds::MIRROR_MS || self.relay_outages.is_down(self.now) {
            return;
        }
        let Some(head) = self.relay.head() else { return };
        self.mirrored_at = self.now;
        let (bytes, change_seq) = (head.bytes().to_vec(), head.head().change_seq);
        for (sha256, body) in self.relay.objects() {
            self.kv.put_object(self.now, *sha256, body.clone());
        }
        self.kv.put_head(self.now, bytes);
        for key in self.publisher.revoked_up_to(change_seq) {
            self.kv_knew.entry(key).or_insert(self.now);
        }
    }

    // The attacker: writes to KV what they like, and sends the relay what they like.

    fn attack(&mut self) -> Result<(), String> {
        if !self.chance(0.2) {
            return Ok(());
        }
        let forged = self.forge();
        match self.rng.random_range(0..3) {
            0 => self.kv.put_head(self.now, forged),
            1 => {
                if let Some(object) = self.kv.any_object(&mut self.rng) {
                    self.kv.overwrite_object(object, forged);
                }
            }
            _ => {
                let bundle = encode(Intent::Commit, &forged, [].into_iter());
                let before = self.relay.high_water();
                let accepted =
                    bundle.and_then(|bundle| self.relay.accept(&bundle, (EPOCH_MS + self.now) / 1_000));
                self.totals.refused_forgeries += u64::from(accepted.is_err());
                if self.relay.high_water() < before {
                    return Err("the relay went back to an older head".into());
                }
                // A genuine head that was withheld may be delivered by anybody.
                self.note_what_relay_knows();
            }
        }
        Ok(())
    }

    /// An old head, one signed by somebody else, a changed one, or noise.
    fn forge(&mut self) -> Vec<u8> {
        let mut head = self.seen[self.rng.random_range(0..self.seen.len())].clone();
        match self.rng.random_range(0..4) {
            0 => head,
            1 => {
                let fields = UnverifiedHead::parse(&head).expect("a genuine head");
                let mut fields = fields.unverified_fields().clone();
                fields.seq += 1_000;
                encode_head(&fields, &[&signer(ATTACKER)]).expect("a valid head")
            }
            2 => {
                let at = self.rng.random_range(0..head.len());
                head[at] ^= 1 << self.rng.random_range(0..8);
                head
            }
            _ => (0..self.rng.random_range(0..600)).map(|_| self.rng.random()).collect(),
        }
    }

    // The isolates.

    fn live(&mut self, index: usize) -> Result<(), String> {
        if self.chance(0.000_5) {
            let skew = self.isolates[index].skew;
            self.isolates[index] = Isolate::new(self.now, skew);
            self.refreshes.retain(|refresh| refresh.isolate != index);
            self.forget_watch(index);
            self.totals.restarts += 1;
        }
        if !self.chance(traffic_of(index).share()) {
            return Ok(());
        }
        let epoch_ms = EPOCH_MS + self.now;
        let pace = self.pace(index);
        let isolate = &mut self.isolates[index];
        let clock = isolate.clock(epoch_ms);
        match isolate.freshness.step(clock, pace, isolate.snapshot.is_some()) {
            Step::Decide => self.decide(index),
            Step::DecideAndRefresh => {
                match isolate.freshness.begin_behind(clock, pace) {
                    Some(Behind::Ask) => self.ask(index),
                    Some(Behind::Watch { wait_ms }) => self.begin_watch(index, wait_ms as u64),
                    None => {}
                }
                self.decide(index)
            }
            // The request is one of those that the end of the refresh decides.
            Step::RefreshFirst => {
                if isolate.freshness.begin(clock) {
                    self.ask(index);
                }
                Ok(())
            }
        }
    }

    fn pace(&self, index: usize) -> Pace {
        let never = self.variant == Variant::NeverRefreshes;
        let interval_ms = if never { f64::INFINITY } else { bounds::REFRESH_AFTER_MS };
        // One in five is set not to wait, or older than that.
        Pace { interval_ms, wait_ms: if index.is_multiple_of(5) { 0.0 } else { bounds::WAIT_MS } }
    }

    fn ask(&mut self, isolate: usize) {
        let ends = self.now + self.rng.random_range(5..=bounds::CALL_MS);
        self.refreshes.retain(|refresh| refresh.isolate != isolate);
        self.refreshes.push(Refresh { isolate, begun: self.now, ends });
    }

    fn end_refreshes(&mut self) -> Result<(), String> {
        let (due, waiting): (Vec<Refresh>, Vec<Refresh>) =
            self.refreshes.drain(..).partition(|refresh| refresh.ends <= self.now);
        self.refreshes = waiting;
        for refresh in due {
            let reached = self.refresh(&refresh)?;
            let (now, isolate) = (self.now, &mut self.isolates[refresh.isolate]);
            if reached {
                isolate.freshness.learn(isolate.clock(EPOCH_MS + refresh.begun));
            }
            let clock = isolate.clock(EPOCH_MS + now);
            isolate.freshness.end(clock, reached);
            if !reached {
                isolate.failed_at = Some(now);
            }
            self.totals.refreshes += u64::from(reached);
            self.totals.failed_refreshes += u64::from(!reached);
            self.decide(refresh.isolate)?;
        }
        Ok(())
    }

    /// Relay first, then KV, as `edge/src/refresh.rs` does. Whether a source said what is newest.
    fn refresh(&mut self, refresh: &Refresh) -> Result<bool, String> {
        let index = refresh.isolate;
        let before = self.isolates[index].high_water();
        if self.variant == Variant::ForgetsHighWater {
            self.isolates[index].snapshot = None;
        }
        let reached = if self.can_reach_relay(index) {
            self.refresh_from_relay(refresh)
        } else {
            self.refresh_from_kv(index)
        };
        self.check_head(index, before)?;
        Ok(reached)
    }

    fn can_reach_relay(&self, index: usize) -> bool {
        !self.relay_outages.is_down(self.now) && !self.links[index].is_down(self.now)
    }

    fn refresh_from_relay(&mut self, refresh: &Refresh) -> bool {
        let Some(head) = self.relay.head() else { return false };
        let isolate = &mut self.isolates[refresh.isolate];
        let seconds = isolate.seconds(EPOCH_MS + self.now);
        let relay = &self.relay;
        let fetch = |object: &ObjectRef| relay.object(&object.sha256);
        match isolate.adopt(head.bytes(), &self.trust, seconds, fetch) {
            Ok(()) | Err(Refusal::NotNewer) => {
                isolate.asked_relay_at = isolate.asked_relay_at.max(Some(refresh.begun));
                true
            }
            Err(_) => false,
        }
    }

    fn refresh_from_kv(&mut self, index: usize) -> bool {
        self.isolates[index].failed_at = Some(self.now);
        let Some(head) = self.kv.head(self.now, &mut self.rng).map(<[u8]>::to_vec) else { return false };
        let isolate = &mut self.isolates[index];
        let seconds = isolate.seconds(EPOCH_MS + self.now);
        let (kv, rng, now) = (&self.kv, &mut self.rng, self.now);
        // Bytes that are not the promised ones are as good as none.
        let fetch = |object: &ObjectRef| {
            kv.object(now, &object.sha256, rng).filter(|bytes| sha256(bytes) == object.sha256)
        };
        match isolate.adopt(&head, &self.trust, seconds, fetch) {
            Ok(()) | Err(Refusal::NotNewer) => true,
            Err(refusal) => {
                self.totals.refused_forgeries += u64::from(refusal != Refusal::BodyMissing);
                false
            }
        }
    }

    fn check_head(&self, index: usize, before: Option<HighWater>) -> Result<(), String> {
        let isolate = &self.isolates[index];
        let Some(snapshot) = &isolate.snapshot else { return Ok(()) };
        if !self.signed.contains_key(&snapshot.head().hash()) {
            return Err(format!("isolate {index} took in a head that was never signed"));
        }
        if isolate.high_water() < before {
            return Err(format!("isolate {index} went back to an older head"));
        }
        Ok(())
    }

    fn decide(&mut self, index: usize) -> Result<(), String> {
        let key = self.rng.random_range(0..self.publisher.keys.len());
        let digest = digest_of(key);
        let seconds = self.isolates[index].seconds(EPOCH_MS + self.now);
        let code = loop {
            match self.isolates[index].decide(&digest, seconds) {
                Answer::Decided(code) => break code,
                Answer::Needs(object) => {
                    if !self.load(index, &object) {
                        self.totals.unavailable += 1;
                        return Ok(());
                    }
                }
            }
        };
        self.totals.decisions += 1;
        self.judge(index, key, code)
    }

    /// KV first, then the relay, as `edge/src/refresh.rs` does.
    fn load(&mut self, index: usize, object: &ObjectRef) -> bool {
        let from_kv = self.kv.object(self.now, &object.sha256, &mut self.rng);
        let from_kv = from_kv.filter(|bytes| sha256(bytes) == object.sha256);
        let from_relay =
            || if self.can_reach_relay(index) { self.relay.object(&object.sha256) } else { None };
        let Some(bytes) = from_kv.or_else(from_relay) else { return false };
        self.isolates[index].supply(bytes).is_ok()
    }

    // The promises.

    fn judge(&mut self, index: usize, key: usize, code: Code) -> Result<(), String> {
        if code == Code::SnapshotUnavailable {
            self.totals.unavailable += 1;
            return if self.isolates[index].snapshot.is_none() {
                Ok(())
            } else {
                Err(format!("isolate {index} has a snapshot and says that it has none"))
            };
        }
        let is_revoked = self.publisher.keys[key].revoked_at.is_some();
        if !is_revoked {
            // A key that was made after the snapshot may be unknown yet; the first ones may not.
            let must_pass = key < KEYS;
            return if must_pass && code != Code::Valid {
                Err(format!("isolate {index} refuses the good key {key} with {code}"))
            } else {
                Ok(())
            };
        }
        if code != Code::Valid {
            return Ok(());
        }
        self.totals.admitted_within_bound += 1;
        self.judge_admission(index, key)
    }

    fn judge_admission(&self, index: usize, key: usize) -> Result<(), String> {
        let isolate = &self.isolates[index];
        if let Some(knew) = self.relay_knew.get(&key) {
            if isolate.asked_relay_at.is_some_and(|asked| asked > *knew) {
                return Err(format!(
                    "isolate {index} has asked the relay since it knew of key {key}'s revocation"
                ));
            }
            if self.is_watching(index) && self.now > (*knew).max(isolate.born_at) + bounds::WATCHED_MS {
                return Err(format!(
                    "isolate {index} watches, and accepts key {key} {} ms after the relay knew",
                    self.now - knew
                ));
            }
            // Both the relay and the link have to have been there for all of the bound.
            let since = (*knew).max(isolate.born_at);
            let bound = match isolate.failed_at {
                None => bounds::RELAY_MS,
                Some(_) => bounds::AFTER_FAILURE_MS,
            };
            if self.now > since + bound && self.could_reach_relay(index, since.max(self.now - bound)) {
                return Err(format!(
                    "isolate {index} accepts key {key} {} ms after the relay knew",
                    self.now - since
                ));
            }
        }
        // An attacker who writes to KV can hold back who reads nothing else; the relay's bound above still holds.
        if let (Some(knew), true) = (self.kv_knew.get(&key), self.scenario != Scenario::Attacked) {
            let since = (*knew).max(isolate.born_at);
            if self.now > since + bounds::KV_MS {
                return Err(format!(
                    "isolate {index} accepts key {key} {} ms after KV knew",
                    self.now - since
                ));
            }
        }
        Ok(())
    }

    /// Whether it has a question at the relay all the time, but for moments: nothing fails, and there is always a request that brings the next one.
    fn is_watching(&self, index: usize) -> bool {
        let has_traffic = traffic_of(index) == Traffic::Steady;
        self.scenario == Scenario::Calm && has_traffic && self.pace(index).wait_ms > 0.0
    }

    fn could_reach_relay(&self, index: usize, since: u64) -> bool {
        (since..=self.now)
            .step_by(TICK_MS as usize)
            .all(|at| !self.relay_outages.is_down(at) && !self.links[index].is_down(at))
    }

    /// `valid_until` is a day ahead at most: after 25 hours of silence nobody passes.
    fn after_a_day_without_publisher(&mut self) -> Result<(), String> {
        self.now += 25 * 3_600_000;
        for index in 0..ISOLATES {
            let seconds = self.isolates[index].seconds(EPOCH_MS + self.now);
            for key in 0..SPARED {
                match self.isolates[index].decide(&digest_of(key), seconds) {
                    Answer::Decided(Code::SnapshotExpired | Code::SnapshotUnavailable) => {}
                    _ => return Err(format!("isolate {index} decides from a snapshot that has expired")),
                }
            }
        }
        Ok(())
    }
}
