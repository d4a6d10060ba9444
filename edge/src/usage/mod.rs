//! What the gate tells the control plane of the requests that it decided.
//!
//! Each decision leaves a record of fixed size in a ring; about once a second, behind some request's answer, what has gathered is sent. A
//! control plane that is slow, down or refuses costs requests nothing: records wait, and when the ring is full the oldest are forgotten and
//! counted. Credits do not depend on any of this.

mod credits;
mod path;
mod record;
mod report;
mod ring;
mod send;
mod timetable;

use std::cell::RefCell;
use std::rc::Rc;

use latchkey_validator::{Credential, Decision};
use serde::Serialize;
use worker::Env;

use self::credits::Credits;
use self::ring::Ring;
use self::send::Batch;
use self::timetable::Timetable;
use crate::{clock, isolate};

thread_local! {
    static USAGE: RefCell<Usage> = const { RefCell::new(Usage::NONE) };
}

/// What an isolate has to report. Apart from the isolate's state, so that noting a decision may borrow what was decided from.
struct Usage {
    ring: Ring,
    timetable: Timetable,
    credits: Credits,
    /// Where the isolate runs.
    colo: record::Text<8>,
    /// The record of the last decision.
    last: Option<u64>,
    /// What was sent and not answered yet.
    under_way: Option<Rc<Batch>>,
    batches: u64,
}

/// For the status page.
#[derive(Serialize)]
pub(crate) struct Held {
    /// Records that wait.
    held: u64,
    /// Records that were forgotten and not yet reported as such.
    dropped: u64,
    /// Attempts since one last succeeded.
    failures: u32,
}

impl Usage {
    const NONE: Self = Self {
        ring: Ring::EMPTY,
        timetable: Timetable::NEW,
        credits: Credits::NONE,
        colo: record::Text::EMPTY,
        last: None,
        under_way: None,
        batches: 0,
    };
}

fn with<T>(work: impl FnOnce(&mut Usage) -> T) -> T {
    USAGE.with_borrow_mut(work)
}

/// What of a request is noted besides what was decided.
pub(crate) struct Seen<'a> {
    pub(crate) now_ms: f64,
    pub(crate) credential: Credential<'a>,
    pub(crate) method: &'a str,
    pub(crate) path: &'a [u8],
    pub(crate) address: Option<std::net::IpAddr>,
    /// The pattern that matched.
    pub(crate) route: Option<&'a str>,
    /// The head that was decided from; 0: none.
    pub(crate) seq: u64,
}

/// Notes a decision. Returns whether the caller has to start [`send::run`] behind the answer.
pub(crate) fn note(seen: &Seen<'_>, decision: &Decision<'_>) -> bool {
    with(|usage| {
        let (number, record) = usage.ring.push();
        record.begin(seen, decision);
        usage.last = Some(number);
        usage.timetable.starts(seen.now_ms)
    })
}

/// The record of the decision that was just made; call it before anything else runs.
pub(crate) fn last() -> Option<u64> {
    with(|usage| usage.last.take())
}

/// Notes what was answered. A record that is gone was reported without it, or forgotten.
pub(crate) fn answered(number: u64, code: u8, status: u16, request_id: &[u8]) {
    with(|usage| {
        if let Some(record) = usage.ring.get_mut(number) {
            record.finish(code, status, request_id);
        }
    });
}

/// Forgets a record.
pub(crate) fn withdraw(number: u64) {
    with(|usage| {
        if let Some(record) = usage.ring.get_mut(number) {
            record.state = record::State::Copied;
        }
    });
}

/// Notes where the isolate runs.
pub(crate) fn note_colo(colo: &str) {
    with(|usage| usage.colo.set(colo.as_bytes()));
}

/// Sends what has gathered. Resolves when it is out or cannot be sent now; never fails.
pub(crate) async fn report(env: &Env) {
    let Ok(config) = isolate::config(env) else { return };
    let Some(target) = &config.usage else { return };
    send::run(target, config.trust.audience().keyspace).await;
}

/// Sends what ledgers have counted, which may change when no request is there to bring it along. Never fails.
pub(crate) async fn report_credits(env: &Env) {
    let Ok(config) = isolate::config(env) else { return };
    if config.usage.is_some() && with(|usage| usage.timetable.starts(clock::now_ms())) {
        report(env).await;
    }
}

/// How much waits.
pub(crate) fn held() -> Held {
    with(|usage| Held {
        held: usage.ring.len(),
        dropped: usage.ring.dropped(),
        failures: usage.timetable.failures(),
    })
}
