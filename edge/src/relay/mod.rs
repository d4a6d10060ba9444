//! The relay: one Durable Object per audience. It holds the newest head and everything that the head leads to, and refuses whatever is not newer.
//!
//! Only this Worker reaches it, through its binding; it verifies everything all the same, since it is the one that remembers.

mod acks;
mod commit;
mod latest;
mod mirror;
mod store;
mod waiters;

use std::cell::RefCell;
use std::time::Duration;

use js_sys::Uint8Array;
use latchkey_snapshot::bundle::Intent;
use latchkey_snapshot::{Refusal, limits};
use worker::{DurableObject, Env, Method, Request, Response, Result, State, durable_object, web_sys};

use crate::clock;
use crate::config::{Config, ConfigError};
use crate::problem::{self, Problem};
use crate::protocol::{Held, MOST_WAIT_MS, RelayStatus, SyncRequest, WAITED_HEADER};
use acks::Acks;
use latest::Latest;
use store::Store;
use waiters::Waiters;

/// Bytes of bodies in an answer to a sync. What does not fit is fetched by hash.
const SYNC_BYTES: usize = 3 * 1_024 * 1_024;

/// The Durable Object class. `edge/js/objects.js` wraps it.
#[durable_object(alarm)]
pub struct Relay {
    state: State,
    env: Env,
    config: std::result::Result<Config, ConfigError>,
    acks: RefCell<Acks>,
    latest: RefCell<Latest>,
    waiters: Waiters,
}

impl DurableObject for Relay {
    fn new(state: State, env: Env) -> Self {
        let config = Config::from_env(&env);
        let (acks, latest) = (RefCell::default(), RefCell::default());
        Self { state, env, config, acks, latest, waiters: Waiters::new() }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let config = match &self.config {
            Ok(config) => config,
            Err(error) => {
                return Problem::misconfigured(&error.to_string()).into_response(&request_id(&request));
            }
        };
        let store = Store::open(&self.state)?;
        let path = request.path();
        #[cfg(feature = "fault-injection")]
        crate::fault::in_relay(&path);
        match (request.method(), path.as_str(), path.strip_prefix("/object/")) {
            (Method::Post, "/ingest", _) => {
                let id = request_id(&request);
                let bytes = request.bytes().await?;
                self.ingest(config, &store, &bytes, &id).await
            }
            (Method::Post, "/sync", _) => {
                let request: SyncRequest = request.json().await?;
                self.sync(&store, request).await
            }
            (Method::Get, "/status", _) => Response::from_json(&self.status(&store)?),
            (Method::Get, _, Some(name)) => send_object(&store, name),
            _ => Problem::unknown_path().into_response(&request_id(&request)),
        }
    }

    /// Brings KV up to date; see [`mirror`].
    async fn alarm(&self) -> Result<Response> {
        if let Ok(config) = &self.config {
            let store = Store::open(&self.state)?;
            if let Some(again_in_ms) = mirror::run(&self.env, config.trust.audience(), &store).await? {
                self.state.storage().set_alarm(Duration::from_millis(again_in_ms)).await?;
            }
        }
        Response::empty()
    }
}

impl Relay {
    async fn ingest(&self, config: &Config, store: &Store, bytes: &[u8], id: &str) -> Result<Response> {
        let now_ms = clock::now_ms();
        let verdict = commit::accept(&config.trust, store, bytes, clock::seconds(now_ms)).await;
        self.latest.borrow_mut().forget();
        match verdict? {
            Err(refusal) => return self.refused(refusal, store)?.into_response(id),
            Ok(Intent::StoreBodies) => {}
            Ok(Intent::Commit) => {
                // The runtime holds every answer of an object back until what was written before it is durable.
                self.waiters.wake_all();
                // Not now: the publisher waits for this answer, and KV may take a second.
                let wait = Duration::from_millis(mirror::wait_ms(store, now_ms)?);
                self.state.storage().set_alarm(wait).await?;
            }
        }
        Response::from_json(&self.status(store)?)
    }

    async fn sync(&self, store: &Store, request: SyncRequest) -> Result<Response> {
        let held = request.held.unwrap_or_default();
        self.acks.borrow_mut().note(&request.isolate, request.colo, &held, request.refused, clock::now_ms());
        let (news, waited_ms) = self.wait_for_news(store, &held, request.wait_ms).await?;
        let answer = match news {
            Some(bundle) => web_sys::Response::new_with_opt_js_u8_array(Some(&bundle))?.into(),
            None => Response::empty()?.with_status(204),
        };
        answer.headers().set(WAITED_HEADER, &waited_ms.to_string())?;
        Ok(answer)
    }

    /// What an isolate lacks, as soon as it lacks something, or nothing after `wait_ms`; and for how many milliseconds that was held back.
    async fn wait_for_news(
        &self,
        store: &Store,
        held: &Held,
        wait_ms: u32,
    ) -> Result<(Option<Uint8Array>, f64)> {
        let asked_at = clock::now_ms();
        let place = if wait_ms > 0 { self.waiters.take_place() } else { None };
        loop {
            let news = self.latest.borrow_mut().newer_than(held, store)?;
            let waited_ms = clock::now_ms() - asked_at;
            // Whatever it says: places are few.
            let left_ms = f64::from(wait_ms.min(MOST_WAIT_MS)) - waited_ms;
            match (&place, &news) {
                (Some(place), None) if left_ms > 0.0 => {
                    // Nothing is awaited between the look and this call, so nothing that comes in is missed.
                    let _ = clock::within_ms(left_ms.ceil() as u64, place.woken()).await;
                }
                _ => return Ok((news, waited_ms)),
            }
        }
    }

    fn status(&self, store: &Store) -> Result<RelayStatus> {
        let head = self.latest.borrow_mut().head(store)?;
        let fields = head.as_ref().map(|head| &head.fields);
        Ok(RelayStatus {
            epoch: fields.map_or(0, |head| head.epoch),
            seq: fields.map_or(0, |head| head.seq),
            change_seq: fields.map_or(0, |head| head.change_seq),
            valid_until: fields.map(|head| clock::timestamp(head.valid_until as f64 * 1_000.0)),
            isolates: self.acks.borrow_mut().list(clock::now_ms()),
        })
    }

    /// Whoever has signed a head that is not newer is shown the one that is: so a publisher finds out that its database is an old copy.
    fn refused(&self, refusal: Refusal, store: &Store) -> Result<Problem> {
        let not_newer = refusal == Refusal::NotNewer;
        let held = if not_newer { self.latest.borrow_mut().head(store)? } else { None };
        Ok(held.map_or_else(|| Problem::refusal(refusal), |head| Problem::not_newer(&head.bytes)))
    }
}

/// What the head names and the isolate lacks, in the order in which a receiver reaches it. A large base is left out: isolates load it by
/// the shard.
fn bodies_for(store: &Store, head: &store::StoredHead, held: &Held) -> Result<Vec<Vec<u8>>> {
    let fields = &head.fields;
    let mut wanted = vec![fields.policy.sha256];
    wanted.extend(fields.segments.iter().map(|segment| segment.object.sha256));
    wanted.push(fields.base.root.sha256);
    wanted.retain(|sha256| !held.has(sha256));
    if !held.has(&fields.base.root.sha256) && fields.base.shard_bits <= limits::EAGER_SHARD_BITS {
        wanted.extend(store.base_objects(&fields.base.root.sha256)?);
    }
    let mut bodies = Vec::new();
    let mut total = 0;
    for sha256 in wanted {
        let Some(body) = store.object(&sha256)? else { continue };
        total += body.len();
        if total > SYNC_BYTES {
            break;
        }
        bodies.push(body);
    }
    Ok(bodies)
}

fn send_object(store: &Store, name: &str) -> Result<Response> {
    let mut sha256 = [0; 32];
    let body = match hex::decode_to_slice(name, &mut sha256) {
        Ok(()) => store.object(&sha256)?,
        Err(_) => None,
    };
    match body {
        Some(body) => Response::from_bytes(body),
        None => Response::empty().map(|answer| answer.with_status(404)),
    }
}

fn request_id(request: &Request) -> String {
    let given = request.url().ok().and_then(|url| {
        url.query_pairs().find(|(name, _)| name == "request_id").map(|(_, id)| id.into_owned())
    });
    given.unwrap_or_else(|| problem::request_id(request.headers()))
}

/// SQLite takes and gives blobs as these.
fn to_bytes(value: &wasm_bindgen::JsValue) -> Vec<u8> {
    Uint8Array::new(value).to_vec()
}
