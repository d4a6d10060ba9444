//! What a request still has to wait for when memory alone could not decide it: exact limits, limits that a location shares, credits that the ledger has
//! to lease. In the order of spec/decision.md section 1; the first that fails is the answer.
//!
//! Everything is copied out of the snapshot first: it may be replaced while the request waits.

use js_sys::{Function, Object, Promise, Reflect};
use latchkey_ledger::{Grants, Spend, Window};
use latchkey_snapshot::RateLimitMode;
use latchkey_validator::{Code, Conditional, CreditDemand, RateDemand};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use crate::clock;
use crate::ledger::protocol::{OwnedLimit, RateRequest};
use crate::limits::{self, Chore, RateHeaders};

/// How long a request waits for credits, in milliseconds. Somewhat longer than a call to the ledger may take, for those that wait for another's call.
const WAIT_MS: u64 = 2_000;
/// How often a waiting request looks whether another one's call has ended.
const POLL_MS: u64 = 5;

/// Conditions that are left, taken out of the snapshot.
pub(crate) struct Pending {
    key: u64,
    rate: Option<PendingRate>,
    credits: Option<PendingCredits>,
}

struct PendingRate {
    /// All limits, and where each is counted.
    limits: Vec<(OwnedLimit, RateLimitMode)>,
    cost: u32,
    /// Names of bindings that count for a whole location, and the limits that they are for.
    bindings: Vec<(String, String)>,
}

struct PendingCredits {
    grants: Grants,
    costs: Vec<(String, u32)>,
}

/// What a request gets, and what its answer tells of limits.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Code,
    pub(crate) headers: RateHeaders,
    /// The unit of which there are too few credits.
    pub(crate) unit: Option<String>,
}

impl Outcome {
    fn of(code: Code) -> Self {
        Self { code, headers: RateHeaders::default(), unit: None }
    }
}

impl Pending {
    /// What is left of a request whose local limits are counted already.
    pub(crate) fn of(conditional: &Conditional<'_>, bindings: &RateBindings) -> Self {
        let demands = &conditional.demands;
        Self {
            key: conditional.key.number(),
            rate: demands.rate.as_ref().map(|rate| PendingRate::of(rate, bindings)),
            credits: demands.credits.as_ref().map(PendingCredits::of),
        }
    }

    /// Waits until every condition is met or one is not.
    pub(crate) async fn settle(self, env: &Env) -> Outcome {
        let mut headers = RateHeaders::default();
        if let Some(rate) = &self.rate {
            match self.settle_rate(env, rate).await {
                Ok(told) => headers = told,
                Err(outcome) => return outcome,
            }
        }
        let outcome = match &self.credits {
            Some(credits) => self.settle_credits(env, credits).await,
            None => Ok(()),
        };
        let Err(outcome) = outcome else { return Outcome { headers, ..Outcome::of(Code::Valid) } };
        if let Some(unit) = &outcome.unit {
            headers.retry_after = limits::with(|limits| limits.retry_after(self.key, unit));
        }
        Outcome { headers, ..outcome }
    }

    async fn settle_rate(&self, env: &Env, rate: &PendingRate) -> Result<RateHeaders, Outcome> {
        for (binding, limit) in &rate.bindings {
            if !location_allows(env, binding, self.key, limit).await {
                let mut headers = self.headers(rate, &[]);
                headers.retry_after = rate.seconds_left(limit);
                return Err(Outcome { headers, ..Outcome::of(Code::RateLimited) });
            }
        }
        let exact: Vec<OwnedLimit> = rate.limits_of(RateLimitMode::Exact).cloned().collect();
        if exact.is_empty() {
            return Ok(self.headers(rate, &[]));
        }
        if self.is_paused() {
            return Err(Outcome::of(Code::LimitsUnavailable));
        }
        let request = RateRequest { limits: exact, cost: rate.cost };
        let message = self.credits.as_ref().and_then(|credits| self.message(credits, IfCovered::Nothing));
        let costs = self.credits.as_ref().map_or(&[][..], |credits| &credits.costs);
        let sent = limits::send(env, self.key, Some(request), message, costs).await;
        self.note_keeper(sent.needs_keeper);
        let Ok(Some(reply)) = sent.reply else { return Err(Outcome::of(Code::LimitsUnavailable)) };
        let headers = self.headers(rate, &reply.windows);
        if reply.is_allowed {
            Ok(headers)
        } else {
            Err(Outcome { headers, ..Outcome::of(Code::RateLimited) })
        }
    }

    async fn settle_credits(&self, env: &Env, credits: &PendingCredits) -> Result<(), Outcome> {
        let begun = clock::now_ms();
        let mut is_counted = false;
        loop {
            match self.spend(credits) {
                Spend::Spent => return Ok(()),
                Spend::Exhausted(unit) => {
                    return Err(Outcome {
                        unit: Some(unit.to_owned()),
                        ..Outcome::of(Code::CreditsExhausted)
                    });
                }
                Spend::Ask => {}
            }
            if self.is_paused() || clock::now_ms() - begun > WAIT_MS as f64 {
                return Err(Outcome::of(Code::LimitsUnavailable));
            }
            // Never another request's promise: workerd does not allow it.
            let Some(message) = self.message(credits, IfCovered::Ask) else {
                if !std::mem::replace(&mut is_counted, true) {
                    limits::with(|limits| limits.entry(self.key).waiting += 1);
                }
                clock::sleep_ms(POLL_MS).await;
                continue;
            };
            is_counted = false;
            let sent = limits::send(env, self.key, None, Some(message), &credits.costs).await;
            self.note_keeper(sent.needs_keeper);
        }
    }

    fn spend<'a>(&self, credits: &'a PendingCredits) -> Spend<'a> {
        limits::with(|limits| match &mut limits.entry(self.key).holder {
            Some(holder) => holder.spend(&credits.costs, credits.grants.seq, now()),
            None => Spend::Ask,
        })
    }

    /// A message that asks for the credits, unless one is under way.
    fn message(&self, credits: &PendingCredits, if_covered: IfCovered) -> Option<latchkey_ledger::Message> {
        let isolate = limits::isolate_id();
        limits::with(|limits| {
            let entry = limits.entry(self.key);
            let is_covered =
                entry.holder.as_ref().is_some_and(|holder| holder.has_enough(&credits.costs, now()));
            if is_covered && if_covered == IfCovered::Nothing {
                return None;
            }
            limits::message_for(entry, &isolate, &credits.costs, &credits.grants)
        })
    }

    fn is_paused(&self) -> bool {
        limits::with(|limits| limits.entry(self.key).is_paused(now()))
    }

    fn note_keeper(&self, is_needed: bool) {
        if is_needed {
            limits::with(|limits| limits.add_chore(Chore::Keep { key: self.key }));
        }
    }

    /// `exact`: how the exact limits stand, in their order.
    fn headers(&self, rate: &PendingRate, exact: &[Window]) -> RateHeaders {
        let mut exact = exact.iter();
        let mut headers = RateHeaders::default();
        limits::with(|limits| {
            let entry = limits.entry(self.key);
            for (limit, mode) in &rate.limits {
                let window = match mode {
                    RateLimitMode::Local => Some(entry.windows.window(limit.as_limit(), now() / 1_000)),
                    RateLimitMode::Exact => exact.next().copied(),
                };
                if let Some(window) = window {
                    headers.add(limit.as_limit(), window, rate.cost);
                }
            }
        });
        headers
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IfCovered {
    /// Nothing is needed of the ledger.
    Nothing,
    Ask,
}

impl PendingRate {
    fn of(demand: &RateDemand<'_>, bindings: &RateBindings) -> Self {
        let limits = demand.limits.iter().map(|limit| {
            let owned = OwnedLimit {
                name: limit.name.to_owned(),
                limit: limit.limit,
                window_seconds: limit.window_seconds,
            };
            (owned, limit.mode)
        });
        let asked = demand.limits.iter().filter(|limit| bindings.count(limit, demand.cost));
        Self {
            limits: limits.collect(),
            cost: demand.cost,
            bindings: asked
                .map(|limit| (RateBindings::name(limit.limit, limit.window_seconds), limit.name.to_owned()))
                .collect(),
        }
    }

    fn limits_of(&self, mode: RateLimitMode) -> impl Iterator<Item = &OwnedLimit> {
        self.limits.iter().filter(move |(_, other)| *other == mode).map(|(limit, _)| limit)
    }

    /// Until the limit's window ends.
    fn seconds_left(&self, name: &str) -> u32 {
        let limit = self.limits.iter().find(|(limit, _)| limit.name == name);
        limit.map_or(1, |(limit, _)| {
            limit.window_seconds - (now() / 1_000 % u64::from(limit.window_seconds)) as u32
        })
    }
}

impl PendingCredits {
    fn of(demand: &CreditDemand<'_>) -> Self {
        Self { grants: limits::grants_of(&demand.grants), costs: demand.costs.to_vec() }
    }
}

/// The deployment's Workers rate-limit bindings, by what they count: `LATCHKEY_RATE_<limit>_PER_<window_seconds>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RateBindings(Vec<(u32, u32)>);

const BINDING_PREFIX: &str = "LATCHKEY_RATE_";
const BINDING_MIDDLE: &str = "_PER_";

impl RateBindings {
    /// From the names of all bindings and variables.
    pub(crate) fn from_names(names: impl Iterator<Item = String>) -> Self {
        let parse = |name: String| {
            let (limit, seconds) = name.strip_prefix(BINDING_PREFIX)?.split_once(BINDING_MIDDLE)?;
            Some((limit.parse().ok()?, seconds.parse().ok()?))
        };
        Self(names.filter_map(parse).collect())
    }

    pub(crate) fn of(env: &Env) -> Self {
        let names = Object::keys(env.unchecked_ref::<Object>());
        Self::from_names(names.iter().filter_map(|name| name.as_string()))
    }

    /// Whether one of them counts requests of this cost for this limit. They count requests, so a cost other than 1 is not theirs.
    pub(crate) fn count(&self, limit: &latchkey_snapshot::RateLimitView<'_>, cost: u32) -> bool {
        cost == 1
            && limit.mode == RateLimitMode::Local
            && self.0.contains(&(limit.limit, limit.window_seconds))
    }

    fn name(limit: u32, window_seconds: u32) -> String {
        format!("{BINDING_PREFIX}{limit}{BINDING_MIDDLE}{window_seconds}")
    }
}

/// Asks a rate-limit binding. One that fails lets pass: the isolate's own count has let the request pass already.
async fn location_allows(env: &Env, binding: &str, key: u64, limit: &str) -> bool {
    match ask_binding(env, binding, &format!("{key:x}/{limit}")).await {
        Ok(is_allowed) => is_allowed,
        Err(error) => {
            worker::console_warn!("The rate-limit binding {} could not be used: {:?}", binding, error);
            true
        }
    }
}

async fn ask_binding(env: &Env, binding: &str, key: &str) -> Result<bool, JsValue> {
    let limiter = Reflect::get(env, &binding.into())?;
    let limit: Function = Reflect::get(&limiter, &"limit".into())?.dyn_into()?;
    let options = Object::new();
    Reflect::set(&options, &"key".into(), &key.into())?;
    let promise: Promise = limit.call1(&limiter, &options)?.dyn_into()?;
    let outcome = clock::within_ms(WAIT_MS, JsFuture::from(promise)).await.ok_or("no answer")??;
    Ok(Reflect::get(&outcome, &"success".into())?.is_truthy())
}

fn now() -> u64 {
    // `as` saturates.
    clock::now_ms() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_are_known_by_their_names() {
        let names =
            ["LATCHKEY_RATE_100_PER_60", "LATCHKEY_RATE_x_PER_60", "LATCHKEY_KV", "LATCHKEY_RATE_5_PER_10"];
        let bindings = RateBindings::from_names(names.into_iter().map(str::to_owned));
        assert_eq!(bindings, RateBindings(vec![(100, 60), (5, 10)]));
        let limit = |limit, window_seconds, mode| latchkey_snapshot::RateLimitView {
            name: "a",
            limit,
            window_seconds,
            mode,
        };
        assert!(bindings.count(&limit(5, 10, RateLimitMode::Local), 1));
        assert!(!bindings.count(&limit(5, 10, RateLimitMode::Local), 2));
        assert!(!bindings.count(&limit(5, 10, RateLimitMode::Exact), 1));
        assert!(!bindings.count(&limit(5, 60, RateLimitMode::Local), 1));
    }
}
