//! Bringing an isolate up to date: from the relay, or from KV and a web address when the relay cannot be reached.

use futures_util::future::{join, join_all};
use latchkey_snapshot::bundle::UnverifiedBundle;
use latchkey_snapshot::{HashedBody, Kind, Loader, ObjectRef, Refusal, UnverifiedHead, VerifiedPolicy};
use latchkey_validator::Rules;
use worker::Env;

use crate::config::Config;
use crate::freshness::REFRESH_DEADLINE_MS;
use crate::protocol::SyncRequest;
use crate::sources::Unreachable;
use crate::sources::kv::Kv;
use crate::sources::relay::{News, Relay};
use crate::{clock, digest, isolate, usage};

/// How often a waiting request looks whether another one's refresh has ended.
const POLL_MS: u64 = 10;
/// Fetches at a time: the platform allows a request six open connections.
const FETCHES: usize = 6;
/// Questions to the relay in one refresh: one is usual, two when there is news, more when there is news all the time.
const QUESTIONS: usize = 3;
/// Rounds in which taking bodies in may uncover more: root page, leaf pages, shards. More would be a fault of ours.
const ROUNDS: usize = 8;

/// Refreshes, or waits for the refresh that another request has begun.
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
    let has_reached_source = from_any_source(env, &config, colo).await.is_ok();
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
        let request = isolate::with(|isolate| SyncRequest {
            isolate: isolate.id().to_owned(),
            colo: colo.to_owned(),
            held: isolate.held(),
            refused: isolate.refused(),
        });
        match relay.sync(&request).await? {
            News::Nothing => return Ok(()),
            News::Bundle(bytes) => match adopt_bundle(env, config, &bytes).await {
                // A push to this isolate was faster.
                Ok(()) | Err(Refusal::NotNewer) => {}
                // Bytes that do not verify are no news, and no reason to believe that ours are the newest.
                Err(refusal) => return Err(note(refusal)),
            },
        }
    }
    Ok(())
}

/// Both copies are asked: either may have stood still, and what is newer counts.
async fn from_copies(env: &Env, config: &Config) -> Result<(), Unreachable> {
    let audience = config.trust.audience();
    let in_kv = async { Kv::connect(env)?.head(audience).await?.ok_or(Unreachable) };
    let at_url =
        async { config.snapshot_url.as_ref().ok_or(Unreachable)?.head(audience).await?.ok_or(Unreachable) };
    let (in_kv, at_url) = join(in_kv, at_url).await;
    let from_kv = adopt_copy(env, config, in_kv).await;
    let from_url = adopt_copy(env, config, at_url).await;
    from_kv.or(from_url)
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
    let from_kv = match Kv::connect(env) {
        Ok(kv) => kv.object(&object.sha256).await.ok().flatten(),
        Err(Unreachable) => None,
    };
    // A copy may hold anything under a name: bytes that are not the promised ones are asked for again where they came from.
    if let Some(bytes) = from_kv {
        let body = digest::hash(bytes).await;
        if body.object() == *object {
            return Some(body);
        }
    }
    if let Some(url) = &config.snapshot_url
        && let Some(bytes) = url.object(object).await.ok().flatten()
    {
        let body = digest::hash(bytes).await;
        if body.object() == *object {
            return Some(body);
        }
    }
    let relay = Relay::connect(env, config.trust.audience()).ok()?;
    Some(digest::hash(relay.object(&object.sha256).await.ok().flatten()?).await)
}
