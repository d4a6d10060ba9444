//! Talking to ledgers: leasing, renewing while requests go on, and giving back what nobody uses. All but the first after the answer is out.

use futures_util::future::join_all;
use latchkey_ledger::{Cost, Grants, Holder, Message, timing};
use worker::Env;

use super::Entry;
use crate::ledger::client::Ledger;
use crate::ledger::protocol::{RateReply, RateRequest, TakeRequest};
use crate::sources::Unreachable;
use crate::{clock, isolate};

/// For this long one keeper is in charge of a key's leases; a lease from later on gets a new one. The platform ends work after an answer at 30 s, and the
/// last lease in that time has to be given back too.
const IN_CHARGE_MS: u64 = 12_000;
/// Between two looks at a message under way, and between two tries.
const PAUSE_MS: u64 = 500;
const TRIES: usize = 3;

const NOTHING: [Cost<&str>; 0] = [];

/// Something to do once an answer is out.
pub(crate) enum Chore {
    /// Renew the key's lease, from which requests are spending.
    Renew { key: u64 },
    /// See to it that the key's lease is given back in time.
    Keep { key: u64 },
    /// Give back what an entry held that had to give way.
    Release { key: u64, holder: Box<Holder>, grants: Grants },
}

/// Does chores. Never fails: what cannot be given back is written off by its ledger.
pub(crate) async fn run(env: &Env, chores: Vec<Chore>) {
    join_all(chores.into_iter().map(|chore| run_one(env, chore))).await;
}

async fn run_one(env: &Env, chore: Chore) {
    match chore {
        Chore::Renew { key } => {
            if renew(env, key).await {
                keep(env, key).await;
            }
        }
        Chore::Keep { key } => keep(env, key).await,
        Chore::Release { key, mut holder, grants } => {
            for _ in 0..TRIES {
                let request = TakeRequest { rate: None, credits: Some(holder.release(&grants, now())) };
                match Ledger::connect(env, key) {
                    Ok(ledger) if ledger.take(&request).await.is_ok() => return,
                    _ => clock::sleep_ms(PAUSE_MS).await,
                }
            }
        }
    }
}

/// Returns whether the lease needs a keeper.
async fn renew(env: &Env, key: u64) -> bool {
    let message = super::with(|limits| {
        let Entry { holder: Some(holder), grants, .. } = limits.entry(key) else { return None };
        // Another request may have been faster.
        holder.is_due(now()).then(|| holder.renewal(&NOTHING, 0, grants, now()))
    });
    match message {
        // Should it fail, requests go on spending from the lease they have; those that find it spent ask for themselves, and are told.
        Some(message) => send(env, key, None, Some(message), &NOTHING).await.needs_keeper,
        None => false,
    }
}

/// Gives the key's lease back when nobody has used it for a while.
async fn keep(env: &Env, key: u64) {
    let in_charge_until = now() + IN_CHARGE_MS;
    while let Some((number, sent_at)) = with_holder(key, |holder| (holder.number(), holder.sent_at())) {
        if sent_at >= in_charge_until {
            return;
        }
        let release_at = sent_at + timing::RELEASE_AFTER_MS;
        clock::sleep_ms(release_at.saturating_sub(now()).max(PAUSE_MS)).await;
        let is_unused = with_holder(key, |holder| holder.number() == number && !holder.is_waiting(now()));
        if is_unused == Some(true) {
            return release(env, key).await;
        }
    }
}

async fn release(env: &Env, key: u64) {
    for _ in 0..TRIES {
        let message = super::with(|limits| {
            let Entry { holder: Some(holder), grants, kept_until, .. } = limits.entry(key) else {
                return None;
            };
            *kept_until = 0;
            let is_due = holder.has_unreported() && !holder.is_waiting(now());
            is_due.then(|| holder.release(grants, now()))
        });
        // Without one, somebody else is talking to the ledger, and will see to what comes of it.
        let Some(message) = message else { return };
        if send(env, key, None, Some(message), &NOTHING).await.reply.is_ok() {
            return;
        }
        clock::sleep_ms(PAUSE_MS).await;
    }
}

/// What came of a call.
pub(crate) struct Sent {
    /// How the counted limits stand, if there were any to count.
    pub(crate) reply: Result<Option<RateReply>, Unreachable>,
    /// Whether [`Chore::Keep`] is to be done: the ledger has leased something, or may have.
    pub(crate) needs_keeper: bool,
}

/// Sends a message, or counts a request, or both, and takes the answer in.
pub(crate) async fn send<S: AsRef<str>>(
    env: &Env,
    key: u64,
    rate: Option<RateRequest>,
    credits: Option<Message>,
    need: &[Cost<S>],
) -> Sent {
    let sent = credits.as_ref().map(|message| (message.number, message.grants.seq));
    let reply = match Ledger::connect(env, key) {
        Ok(ledger) => ledger.take(&TakeRequest { rate, credits }).await,
        Err(Unreachable) => Err(Unreachable),
    };
    let needs_keeper = super::with(|limits| {
        let entry = limits.entry(key);
        if reply.is_err() {
            entry.pause(now());
        }
        let (Some((number, grant_seq)), Some(holder)) = (sent, &mut entry.holder) else { return false };
        match reply.as_ref().ok().and_then(|reply| reply.credits.as_ref()) {
            Some(credits) => holder.take(number, need, grant_seq, credits, now()),
            None => holder.give_up(number),
        }
        // Also after a failure: perhaps only the answer was lost.
        let needs_keeper = holder.has_unreported() && now() >= entry.kept_until;
        if needs_keeper {
            entry.kept_until = now() + IN_CHARGE_MS;
        }
        needs_keeper
    });
    Sent { reply: reply.map(|reply| reply.rate), needs_keeper }
}

/// The message with which a waiting request asks for what it costs, unless one is under way already.
pub(crate) fn message_for<S: AsRef<str>>(
    entry: &mut Entry,
    isolate: &str,
    need: &[Cost<S>],
    grants: &Grants,
) -> Option<Message> {
    entry.learn(grants);
    let Entry { holder, waiting, grants, .. } = entry;
    let holder = holder.get_or_insert_with(|| Holder::new(isolate));
    if holder.is_waiting(now()) {
        return None;
    }
    let waiting = std::mem::take(waiting).max(1);
    Some(holder.renewal(need, waiting, grants, now()))
}

fn with_holder<T>(key: u64, look: impl FnOnce(&Holder) -> T) -> Option<T> {
    super::with(|limits| limits.entry(key).holder.as_ref().map(look))
}

pub(crate) fn isolate_id() -> String {
    isolate::with(|isolate| isolate.id().to_owned())
}

fn now() -> u64 {
    // `as` saturates.
    clock::now_ms() as u64
}
