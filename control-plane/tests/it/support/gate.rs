use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_control_plane::domain::{Clock, SystemClock};
use latchkey_snapshot::bundle::{self, Intent, Reach, UnverifiedBundle};
use latchkey_snapshot::{
    HashedBody, Head, HeadSigner, Kind, Loader, Lookup, ProfileView, Refusal, Snapshot, Trust, TrustedKey,
    UnverifiedHead, UpstreamCredential, VerifiedHead, encode_head,
};
use latchkey_token::{digest, tag};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::api::Api;
use super::eventually;
use super::server::Server;

/// What a gate says of a key that works.
pub(crate) const KNOWN: Says = Says::Known { disabled: false };

/// A server, a gate, and a keyspace that is published to it.
pub(crate) async fn gated() -> (Server, Gate, String) {
    let (server, gate) = (Server::start().await, Gate::start().await);
    let keyspace = gate.serve(&server.api).await;
    (server, gate, keyspace)
}

/// A gate in this process that does what the relay of a real one does, with the crate that the relay runs.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) url: String,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// Absent: the machine's.
    clock: Option<Arc<dyn Clock>>,
    trust: Option<Trust>,
    objects: HashMap<[u8; 32], Vec<u8>>,
    head: Option<VerifiedHead>,
    /// What to do with the next pushes instead of taking them.
    fault: Option<Fault>,
    taken: Vec<Taken>,
    /// Bytes of everything that was taken in, bodies without a head included.
    received: usize,
    /// Parts of bases that arrived.
    parts: usize,
    /// How long it takes over each.
    part_takes: Duration,
    /// The only policy that it can enforce, and which part of it says so.
    only_policy: Option<([u8; 32], Picky)>,
    /// The root of the only base that it takes.
    only_base: Option<[u8; 32]>,
    /// What its isolate decides by, where that is not what the relay has.
    decided_by: Option<VerifiedHead>,
    /// It does not show what it has to whoever comes with something older.
    hides_head: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Answer 503 to everything.
    Down,
    /// Take it, but let the answer be lost.
    AnswerLost,
}

/// Which part of a gate does not take a policy in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Picky {
    /// The relay: the push is refused.
    Relay,
    /// The isolate: the push is taken, and the isolate goes on by what it has.
    Isolate,
}

/// A head that was taken in.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) at: Instant,
    pub(crate) seq: u64,
    pub(crate) change_seq: u64,
    pub(crate) bytes: usize,
    pub(crate) segments: usize,
}

/// What the gate says of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Known { disabled: bool },
    Revoked,
    Unknown,
}

impl Gate {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let gate = Self { url, inner: Arc::default() };
        let router = Router::new()
            .route("/.well-known/latchkey/ingest", post(ingest))
            .route("/.well-known/latchkey/status", get(status))
            .layer(axum::extract::DefaultBodyLimit::max(8 << 20))
            .with_state(gate.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        gate
    }

    /// A gate that has what stands in a sink, verified; `None` while there is no head.
    pub(crate) async fn reading(
        api: &Api,
        keyspace: &str,
        contents: &BTreeMap<String, Vec<u8>>,
    ) -> Option<Self> {
        let gate = Self { url: String::new(), inner: Arc::default() };
        gate.trust(api, keyspace).await;
        gate.reread(contents)
    }

    /// Another gate of the same keyspace that has what stands in a sink.
    pub(crate) fn reread(&self, contents: &BTreeMap<String, Vec<u8>>) -> Option<Self> {
        let trust = self.lock().trust.clone().unwrap();
        let head = contents.get(&format!("head/{}", trust.audience()))?;
        let head =
            UnverifiedHead::parse(head).unwrap().verify(&trust, SystemClock.now().as_seconds()).unwrap();
        let mut objects = HashMap::new();
        for (name, bytes) in contents {
            let Some(digits) = name.strip_prefix("obj/") else { continue };
            let body = HashedBody::compute(bytes.clone());
            assert_eq!(hex::encode(body.object().sha256), digits, "a body stands under its hash");
            objects.insert(body.object().sha256, body.into_bytes());
        }
        let mut reach = Reach::of(&head);
        check_complete(&mut reach, &objects).expect("all that the head leads to is there");
        for object in reach.objects() {
            assert!(objects.contains_key(&object.sha256), "a shard that the head leads to is not there");
        }
        let inner = Inner { trust: Some(trust), objects, head: Some(head), ..Inner::default() };
        Some(Self { url: String::new(), inner: Arc::new(Mutex::new(inner)) })
    }

    /// The last change that it knows of.
    pub(crate) fn change_seq(&self) -> u64 {
        self.lock().head.as_ref().map_or(0, |head| head.head().change_seq)
    }

    /// Waits until the gate says this of a token.
    pub(crate) async fn says(&self, token: &str, wanted: Says) {
        let says_it = async || (self.ask(token) == wanted).then_some(());
        eventually(&format!("the gate says {wanted:?}"), says_it).await;
    }

    /// Waits until what the gate took last contains this change.
    pub(crate) async fn has(&self, change_seq: u64) {
        let has_it = async || (self.taken().last()?.change_seq >= change_seq).then_some(());
        eventually("the gate has the change", has_it).await;
    }

    /// Makes a keyspace that is published to this gate, and returns its id.
    pub(crate) async fn serve(&self, api: &Api) -> String {
        let keyspace = api.keyspace(json!({ "name": "Demo", "gates": [{ "url": self.url }] })).await;
        self.trust(api, &keyspace).await;
        keyspace
    }

    /// Configures the gate for a keyspace, as an operator would.
    pub(crate) async fn trust(&self, api: &Api, keyspace: &str) {
        let snapshot = api.get(&format!("/v1/keyspaces/{keyspace}/snapshot")).await.expect(200);
        let keys: Vec<_> =
            snapshot["trusted_keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
        self.trust_only(snapshot["audience"].as_str().unwrap(), &keys);
    }

    /// Configures the gate for an audience and the keys that these lines of its setting name.
    pub(crate) fn trust_only(&self, audience: &str, keys: &[&str]) {
        let keys = keys.iter().map(|key| key.parse::<TrustedKey>().unwrap()).collect();
        self.lock().trust = Some(Trust::new(audience.parse().unwrap(), keys));
    }

    /// The ids of the keys that signed the head that it holds.
    pub(crate) fn signers(&self) -> Vec<String> {
        let inner = self.lock();
        let Some(head) = &inner.head else { return Vec::new() };
        UnverifiedHead::parse(head.bytes()).unwrap().unverified_signers().map(hex::encode).collect()
    }

    /// A bundle with the head that the gate holds, changed and signed by somebody.
    pub(crate) fn forge(&self, signer: &HeadSigner, change: impl FnOnce(&mut Head)) -> Vec<u8> {
        let mut head = self.lock().head.as_ref().unwrap().head().clone();
        change(&mut head);
        let head = encode_head(&head, &[signer]).unwrap();
        bundle::encode(Intent::Commit, &head, std::iter::empty()).unwrap()
    }

    /// Pushes a bundle, as anybody can. An error is the code of the refusal.
    pub(crate) fn push(&self, bundle: &[u8]) -> Result<(), &'static str> {
        self.lock().take(bundle).map_err(|refusal| refusal.code())
    }

    /// Lives by the clock of the control plane, for tests that move it.
    pub(crate) fn follow(&self, clock: Arc<dyn Clock>) {
        self.lock().clock = Some(clock);
    }

    /// From now on it is a gate from before gates showed what they have.
    pub(crate) fn hide_head(&self) {
        self.lock().hides_head = true;
    }

    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        self.lock().fault = fault;
    }

    /// From now on it takes no other policy than the one that it has.
    pub(crate) fn take_no_other_policy(&self, picky: Picky) {
        let mut inner = self.lock();
        let policy = inner.head.as_ref().unwrap().head().policy.sha256;
        inner.only_policy = Some((policy, picky));
        let head = inner.head.clone();
        inner.decided_by = head;
    }

    /// From now on it takes no other base than the one that it has.
    pub(crate) fn take_no_other_base(&self) {
        let mut inner = self.lock();
        inner.only_base = inner.head.as_ref().map(|head| head.head().base.root.sha256);
    }

    /// From now on it takes any base.
    pub(crate) fn take_any_base(&self) {
        self.lock().only_base = None;
    }

    /// From now on it takes any.
    pub(crate) fn take_any_policy(&self) {
        self.lock().only_policy = None;
    }

    /// Takes this long over each part of a base from now on.
    pub(crate) fn take_over_parts(&self, time: Duration) {
        self.lock().part_takes = time;
    }

    /// How many parts of bases have arrived, taken in or not.
    pub(crate) fn parts(&self) -> usize {
        self.lock().parts
    }

    pub(crate) fn lose_storage(&self) {
        let mut inner = self.lock();
        inner.objects.clear();
        inner.head = None;
    }

    /// Bytes of everything that was taken in.
    pub(crate) fn received(&self) -> usize {
        self.lock().received
    }

    /// The root of the base that the gate has.
    pub(crate) fn base_root(&self) -> Option<[u8; 32]> {
        self.lock().head.as_ref().map(|head| head.head().base.root.sha256)
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.lock().taken.clone()
    }

    /// Loads everything from what is stored and looks a token up.
    pub(crate) fn ask(&self, token: &str) -> Says {
        let inner = self.lock();
        let Some(mut snapshot) = inner.load() else { return Says::Unknown };
        let tag = tag(latchkey_token::TagScheme::Sha256, None, &digest(token.as_bytes())).unwrap().0;
        loop {
            let needed = match snapshot.lookup(&tag) {
                Lookup::Row(row) => return Says::Known { disabled: row.is_disabled() },
                Lookup::Revoked(_) => return Says::Revoked,
                Lookup::NotFound => return Says::Unknown,
                Lookup::Needs(object) => object,
            };
            snapshot.supply(HashedBody::compute(inner.objects[&needed.sha256].clone())).unwrap();
        }
    }

    /// Role numbers and grants of a token's profile.
    pub(crate) fn profile(&self, token: &str) -> (Vec<u16>, Vec<String>) {
        self.with_profile(token, |profile| {
            (profile.roles().collect(), profile.grants().map(str::to_owned).collect())
        })
    }

    /// The credentials for the upstream in the policy.
    pub(crate) fn upstream_credentials(&self) -> Vec<UpstreamCredential> {
        self.lock().load().unwrap().policy().policy().upstream_credentials.clone()
    }

    /// Looks at a token's profile.
    pub(crate) fn with_profile<T>(&self, token: &str, look: impl FnOnce(ProfileView<'_>) -> T) -> T {
        let inner = self.lock();
        let snapshot = inner.load().unwrap();
        let tag = tag(latchkey_token::TagScheme::Sha256, None, &digest(token.as_bytes())).unwrap().0;
        let Lookup::Row(row) = snapshot.lookup(&tag) else { panic!("the token is not known") };
        look(row.profile())
    }

    fn begin_part(&self) -> Duration {
        let mut inner = self.lock();
        inner.parts += 1;
        inner.part_takes
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Inner {
    fn load(&self) -> Option<Snapshot> {
        let head = if self.only_policy.is_some() { &self.decided_by } else { &self.head };
        let mut loader = Loader::new(head.clone()?, None).unwrap();
        loop {
            let missing = loader.missing(None);
            if missing.is_empty() {
                break;
            }
            for object in missing {
                loader.supply(HashedBody::compute(self.objects[&object.sha256].clone())).unwrap();
            }
        }
        let mut snapshot = None;
        loader.install(&mut snapshot).unwrap();
        snapshot
    }

    fn relay_status(&self) -> Value {
        let numbers = |head: &Option<VerifiedHead>| {
            head.as_ref().map_or((0, 0), |head| (head.head().seq, head.head().change_seq))
        };
        let high = numbers(&self.head);
        let applied = if self.only_policy.is_some() { numbers(&self.decided_by) } else { high };
        let refusal = Refusal::PolicyInvalid;
        let refused =
            (applied != high).then(|| json!({ "code": refusal.code(), "message": refusal.message() }));
        let isolate = json!({
            "id": "i1", "colo": "TST", "epoch": 1, "seq": applied.0, "change_seq": applied.1,
            "seen_at": "2026-01-01T00:00:00Z", "refused": refused,
        });
        json!({ "epoch": 1, "seq": high.0, "change_seq": high.1, "isolates": [isolate] })
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let bundle = UnverifiedBundle::parse(bytes)?;
        let trust = self.trust.as_ref().ok_or(Refusal::KeyNotTrusted)?;
        let clock: &dyn Clock = self.clock.as_deref().unwrap_or(&SystemClock);
        let now = clock.now().as_seconds();
        let head = UnverifiedHead::parse(bundle.head)?.verify(trust, now)?;
        let held = self.head.as_ref().and_then(|held| {
            UnverifiedHead::parse(held.bytes()).expect("it was taken in").high_water_under(trust)
        });
        head.require_newer(held)?;
        if self.only_base.is_some_and(|root| root != head.head().base.root.sha256) {
            return Err(Refusal::NotCanonical);
        }
        let is_enforced = self.only_policy.is_none_or(|(policy, _)| policy == head.head().policy.sha256);
        if !is_enforced && self.only_policy.is_some_and(|(_, picky)| picky == Picky::Relay) {
            return Err(Refusal::PolicyInvalid);
        }
        let mut reach = Reach::of(&head);
        let mut objects = self.objects.clone();
        for body in &bundle.bodies {
            let body = HashedBody::compute(body.to_vec());
            reach.accept(&body)?;
            objects.insert(body.object().sha256, body.into_bytes());
        }
        if bundle.intent == Intent::Commit {
            check_complete(&mut reach, &objects)?;
            self.taken.push(Taken {
                at: Instant::now(),
                seq: head.head().seq,
                change_seq: head.head().change_seq,
                bytes: bytes.len(),
                segments: head.head().segments.len(),
            });
            if is_enforced {
                self.decided_by = Some(head.clone());
            }
            self.head = Some(head);
        }
        self.objects = objects;
        self.received += bytes.len();
        Ok(())
    }
}

fn check_complete(reach: &mut Reach, objects: &HashMap<[u8; 32], Vec<u8>>) -> Result<(), Refusal> {
    for _ in 0..3 {
        for object in reach.objects().collect::<Vec<_>>() {
            let bytes = objects.get(&object.sha256).ok_or(Refusal::BodyMissing)?;
            let body = HashedBody::compute(bytes.clone());
            if body.kind()? == Kind::Page {
                reach.accept(&body)?;
            }
        }
    }
    Ok(())
}

async fn ingest(State(gate): State<Gate>, body: Bytes) -> Response {
    let is_part = UnverifiedBundle::parse(&body).is_ok_and(|bundle| bundle.intent == Intent::StoreBodies);
    if is_part {
        let time = gate.begin_part();
        tokio::time::sleep(time).await;
    }
    let mut inner = gate.lock();
    if inner.fault == Some(Fault::Down) {
        return (StatusCode::SERVICE_UNAVAILABLE, "down").into_response();
    }
    if let Err(refusal) = inner.take(&body) {
        let mut problem: Value = json!({ "code": refusal.code(), "detail": refusal.message() });
        if let Some(head) = inner.head.as_ref().filter(|_| refusal == Refusal::NotNewer && !inner.hides_head)
        {
            problem["held"] = json!({ "head": URL_SAFE_NO_PAD.encode(head.bytes()) });
        }
        return (StatusCode::CONFLICT, Json(problem)).into_response();
    }
    if inner.fault == Some(Fault::AnswerLost) {
        return (StatusCode::BAD_GATEWAY, "lost").into_response();
    }
    Json(inner.relay_status()).into_response()
}

async fn status(State(gate): State<Gate>) -> Json<Value> {
    Json(json!({ "relay": gate.lock().relay_status() }))
}
