//! A request that passes if its conditions are met: settled at once where memory suffices, else left for [`super::settle`].

use std::cell::RefCell;

use latchkey_validator::{Code, Conditional};

use super::{flag, output, pack, signed};
use crate::limits::{self, Local, RateHeaders};
use crate::settle::{Outcome, Pending, RateBindings};

thread_local! {
    /// What the last decision has left open.
    static PENDING: RefCell<Option<Pending>> = const { RefCell::new(None) };
}

pub(super) fn take_pending() -> Option<Pending> {
    PENDING.take()
}

/// The packed answer, as of [`super::decide`].
///
/// `added`: the header that the upstream gets besides.
pub(super) fn answer(
    conditional: &Conditional<'_>,
    added: Option<(&str, &str)>,
    bindings: &RateBindings,
    now_ms: u64,
) -> u32 {
    let demands = &conditional.demands;
    if !signed::is_settled(conditional) {
        return flag::VERIFY;
    }
    let key = conditional.key.number();
    let cost = demands.rate.map_or(0, |rate| rate.cost);
    let local = limits::settle_now(key, demands, now_ms, |limit| bindings.count(limit, cost));
    let headers = || {
        let rate = demands.rate.as_ref();
        rate.map(|rate| limits::with(|limits| limits.headers(key, rate, now_ms))).unwrap_or_default()
    };
    match local {
        Local::Passed => {
            let keep = if limits::with(|limits| limits.has_chores()) { flag::KEEP } else { 0 };
            let mut length = output::describe(&conditional.key, added);
            if demands.rate.is_some() {
                let RateHeaders { policy, state, .. } = headers();
                length = output::append(&format!("\n{policy}\n{state}"));
            }
            pack(Code::Valid, length) | keep
        }
        Local::RateLimited => {
            let outcome = Outcome { code: Code::RateLimited, headers: headers(), unit: None };
            pack(Code::RateLimited, output::replace(&text(&outcome)))
        }
        Local::Exhausted(unit) => {
            let mut headers = headers();
            headers.retry_after = limits::with(|limits| limits.retry_after(key, unit));
            let outcome = Outcome { code: Code::CreditsExhausted, headers, unit: Some(unit.to_owned()) };
            pack(Code::CreditsExhausted, output::replace(&text(&outcome)))
        }
        Local::Ask => {
            PENDING.set(Some(Pending::of(conditional, bindings)));
            (output::describe(&conditional.key, added) as u32) << 16 | flag::SETTLE
        }
    }
}

/// An outcome as the entry reads it; see [`super::settle`].
pub(super) fn text(outcome: &Outcome) -> String {
    let RateHeaders { policy, state, retry_after } = &outcome.headers;
    let retry_after = if *retry_after == 0 { String::new() } else { retry_after.to_string() };
    let unit = outcome.unit.as_deref().unwrap_or_default();
    format!("{}\n{policy}\n{state}\n{retry_after}\n{unit}", outcome.code.number())
}
