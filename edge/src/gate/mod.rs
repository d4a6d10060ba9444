//! The hot path's half in Rust: one call with numbers in and a number out. `edge/js` has the other half.
//!
//! The entry writes what it knows of a request into [`INPUT`] and calls [`decide`]; text for the upstream comes back in [`output`].
//! No object, no string and no exception crosses the border: each would cost more than the decision.

mod conditions;
mod credential;
mod input;
mod output;
mod signed;

use std::cell::RefCell;

use js_sys::Promise;
use latchkey_validator::{Code, Conditional, Credential, Decision, RequestFacts, Rules, Verdict};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use worker::{Env, web_sys};

use self::input::Lengths;
use crate::config::{CLIENT_ADDRESS_HEADER, ClientAddress};
use crate::freshness::Step;
use crate::isolate::{self, Isolate};
use crate::problem::Problem;
use crate::upstream_credentials::Sealed;
use crate::{clock, limits, refresh, shards, usage};

/// Bits of what [`decide`] returns: the code's number in the lowest 8, flags in the next 8, the output's length in 14, and one flag more.
mod flag {
    /// Decide, and call [`follow`] when the answer is out.
    pub(super) const REFRESH: u32 = 1 << 8;
    /// Refresh, then ask again.
    pub(super) const REFRESH_FIRST: u32 = 1 << 9;
    /// Fetch a part of the base, then ask again.
    pub(super) const NEEDS_OBJECT: u32 = 1 << 10;
    /// Allowed so far, but something has to be waited for: call [`settle`]. The code is 0 then, which lets nothing pass.
    pub(super) const SETTLE: u32 = 1 << 12;
    /// Allowed so far, but the request's signature has to be verified: call [`verify`]. The code is 0 then, which lets nothing pass.
    pub(super) const VERIFY: u32 = 1 << 15;
    /// Call [`keep`] when the answer is out.
    pub(super) const KEEP: u32 = 1 << 14;
    /// The Authorization header held the credential, so the upstream must not see it.
    pub(super) const STRIP_AUTHORIZATION: u32 = 1 << 11;
    /// Other headers are wanted than the entry looked at: read [`super::wanted`], then ask again.
    pub(super) const WANTS_OTHER_FACTS: u32 = 1 << 13;
    /// Report usage when the answer is out.
    pub(super) const REPORT: u32 = 1 << 30;
}

/// Instead of a code's number: the credential for the upstream cannot be opened. No code has it.
const CREDENTIAL_UNAVAILABLE: u32 = 255;
/// Likewise: too many unknown keys came from the address for one more to be looked up.
const TOO_MANY_UNKNOWN: u32 = 254;
/// Of what [`decide`] returns, the code's number.
const CODE: u32 = 0xff;

thread_local! {
    static INPUT: RefCell<Box<[u8]>> = RefCell::new(vec![0; input::BYTES].into_boxed_slice());
}

/// Wasm's memory, in which the entry finds the two buffers.
#[wasm_bindgen]
pub fn wasm_memory() -> JsValue {
    wasm_bindgen::memory()
}

/// Where the entry writes a request's facts.
#[wasm_bindgen]
pub fn input_at() -> usize {
    INPUT.with_borrow(|input| input.as_ptr() as usize)
}

/// Where the entry reads the text of an allowed request.
#[wasm_bindgen]
pub fn output_at() -> usize {
    output::address()
}

/// Reads the settings. The answer is empty, or the problem (a template) that every request gets until they are right.
#[wasm_bindgen]
pub fn configure(env: Env) -> Option<String> {
    let error = isolate::config(&env).err()?;
    worker::console_error!("The gate's configuration does not work: {}", error);
    Some(Problem::misconfigured(&error.to_string()).template())
}

/// The upstream's origin, without which requests go to the service binding.
#[wasm_bindgen]
pub fn upstream_origin() -> Option<String> {
    isolate::with(|isolate| isolate.config().and_then(|config| config.upstream.clone()))
}

/// What the entry has to look at in a request, as JSON: `{version, own, address, headers, query}`. It changes with the policy.
#[wasm_bindgen]
pub fn wanted() -> String {
    isolate::with(|isolate| {
        let config = isolate.config();
        let rules = isolate.rules();
        serde_json::json!({
            "version": isolate.rules_version(),
            "own": config.and_then(|config| config.credential_header.as_deref()),
            "address": config.map_or(CLIENT_ADDRESS_HEADER, |config| &config.client_address.header),
            "headers": rules.map(Rules::headers).unwrap_or_default(),
            "query": rules.is_some_and(Rules::reads_queries),
        })
        .to_string()
    })
}

/// The answer to requests with this outcome, as a template.
#[wasm_bindgen]
pub fn denial(code: u8) -> String {
    if u32::from(code) == CREDENTIAL_UNAVAILABLE {
        return Problem::upstream_credential_unavailable().template();
    }
    if u32::from(code) == TOO_MANY_UNKNOWN {
        return Problem::too_many_unknown_keys().template();
    }
    // An unknown number cannot come from `decide`; if it does, nothing is known and nothing passes.
    Problem::denial(Code::from_number(code).unwrap_or(Code::SnapshotUnavailable)).template()
}

/// The answer when a decision could not be made at all.
#[wasm_bindgen]
pub fn unavailable() -> String {
    Problem::denial(Code::SnapshotUnavailable).template()
}

/// The answer when the upstream cannot be reached.
#[wasm_bindgen]
pub fn upstream_unreachable() -> String {
    Problem::upstream_unreachable().template()
}

/// Decides the request whose facts stand in the input, one behind the other: Authorization, X-API-Key, the configured header, the header with
/// the client's address, method, target, and the headers that routes read. `version` is that of the [`wanted`] by which they were
/// written; the other arguments are lengths, -1 for a header that the request lacks. See [`flag`] for the result.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "numbers are what crosses the border for nothing")]
pub fn decide(
    now_ms: f64,
    version: u32,
    authorization: i32,
    api_key: i32,
    own: i32,
    address: i32,
    method: i32,
    target: i32,
    values: i32,
) -> u32 {
    let lengths = Lengths { authorization, api_key, own, address, method, target, values };
    let packed = INPUT.with_borrow(|input| {
        isolate::with(|isolate| {
            if version != isolate.rules_version() {
                return flag::WANTS_OTHER_FACTS;
            }
            let Some(config) = isolate.config().cloned() else { return pack(Code::SnapshotUnavailable, 0) };
            input::read(input, &lengths, &config.client_address, |facts, in_authorization| {
                #[cfg(feature = "fault-injection")]
                crate::fault::in_decide(facts.target);
                let strip = if in_authorization { flag::STRIP_AUTHORIZATION } else { 0 };
                let answer = answer(isolate, facts, now_ms);
                if isolate.take_loaded() && answer & CODE == u32::from(Code::NotFound.number()) {
                    isolate.strangers.note(facts.address(), now_ms, isolate::random_number);
                }
                answer | strip
            })
        })
    });
    signed::forget_pass();
    packed
}

/// Verifies the signature that the last call of [`decide`] asked for. Call it before anything else runs. The answer is JSON: `{code, pass, accept}`. With
/// the code of what is valid, [`present`] the pass and decide again.
#[wasm_bindgen]
pub fn verify(env: Env, request: web_sys::Request) -> Promise {
    let wanted = signed::take_wanted();
    future_to_promise(async move {
        match wanted {
            Some(check) => Ok(signed::verify(&check, &env, &request.into()).await.into()),
            None => Err(JsValue::from_str("no signature is to be verified")),
        }
    })
}

/// Says that what the pass stands for was verified, for the next call of [`decide`] alone.
#[wasm_bindgen]
pub fn present(pass: String) {
    signed::present(pass);
}

/// Refreshes the isolate's snapshot. Resolves when this isolate has done what it can; never rejects.
#[wasm_bindgen]
pub fn refresh(env: Env, colo: String) -> Promise {
    future_to_promise(async move {
        refresh::run(&env, &colo).await;
        Ok(JsValue::UNDEFINED)
    })
}

/// What [`flag::REFRESH`] asks for: brings the isolate up to date behind an answer, or waits for news. Resolves within seconds; never rejects.
#[wasm_bindgen]
pub fn follow(env: Env, colo: String) -> Promise {
    future_to_promise(async move {
        refresh::follow(&env, &colo).await;
        Ok(JsValue::UNDEFINED)
    })
}

/// Fetches the body that the last call of [`decide`] asked for. Call it before anything else runs.
#[wasm_bindgen]
pub fn load_needed(env: Env) -> Promise {
    let needed = isolate::with(isolate::Isolate::take_needed);
    future_to_promise(async move {
        if let Some(object) = needed {
            shards::load(&env, object).await;
        }
        Ok(JsValue::UNDEFINED)
    })
}

/// Says that something was loaded for the request that is decided next, so that what unknown keys cause is counted.
#[wasm_bindgen]
pub fn note_loaded() {
    isolate::with(Isolate::note_loaded);
}

/// Settles what the last call of [`decide`] has left open. Call it before anything else runs. The answer is a text of lines: the code's number,
/// `RateLimit-Policy`, `RateLimit`, `Retry-After`, the unit that is used up; the last four may be empty.
#[wasm_bindgen]
pub fn settle(env: Env) -> Promise {
    let pending = conditions::take_pending();
    future_to_promise(async move {
        let text = match pending {
            Some(pending) => conditions::text(&pending.settle(&env).await),
            None => String::new(),
        };
        Ok(JsValue::from_str(&text))
    })
}

/// Whether [`keep`] has something to do.
#[wasm_bindgen]
pub fn has_chores() -> bool {
    limits::with(|limits| limits.has_chores())
}

/// Renews leases and gives back what is not used. Resolves when that is done or has failed, which may take most of a minute; never rejects.
#[wasm_bindgen]
pub fn keep(env: Env) -> Promise {
    let chores = limits::with(limits::Limits::take_chores);
    future_to_promise(async move {
        limits::run_chores(&env, chores).await;
        // What a lease was spent on is known for certain when it goes back, and often no request comes after that.
        usage::report_credits(&env).await;
        Ok(JsValue::UNDEFINED)
    })
}

/// Whether decisions leave records, for which the entry has to call [`recorded`] and [`answered`].
#[wasm_bindgen]
pub fn records_usage() -> bool {
    isolate::with(|isolate| isolate.config().is_some_and(|config| config.usage.is_some()))
}

/// The record of the decision that was just made, -1 if it left none. Call it before anything else runs.
#[wasm_bindgen]
pub fn recorded() -> f64 {
    // Numbers of records stay far below 2^53.
    usage::last().map_or(-1.0, |number| number as f64)
}

/// Notes what was answered. The request's id stands at the beginning of the input.
#[wasm_bindgen]
pub fn answered(record: f64, code: u8, status: u16, id_length: usize) {
    INPUT.with_borrow(|input| {
        usage::answered(record as u64, code, status, input.get(..id_length).unwrap_or_default());
    });
}

/// Forgets a record: the request is decided once more, and leaves another.
#[wasm_bindgen]
pub fn withdraw(record: f64) {
    usage::withdraw(record as u64);
}

/// Sends what has gathered. Resolves when that is done, or not possible now; never rejects.
#[wasm_bindgen]
pub fn report_usage(env: Env) -> Promise {
    future_to_promise(async move {
        usage::report(&env).await;
        Ok(JsValue::UNDEFINED)
    })
}

/// The answer to a request that this unit's credits do not suffice for.
#[wasm_bindgen]
pub fn credits_exhausted(unit: &str) -> String {
    Problem::credits_exhausted(unit).template()
}

/// Runs the whole path once: the first call into a fresh instance costs a millisecond, which start-up can better afford.
#[wasm_bindgen]
pub fn warm_up() {
    let token = b"Bearer lk_test_000000000000000000000000000000000VhE5o";
    let facts = RequestFacts::new(Credential::Authorization(token), "GET", b"/");
    let _ = isolate::with(|isolate| answer(isolate, &facts, 0.0));
    let _ = latchkey_token::digest(token);
}

/// The one credential of a request, from its Authorization header and the others that may carry one.
pub(crate) fn credential<'a>(
    authorization: Option<&'a [u8]>,
    others: [Option<&'a [u8]>; 2],
) -> Credential<'a> {
    credential::one_of(authorization, others).0
}

/// The client's address, from the header that holds it.
pub(crate) fn client_address<'a>(text: &'a [u8], from: &ClientAddress) -> Option<&'a [u8]> {
    input::address(text, from.hops)
}

fn answer(isolate: &mut Isolate, facts: &RequestFacts<'_>, now_ms: f64) -> u32 {
    let refresh = match isolate.step(now_ms) {
        Step::RefreshFirst => return flag::REFRESH_FIRST,
        Step::DecideAndRefresh => flag::REFRESH,
        Step::Decide => 0,
    };
    let Some(view) = isolate.view() else { return pack(Code::SnapshotUnavailable, 0) };
    match latchkey_validator::decide(facts, &view, clock::seconds(now_ms)) {
        Verdict::Decided(decision) => {
            // Revoked keys too: whoever measures must not tell them from unknown ones by who waits.
            let is_unknown = matches!(decision.code, Code::NotFound | Code::Revoked);
            if is_unknown && isolate.freshness.is_miss_due(now_ms) {
                isolate.freshness.note_miss(now_ms);
                return flag::REFRESH_FIRST;
            }
            pack_decision(&decision) | refresh | record(isolate, facts, &decision, now_ms)
        }
        Verdict::Conditional(conditional) => {
            let packed = with_added_header(isolate, &conditional, |added| {
                conditions::answer(&conditional, added, isolate.rate_bindings(), now_ms as u64)
            });
            // What is still open is noted with the answer; without one nothing passed.
            let is_valid = packed & CODE == u32::from(Code::Valid.number());
            let outcome = if is_valid { Ok(()) } else { Err(Code::SnapshotUnavailable) };
            packed | refresh | record(isolate, facts, &conditional.settle(outcome), now_ms)
        }
        Verdict::NeedsObject(_) if !isolate.strangers.may_load(facts.address(), now_ms) => TOO_MANY_UNKNOWN,
        Verdict::NeedsObject(object) => {
            isolate.need(object);
            flag::NEEDS_OBJECT
        }
    }
}

/// Opens the credential that the upstream is to get, before anything is counted or spent. Without it nothing passes.
fn with_added_header(
    isolate: &Isolate,
    conditional: &Conditional<'_>,
    answer: impl FnOnce(Option<(&str, &str)>) -> u32,
) -> u32 {
    let Some(credential) = conditional.demands.upstream_credential else { return answer(None) };
    let (Some(config), Some(snapshot)) = (isolate.config(), isolate.snapshot()) else {
        return CREDENTIAL_UNAVAILABLE;
    };
    let (keyspace, policy) = (config.trust.audience().keyspace, snapshot.policy().sha256());
    Sealed { credential, keyspace, policy }.with_header(config.gate_key.as_ref(), |added| {
        added.map_or(CREDENTIAL_UNAVAILABLE, |added| answer(Some(added)))
    })
}

/// Notes the decision where usage is reported.
fn record(isolate: &Isolate, facts: &RequestFacts<'_>, decision: &Decision<'_>, now_ms: f64) -> u32 {
    if isolate.config().is_none_or(|config| config.usage.is_none()) {
        return 0;
    }
    let snapshot = isolate.snapshot();
    let route = decision.route.zip(snapshot).and_then(|(route, snapshot)| {
        snapshot.policy().policy().routes.get(usize::from(route)).map(|route| route.path.as_str())
    });
    let seen = usage::Seen {
        now_ms,
        credential: facts.credential,
        method: facts.method,
        path: facts.target.split(|byte| *byte == b'?').next().unwrap_or_default(),
        address: facts.address(),
        route,
        seq: snapshot.map_or(0, |snapshot| snapshot.head().head().seq),
    };
    if usage::note(&seen, decision) { flag::REPORT } else { 0 }
}

fn pack_decision(decision: &Decision<'_>) -> u32 {
    match (decision.code, &decision.key) {
        (Code::Valid, Some(key)) => pack(Code::Valid, output::describe(key, None)),
        // Allowed but nobody's: no such decision exists, and it would not pass if it did.
        (Code::Valid, None) => pack(Code::SnapshotUnavailable, 0),
        (code, _) => pack(code, 0),
    }
}

fn pack(code: Code, output: usize) -> u32 {
    u32::from(code.number()) | (output as u32) << 16
}
