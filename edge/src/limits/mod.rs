//! A key's rate limits and credits, as far as this isolate can settle them by itself: windows counted in memory, credits spent from a lease.
//! What needs more than that is `crate::settle`'s.

mod headers;
mod keep;
mod table;

use std::cell::RefCell;
use std::collections::BTreeMap;

use latchkey_ledger::{Grants, Holder, Limit, Spend, Standing, Windows};
use latchkey_snapshot::{CreditsView, RateLimitMode, RateLimitView};
use latchkey_validator::{CreditDemand, Demands, RateDemand};
use worker::Env;

use crate::ledger::client::Ledger;
use crate::ledger::protocol::StatusRequest;
use crate::sources::Unreachable;

pub(crate) use headers::RateHeaders;
pub(crate) use keep::{Chore, isolate_id, message_for, run as run_chores, send};
use table::Table;

/// Keys that an isolate remembers, in two halves: the older half is dropped when the younger one is full.
const KEYS_IN_HALF: usize = 4_096;
/// After a ledger could not be reached, requests that need it are denied for this long without asking.
const PAUSE_MS: u64 = 250;

thread_local! {
    static LIMITS: RefCell<Limits> = RefCell::new(Limits { keys: Table::new(KEYS_IN_HALF), chores: Vec::new() });
}

/// Runs `work` on this isolate's counts and leases. It must not call back into this function.
pub(crate) fn with<T>(work: impl FnOnce(&mut Limits) -> T) -> T {
    LIMITS.with_borrow_mut(work)
}

pub(crate) struct Limits {
    keys: Table<Entry>,
    /// What is to be done once the answer is out.
    chores: Vec<Chore>,
}

/// What the isolate holds of one key.
#[derive(Default)]
pub(crate) struct Entry {
    pub(crate) holder: Option<Holder>,
    pub(crate) windows: Windows,
    /// Requests that have begun to wait since the last message to the ledger.
    pub(crate) waiting: u32,
    /// The newest that a request has come with.
    grants: Grants,
    /// Until when the ledger is not asked, because it did not answer. Times are milliseconds since the epoch.
    paused_until: u64,
    /// Until when somebody is in charge of giving the lease back.
    kept_until: u64,
    /// What the control plane was last told.
    told: BTreeMap<String, Standing>,
}

/// How far a request got in memory alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Local<'a> {
    Passed,
    RateLimited,
    /// Too few credits of this unit.
    Exhausted(&'a str),
    /// The ledger has to be asked.
    Ask,
}

impl Limits {
    /// The entry of the key with this number. What has to give way for it gives back what it holds.
    pub(crate) fn entry(&mut self, key: u64) -> &mut Entry {
        let chores = &mut self.chores;
        self.keys.entry(key, |dropped, entry| {
            if let Some(holder) = entry.holder.filter(Holder::has_unreported) {
                chores.push(Chore::Release { key: dropped, holder: Box::new(holder), grants: entry.grants });
            }
        })
    }

    pub(crate) fn add_chore(&mut self, chore: Chore) {
        self.chores.push(chore);
    }

    pub(crate) fn take_chores(&mut self) -> Vec<Chore> {
        std::mem::take(&mut self.chores)
    }

    pub(crate) fn has_chores(&self) -> bool {
        !self.chores.is_empty()
    }

    /// Counts a request in the windows that this isolate keeps.
    pub(crate) fn count(&mut self, key: u64, demand: &RateDemand<'_>, now_ms: u64) -> Local<'static> {
        let local = demand.limits.iter().filter(|limit| limit.mode == RateLimitMode::Local).map(as_limit);
        match self.entry(key).windows.take(local, demand.cost, now_ms / 1_000) {
            true => Local::Passed,
            false => Local::RateLimited,
        }
    }

    /// Spends a request's credits from the lease that this isolate holds, and sees to it that the lease is renewed in time.
    pub(crate) fn spend<'s>(&mut self, key: u64, demand: &CreditDemand<'s>, now_ms: u64) -> Local<'s> {
        let grant_seq = demand.grants.grant_seq();
        let Some(holder) = &mut self.entry(key).holder else { return Local::Ask };
        match holder.spend(demand.costs, grant_seq, now_ms) {
            Spend::Spent => {
                if holder.is_due(now_ms) && self.chores.is_empty() {
                    self.chores.push(Chore::Renew { key });
                }
                Local::Passed
            }
            Spend::Exhausted(unit) => Local::Exhausted(unit),
            Spend::Ask => Local::Ask,
        }
    }

    /// Seconds after which a request that found too few credits of a unit may find some, because others held them; 0 if there is no reason to wait.
    pub(crate) fn retry_after(&mut self, key: u64, unit: &str) -> u32 {
        let holder = self.entry(key).holder.as_ref();
        holder.map_or(0, |holder| u32::from(holder.held_by_others(unit) > 0))
    }

    /// Headers that tell how a key's limits stand, as far as this isolate counts them.
    pub(crate) fn headers(&mut self, key: u64, demand: &RateDemand<'_>, now_ms: u64) -> RateHeaders {
        let windows = &self.entry(key).windows;
        let mut headers = RateHeaders::default();
        for limit in demand.limits.iter() {
            let limit = as_limit(limit);
            headers.add(limit, windows.window(limit, now_ms / 1_000), demand.cost);
        }
        headers
    }

    /// Credits of which more is known than the control plane was told, at most `most` of them. They count as told.
    pub(crate) fn untold_credits(&mut self, most: usize) -> Vec<(u64, String, Standing)> {
        let mut untold = Vec::new();
        for (key, entry) in self.keys.iter_mut() {
            let Some(holder) = &entry.holder else { continue };
            for (unit, standing) in holder.standing() {
                let used = |standing: &Standing| (standing.consumed, standing.written_off);
                let is_known = entry.told.get(unit).map_or((0, 0), used) == used(standing);
                if !is_known && untold.len() < most {
                    entry.told.insert(unit.clone(), *standing);
                    untold.push((key, unit.clone(), *standing));
                }
            }
        }
        untold
    }
}

impl Entry {
    /// Whether the ledger was found not to answer a moment ago.
    pub(crate) fn is_paused(&self, now_ms: u64) -> bool {
        now_ms < self.paused_until
    }

    pub(crate) fn pause(&mut self, now_ms: u64) {
        self.paused_until = now_ms + PAUSE_MS;
    }

    /// Takes the grants that a request has come with, if they are newer.
    pub(crate) fn learn(&mut self, grants: &Grants) {
        if grants.seq >= self.grants.seq {
            self.grants.clone_from(grants);
        }
    }
}

/// Settles what can be settled at once. `asks_elsewhere` says whether a limit is counted outside of this isolate too.
pub(crate) fn settle_now<'s>(
    key: u64,
    demands: &Demands<'s>,
    now_ms: u64,
    asks_elsewhere: impl Fn(&RateLimitView<'_>) -> bool,
) -> Local<'s> {
    with(|limits| {
        if let Some(rate) = &demands.rate {
            if limits.count(key, rate, now_ms) == Local::RateLimited {
                return Local::RateLimited;
            }
            if rate.limits.iter().any(|limit| limit.mode == RateLimitMode::Exact || asks_elsewhere(&limit)) {
                return Local::Ask;
            }
        }
        demands.credits.as_ref().map_or(Local::Passed, |credits| limits.spend(key, credits, now_ms))
    })
}

/// How a key's credits stand, from its ledger.
///
/// # Errors
/// If the ledger gives no answer.
pub(crate) async fn credit_standing(
    env: &Env,
    key: u64,
    grants: Grants,
) -> Result<BTreeMap<String, Standing>, Unreachable> {
    Ledger::connect(env, key)?.status(&StatusRequest { grants }).await.map(|reply| reply.credits)
}

pub(crate) fn grants_of(credits: &CreditsView<'_>) -> Grants {
    let granted = credits.iter().map(|(unit, granted)| (unit.to_owned(), granted));
    Grants { seq: credits.grant_seq(), granted: granted.collect() }
}

pub(crate) fn as_limit(limit: RateLimitView<'_>) -> Limit<'_> {
    Limit { name: limit.name, limit: limit.limit, window_seconds: limit.window_seconds }
}
