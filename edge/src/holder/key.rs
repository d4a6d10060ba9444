//! `GET /.well-known/latchkey/key`: what the gate knows of the key that is presented.

use std::collections::BTreeMap;

use latchkey_ledger::Grants;
use latchkey_snapshot::ObjectRef;
use latchkey_validator::{Code, RequestFacts, Verdict};
use worker::{Env, Request, Response};

use super::credential::Presented;
use super::view::{self, View};
use crate::freshness::Step;
use crate::isolate::{self, Isolate};
use crate::problem::Problem;
use crate::{clock, limits, refresh, shards};

/// As many as the entry gives a request: a refresh, then an index page and a shard, each perhaps dropped again by another request.
const MOST_TRIES: usize = 6;

pub(crate) async fn handle(request: &Request, env: &Env, colo: &str) -> Result<Response, Problem> {
    let config = isolate::config(env).map_err(|error| Problem::misconfigured(&error.to_string()))?;
    let presented = Presented::of(request, &config);
    let Found { key, mut view, grants } = find(&presented, env, colo).await?;
    if let Some(grants) = grants {
        view.set_remaining(&remaining(env, key, grants).await);
    }
    let response = Response::from_json(&view).and_then(|mut response| {
        response.headers_mut().set("cache-control", "no-store")?;
        Ok(response)
    });
    response.map_err(|_| Problem::denial(Code::SnapshotUnavailable))
}

/// By unit; empty if the ledger cannot be asked, since the rest of the answer is of use without.
async fn remaining(env: &Env, key: u64, grants: Grants) -> BTreeMap<String, u64> {
    let standings = limits::credit_standing(env, key, grants).await.unwrap_or_default();
    standings.into_iter().map(|(unit, standing)| (unit, standing.remaining())).collect()
}

struct Found {
    key: u64,
    view: View,
    grants: Option<Grants>,
}

enum Look {
    Found(Box<Found>),
    Denied(Code),
    TooManyUnknown,
    Refresh,
    Load(ObjectRef),
}

/// Finds the key in a snapshot that is as fresh as the one that requests are decided from.
async fn find(presented: &Presented, env: &Env, colo: &str) -> Result<Found, Problem> {
    let mut has_loaded = false;
    for _ in 0..MOST_TRIES {
        match isolate::with(|isolate| look(isolate, presented, has_loaded, clock::now_ms())) {
            Look::Found(found) => return Ok(*found),
            Look::Denied(code) => return Err(Problem::denial(code)),
            Look::Refresh => refresh::run(env, colo).await,
            Look::TooManyUnknown => return Err(Problem::too_many_unknown_keys()),
            Look::Load(object) => {
                has_loaded = true;
                shards::load(env, object).await;
            }
        }
    }
    Err(Problem::denial(Code::SnapshotUnavailable))
}

fn look(isolate: &mut Isolate, presented: &Presented, has_loaded: bool, now_ms: f64) -> Look {
    if isolate.step(now_ms) == Step::RefreshFirst {
        return Look::Refresh;
    }
    let Some(gate) = isolate.view() else { return Look::Denied(Code::SnapshotUnavailable) };
    // Any route will do: the checks of the key come before.
    let facts = RequestFacts::new(presented.credential(), "GET", b"/").with_address_text(presented.address());
    let now = clock::seconds(now_ms);
    let decision = match latchkey_validator::decide(&facts, &gate, now) {
        Verdict::Decided(decision) => decision,
        Verdict::Conditional(conditional) => conditional.settle(Ok(())),
        Verdict::NeedsObject(_) if !isolate.strangers.may_load(facts.address(), now_ms) => {
            return Look::TooManyUnknown;
        }
        Verdict::NeedsObject(object) => return Look::Load(object),
    };
    if matches!(decision.code, Code::NotFound | Code::Revoked) && isolate.freshness.is_miss_due(now_ms) {
        isolate.freshness.note_miss(now_ms);
        return Look::Refresh;
    }
    if decision.code == Code::NotFound && has_loaded {
        isolate.strangers.note(facts.address(), now_ms, isolate::random_number);
        return Look::Denied(Code::NotFound);
    }
    let (Some(key), Some(loaded), false) = (decision.key, gate.loaded, denies_holder(decision.code)) else {
        return Look::Denied(decision.code);
    };
    let profile = key.profile();
    let view = view::of(&key, &profile, loaded.snapshot.policy().policy(), now);
    let grants = profile.credits.map(|credits| limits::grants_of(&credits));
    Look::Found(Box::new(Found { key: key.number(), view, grants }))
}

/// Whether even the holder learns nothing more: a key that is used from where it may not be may be in the wrong hands.
fn denies_holder(code: Code) -> bool {
    matches!(
        code,
        Code::MissingKey
            | Code::MalformedKey
            | Code::NotFound
            | Code::Revoked
            | Code::EnvironmentMismatch
            | Code::IpDenied
            | Code::SnapshotUnavailable
            | Code::SnapshotExpired
    )
}
