//! Bringing an isolate up to date: from the relay, or from KV, R2 and a web address when the relay cannot be reached.

use futures_util::future::{join_all, join3};
use latchkey_snapshot::bundle::UnverifiedBundle;
use latchkey_snapshot::{HashedBody, Kind, Loader, ObjectRef, Refusal, UnverifiedHead, VerifiedPolicy};
use latchkey_validator::Rules;
use worker::Env;

use crate::config::Config;
use crate::freshness::{Behind, REFRESH_DEADLINE_MS};
use crate::protocol::SyncRequest;
use crate::sources::Unreachable;
use crate::sources::kv::Kv;
use crate::sources::r2::R2;
use crate::sources::relay::{News, Relay};
use crate::watch::Ended;
use crate::{clock, digest, isolate, usage};

/// How often a waiting request looks whether another one's refresh has ended.
const POLL_MS: u64 = 10;
/// Fetches at a time: the platform allows a request six open connections.
const FETCHES: usize = 6;
/// Questions to the relay in one refresh: one is usual, two when there is news, more when there is news all the time.
const QUESTIONS: usize = 3;
/// Rounds in which taking bodies in may uncover more: root page, leaf pages, shards. More would be a fault of ours.
const ROUNDS: usize = 8;

/// Refreshes, or waits for the refresh that another request has begun. It never waits for a [`watch`].
pub(crate) async fn run(env: &Env, colo: &str) {
    let Ok(config) = isolate::config(env) else { return };
    usage::note_colo(colo);
    let asked_at = clock::now_ms();
    while !isolate::with(|isolate| isolate.freshness.begin(clock::now_ms())) {
        clock::sleep_ms(POLL_MS).await;
        let is_done = isolate::with(|isolate| !isolate.freshness.is_refreshing(clock::now_ms()));
        // Once the other one has died, the next turn of the loop takes over.
        if is_done && clock::now_ms() - asked_at < REFRESH_DEADLINE_MS {
            return;
        }
    }
    finish(env, &config, colo).await;
}

/// What goes on behind an answer: a question that waits at the relay, or else a refresh, if one is due.
pub(crate) async fn follow(env: &Env, colo: &str) {
    let Ok(config) = isolate::config(env) else { return };
    usage::note_colo(colo);
    match isolate::with(|isolate| isolate.begin_behind(clock::now_ms())) {
        Some(Behind::Ask) => finish(env, &config, colo).await,
        Some(Behind::Watch { wait_ms }) => watch(env, &config, colo, wait_ms).await,
        None => {}
    }
}

async fn finish(env: &Env, config: &Config, colo: &str) {
    let has_reached_source = from_any_source(env, config, colo).await.is_ok();
    isolate::with(|isolate| isolate.freshness.end(clock::now_ms(), has_reached_source));
}

async fn from_any_source(env: &Env, config: &Config, colo: &str) -> Result<(), Unreachable> {
    match from_relay(env, config, colo).await {
        Ok(()) => Ok(()),
        Err(Unreachable) => from_copies(env, config).await,
    }
}

/// Asks until there is no news: the last question says what this isolate has applied, so the relay need not wait for the next refresh to know.
async fn from_relay(env: &Env, config: &Config, colo: &str) -> Result<(), Unreachable> {
    let relay = Relay::connect(env, config.trust.audience())?;
    for _ in 0..QUESTIONS {
        if let Told::Nothing { .. } = ask(env, config, &relay, colo, 0.0).await? {
            break;
        }
    }
    Ok(())
}

/// Lets a question wait at the relay, for `wait_ms` with all that follow from it: after news another says at once what this isolate has applied, and waits
/// for what is left. The last one does not wait, so that whoever gets no more requests says so too.
///
/// When it fails nothing else is asked: what is newest is found out by the next refresh, as it would be without.
async fn watch(env: &Env, config: &Config, colo: &str, wait_ms: f64) {
    let ended = match Relay::connect(env, config.trust.audience()) {
        Ok(relay) => watch_at(&relay, env, config, colo, wait_ms).await.unwrap_or(Ended::Failed),
        Err(Unreachable) => Ended::Failed,
    };
    isolate::with(|isolate| isolate.freshness.watch.end(clock::now_ms(), ended, config.pace));
}

async fn watch_at(
    relay: &Relay,
    env: &Env,
    config: &Config,
    colo: &str,
    wait_ms: f64,
) -> Result<Ended, Unreachable> {
    let ends_at = clock::now_ms() + wait_ms;
    loop {
        let now = clock::now_ms();
        let left_ms = (ends_at - now).max(0.0);
        isolate::with(|isolate| isolate.freshness.watch.ask(now, left_ms));
        match ask(env, config, relay, colo, left_ms).await? {
            Told::Nothing { waited_ms } => return Ok(Ended::Nothing { waited_ms }),
            Told::News if left_ms == 0.0 => return Ok(Ended::News),
            Told::News => {}
        }
        let next_at = isolate::with(|isolate| isolate.freshness.watch.next_at(config.pace));
        // `as` saturates: what is overdue is asked now.
        clock::sleep_ms((next_at - clock::now_ms()) as u64).await;
    }
}

/// What the relay said, and the isolate has now.
enum Told {
    News,
    Nothing { waited_ms: f64 },
}

/// Asks once, says what this isolate has applied, and puts in place what is new.
async fn ask(
    env: &Env,
    config: &Config,
    relay: &Relay,
    colo: &str,
    wait_ms: f64,
) -> Result<Told, Unreachable> {
    let asked_at = clock::now_ms();
    let request = isolate::with(|isolate| SyncRequest {
        isolate: isolate.id().to_owned(),
        colo: colo.to_owned(),
        held: isolate.held(),
        refused: isolate.refused(),
        // `as` saturates, and settings keep it far below.
        wait_ms: wait_ms as u32,
    });
    let answer = relay.sync(&request).await?;
    // The question came in no earlier than it was asked, so the answer was true at least then; what the relay says it waited cannot be more than passed.
    let waited_ms = answer.waited_ms.min(clock::now_ms() - asked_at).max(0.0);
    let told = match answer.news {
        News::Nothing => Told::Nothing { waited_ms },
        News::Bundle(bytes) => match adopt_bundle(env, config, &bytes).await {
            // A push to this isolate was faster.
            Ok(()) | Err(Refusal::NotNewer) => Told::News,
            // Bytes that do not verify are no news, and no reason to believe that ours are the newest.
            Err(refusal) => return Err(note(refusal)),
        },
    };
    isolate::with(|isolate| isolate.freshness.learn(asked_at + waited_ms));
    Ok(told)
}

/// All copies are asked: each may have stood still, and what is newest counts.
async fn from_copies(env: &Env, config: &Config) -> Result<(), Unreachable> {
    let asked_at = clock::now_ms();
    let audience = config.trust.audience();
    let in_kv = async { Kv::connect(env)?.head(audience).await?.ok_or(Unreachable) };
    let at_url =
        async { config.snapshot_url.as_ref().ok_or(Unreachable)?.head(audience).await?.ok_or(Unreachable) };
    let in_r2 = async { R2::connect(env, &config.r2_prefix)?.head(audience).await?.ok_or(Unreachable) };
    let (in_kv, in_r2, at_url) = join3(in_kv, in_r2, at_url).await;
    let from_kv = adopt_copy(env, config, in_kv).await;
    let from_r2 = adopt_copy(env, config, in_r2).await;
    let from_url = adopt_copy(env, config, at_url).await;
    from_kv.or(from_r2).or(from_url)?;
    isolate::with(|isolate| isolate.freshness.learn(asked_at));
    Ok(())
}

async fn adopt_copy(
    env: &Env,
    config: &Config,
    head: Result<Vec<u8>, Unreachable>,
) -> Result<(), Unreachable> {
    match adopt(env, config, &head?, Vec::new()).await {
        // Copies lag behind the relay, so their head is usually one that we have had.
        Ok(()) | Err(Refusal::NotNewer) => Ok(()),
        Err(refusal) => Err(note(refusal)),
    }
}

fn note(refusal: Refusal) -> Unreachable {
    worker::console_error!("A snapshot was refused: {}", refusal);
    isolate::with(|isolate| isolate.note_refusal(refusal));
    Unreachable
}

/// Verifies a bundle and puts its snapshot in place.
///
/// # Errors
/// Why it was refused; what the isolate holds is then unchanged.
pub(crate) async fn adopt_bundle(env: &Env, config: &Config, bytes: &[u8]) -> Result<(), Refusal> {
    let bundle = UnverifiedBundle::parse(bytes)?;
    let bodies = bundle.bodies.iter().map(|body| digest::hash(body.to_vec()));
    adopt(env, config, bundle.head, join_all(bodies).await).await
}

async fn adopt(env: &Env, config: &Config, head: &[u8], bodies: Vec<HashedBody>) -> Result<(), Refusal> {
    let head = UnverifiedHead::parse(head)?.verify(&config.trust, clock::seconds(clock::now_ms()))?;
    let loader = isolate::with(|isolate| Loader::new(head, isolate.snapshot()))?;
    let mut loading = Loading { loader, rules: None };
    for body in bodies {
        loading.supply(body)?;
    }
    for _ in 0..ROUNDS {
        let missing = isolate::with(|isolate| loading.loader.missing(isolate.snapshot()));
        if missing.is_empty() {
            return isolate::with(|isolate| isolate.install(loading.loader, loading.rules));
        }
        for objects in missing.chunks(FETCHES) {
            let fetches = objects.iter().map(|object| fetch_object(env, config, object));
            for body in join_all(fetches).await {
                loading.supply(body.ok_or(Refusal::BodyMissing)?)?;
            }
        }
    }
    Err(Refusal::BodyMissing)
}

/// A snapshot on its way in.
struct Loading {
    loader: Loader,
    /// Compiled before the snapshot is put in place, so that a policy which this build cannot enforce never is.
    rules: Option<Rules>,
}

impl Loading {
    fn supply(&mut self, body: HashedBody) -> Result<(), Refusal> {
        if body.kind()? == Kind::Policy {
            let head = self.loader.head().head();
            let policy = VerifiedPolicy::verify(&head.policy, body.clone(), head.audience.keyspace)?;
            let rules = Rules::compile(&policy).map_err(|error| {
                worker::console_error!("The policy cannot be enforced: {}", error);
                Refusal::NotCanonical
            })?;
            self.rules = Some(rules);
        }
        self.loader.supply(body)
    }
}

/// Copies first: they are cached in every location, and the relay is one object for all of them.
pub(crate) async fn fetch_object(env: &Env, config: &Config, object: &ObjectRef) -> Option<HashedBody> {
    // A copy may hold anything under a name: bytes that are not the promised ones are asked for again at the next place.
    let in_kv = async { Kv::connect(env)?.object(&object.sha256).await };
    if let Some(body) = promised(in_kv.await, object).await {
        return Some(body);
    }
    let in_r2 = async { R2::connect(env, &config.r2_prefix)?.object(object).await };
    if let Some(body) = promised(in_r2.await, object).await {
        return Some(body);
    }
    let at_url = async { config.snapshot_url.as_ref().ok_or(Unreachable)?.object(object).await };
    if let Some(body) = promised(at_url.await, object).await {
        return Some(body);
    }
    let relay = Relay::connect(env, config.trust.audience()).ok()?;
    Some(digest::hash(relay.object(&object.sha256).await.ok().flatten()?).await)
}

async fn promised(answer: Result<Option<Vec<u8>>, Unreachable>, object: &ObjectRef) -> Option<HashedBody> {
    let body = digest::hash(answer.ok().flatten()?).await;
    (body.object() == *object).then_some(body)
}
