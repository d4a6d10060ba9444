//! The ledger: one Durable Object per key that has credits, exact rate limits or nonces to remember. It runs `latchkey-ledger` over storage of its own, and stores what has
//! changed before an answer leaves.
//!
//! Only this Worker reaches it, through its binding.

pub(crate) mod client;
mod nonces;
pub(crate) mod protocol;
mod store;

use std::cell::RefCell;

use latchkey_ledger::{Ledger as Credits, Windows};
use worker::{DurableObject, Env, Method, Request, Response, Result, State, durable_object};

use crate::clock;
use crate::problem::{self, Problem};
use nonces::Nonces;
use protocol::{NonceReply, NonceRequest, RateReply, StatusRequest, TakeReply, TakeRequest};
use store::Store;

/// The Durable Object class. `edge/js/objects.js` wraps it.
#[durable_object(alarm)]
pub struct Ledger {
    state: State,
    /// `None` until it is read from storage, and after a write that failed: then memory may be ahead of storage.
    kept: RefCell<Option<Kept>>,
}

/// What the storage holds too.
struct Kept {
    credits: Credits,
    windows: Windows,
    nonces: Nonces,
    /// When the object is woken, in milliseconds since the epoch; `None` if it is not known whether it will be.
    alarm_at: Option<u64>,
}

impl DurableObject for Ledger {
    fn new(state: State, _env: Env) -> Self {
        Self { state, kept: RefCell::default() }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let path = request.path();
        #[cfg(feature = "fault-injection")]
        crate::fault::in_ledger(&path);
        match (request.method(), path.as_str()) {
            (Method::Post, "/take") => {
                let request = request.json().await?;
                Response::from_json(&self.take(&request).await?)
            }
            (Method::Post, "/status") => {
                let request: StatusRequest = request.json().await?;
                Response::from_json(&self.status(&request)?)
            }
            (Method::Post, "/nonce") => {
                let request = request.json().await?;
                Response::from_json(&self.take_nonce(&request).await?)
            }
            _ => Problem::unknown_path().into_response(&problem::request_id(request.headers())),
        }
    }

    /// Leases and windows end, and what nobody needs any more goes.
    async fn alarm(&self) -> Result<Response> {
        let now = milliseconds();
        let is_empty = self.with(|kept| {
            kept.alarm_at = None;
            kept.credits.expire(now);
            kept.windows.forget_ended(now / 1_000);
            kept.nonces.forget_ended(&self.state, now / 1_000)?;
            Ok(kept.credits.is_empty() && kept.windows.ends_at().is_none() && kept.nonces.is_empty())
        })?;
        if is_empty {
            self.kept.take();
            self.state.storage().delete_all().await?;
        } else {
            self.save_and_wake().await?;
        }
        Response::empty()
    }
}

impl Ledger {
    async fn take(&self, request: &TakeRequest) -> Result<TakeReply> {
        let now = milliseconds();
        let reply = self.with(|kept| {
            let rate = request.rate.as_ref().map(|rate| {
                let limits = rate.limits.iter().map(|limit| limit.as_limit());
                let seconds = now / 1_000;
                let is_allowed = kept.windows.take(limits.clone(), rate.cost, seconds);
                RateReply {
                    is_allowed,
                    windows: limits.map(|limit| kept.windows.window(limit, seconds)).collect(),
                }
            });
            let credits = request.credits.as_ref().map(|message| kept.credits.apply(message, now));
            Ok(TakeReply { rate, credits })
        })?;
        self.save_and_wake().await?;
        Ok(reply)
    }

    async fn take_nonce(&self, request: &NonceRequest) -> Result<NonceReply> {
        let reply = self.with(|kept| kept.nonces.take(&self.state, request, milliseconds() / 1_000))?;
        self.save_and_wake().await?;
        Ok(reply)
    }

    /// Changes nothing, and leaves no ledger behind where there was none.
    fn status(&self, request: &StatusRequest) -> Result<protocol::StatusReply> {
        self.with(|kept| {
            let mut credits = kept.credits.clone();
            credits.learn(&request.grants);
            Ok(protocol::StatusReply { credits: credits.standing() })
        })
    }

    /// Stores what has changed. The answer waits for the storage by itself (the platform's output gate).
    async fn save_and_wake(&self) -> Result<()> {
        let saved = self.with(|kept| {
            Store::open(&self.state).save(&mut kept.credits, &kept.windows)?;
            let ends = kept.windows.ends_at().into_iter().chain(kept.nonces.ends_at());
            let ends = ends.map(|seconds| seconds.saturating_mul(1_000));
            let due = kept.credits.next_deadline().into_iter().chain(ends).min();
            // An alarm that comes too early finds nothing to do, and sets the next one.
            let is_late = due.is_some_and(|due| kept.alarm_at.is_none_or(|alarm_at| due < alarm_at));
            if is_late {
                kept.alarm_at = due;
            }
            Ok(due.filter(|_| is_late))
        });
        let woken = match saved {
            Ok(Some(at)) => self.state.storage().set_alarm(store::at(at)).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if woken.is_err() {
            self.kept.take();
        }
        woken
    }

    fn with<T>(&self, work: impl FnOnce(&mut Kept) -> Result<T>) -> Result<T> {
        let mut kept = self.kept.borrow_mut();
        let kept = match &mut *kept {
            Some(kept) => kept,
            none => {
                let (credits, windows) = Store::open(&self.state).load()?;
                none.insert(Kept { credits, windows, nonces: Nonces::load(&self.state)?, alarm_at: None })
            }
        };
        work(kept)
    }
}

fn milliseconds() -> u64 {
    // `as` saturates.
    clock::now_ms() as u64
}
