//! `POST /.well-known/latchkey/ingest`: the control plane pushes a bundle.
//!
//! The signature is the only credential: who cannot sign heads for this gate gets no byte stored and no Durable Object woken.

use futures_util::StreamExt;
use js_sys::Reflect;
use latchkey_snapshot::bundle::{Intent, UnverifiedBundle};
use latchkey_snapshot::{Refusal, UnverifiedHead, limits};
use wasm_bindgen::JsValue;
use worker::{Context, Env, Request, Response};

use crate::config::Config;
use crate::problem::{self, Problem};
use crate::sources::relay::Relay;
use crate::{clock, isolate, refresh};

pub(crate) const CONTENT_TYPE: &str = "application/vnd.latchkey.bundle";

/// A caller that sends somewhat too much is heard to the end, since many clients read no answer before that; one that sends more is cut off.
const DRAINED_BYTES: usize = 2 * limits::BUNDLE_BYTES;

pub(crate) async fn handle(request: Request, env: Env, context: &Context) -> Result<Response, Problem> {
    let config = isolate::config(&env).map_err(|error| Problem::misconfigured(&error.to_string()))?;
    let id = problem::request_id(request.headers());
    let colo = colo(&request);
    let bytes = read_body(request).await?;
    let bundle = check(&bytes, &config).map_err(Problem::refusal)?;

    let asked_at = clock::now_ms();
    // The relay decides: it alone knows what has been accepted anywhere.
    let relay = Relay::connect(&env, config.trust.audience()).map_err(|_| Problem::relay_unavailable())?;
    let answer = relay.ingest(&bytes, &id).await.map_err(|_| Problem::relay_unavailable())?;
    if answer.status_code() == 200 && bundle.intent == Intent::Commit {
        adopt(&env, &config, &bytes, asked_at).await;
        // Tells the relay, but the publisher need not wait for that.
        context.wait_until(async move { refresh::run(&env, &colo).await });
    }
    Ok(answer)
}

/// At most [`limits::BUNDLE_BYTES`] are kept, whatever the caller announces.
async fn read_body(mut request: Request) -> Result<Vec<u8>, Problem> {
    let header = |name| request.headers().get(name).ok().flatten().unwrap_or_default();
    if !header("content-type").eq_ignore_ascii_case(CONTENT_TYPE) {
        return Err(Problem::unsupported_media_type(CONTENT_TYPE));
    }
    if header("content-length").parse().is_ok_and(|length: usize| length > DRAINED_BYTES) {
        return Err(Problem::refusal(Refusal::TooLong));
    }
    let mut bytes = Vec::new();
    let mut received = 0;
    // A request without a body has no stream.
    let Ok(mut stream) = request.stream() else { return Ok(bytes) };
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::refusal(Refusal::Truncated))?;
        received += chunk.len();
        if received > DRAINED_BYTES {
            break;
        }
        if received <= limits::BUNDLE_BYTES {
            bytes.extend_from_slice(&chunk);
        }
    }
    if received > limits::BUNDLE_BYTES { Err(Problem::refusal(Refusal::TooLong)) } else { Ok(bytes) }
}

/// What can be told without the relay: form, audience, signature, times.
fn check<'a>(bytes: &'a [u8], config: &Config) -> Result<UnverifiedBundle<'a>, Refusal> {
    let bundle = UnverifiedBundle::parse(bytes)?;
    UnverifiedHead::parse(bundle.head)?.verify(&config.trust, clock::seconds(clock::now_ms()))?;
    Ok(bundle)
}

/// This isolate need not wait for its next refresh. If it cannot take the bundle, that refresh will say why.
async fn adopt(env: &Env, config: &Config, bytes: &[u8], asked_at: f64) {
    match refresh::adopt_bundle(env, config, bytes).await {
        Ok(()) | Err(Refusal::NotNewer) => isolate::with(|isolate| isolate.freshness.learn(asked_at)),
        Err(refusal) => worker::console_warn!("The pushed bundle is left to the next refresh: {}", refusal),
    }
}

/// The Cloudflare location of the request; empty where there is none. Not by the worker crate's `cf()`, which throws there.
pub(crate) fn colo(request: &Request) -> String {
    let get = |object: &JsValue, name: &str| Reflect::get(object, &JsValue::from_str(name)).ok();
    let cf = get(request.inner(), "cf").filter(|cf| !cf.is_undefined() && !cf.is_null());
    cf.and_then(|cf| get(&cf, "colo")).and_then(|colo| colo.as_string()).unwrap_or_default()
}
