//! How far what was published has come, and what holds it up.

mod gates;
mod holds;
mod sinks;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use self::gates::GateProgress;
use self::holds::{HeldView, PausedView, RestoredView};
use self::sinks::SinkProgress;
use crate::app::App;
use crate::domain::error::ObjectKind;
use crate::domain::{DomainError, Key, KeyId, KeyspaceId, Timestamp};
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId};
use crate::http::problem::Failure;
use crate::http::shapes;
use crate::publisher::Wanted;
use crate::storage::Holds;

/// Seconds within which a gate counts as seen unless the caller says otherwise: ten heartbeats.
const SEEN_WITHIN: u32 = 300;
/// The most that a caller may say, a day.
const SEEN_WITHIN_MAX: u32 = 86_400;

/// How far the gates of a keyspace have come.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PropagationView {
    /// The newest head.
    seq: u64,
    /// The last change in it.
    change_seq: u64,
    /// A new base that has far fewer or far more keys than gates know, and waits for consent; `null`: none does.
    held: Option<HeldView>,
    /// Why only revocations are published; `null`: everything is.
    paused: Option<PausedView>,
    /// With `key_id`: how far its last change has come.
    key: Option<KeyProgress>,
    gates: Vec<GateProgress>,
    sinks: Vec<SinkProgress>,
    /// Why nothing is published; `null`: it is.
    restored: Option<RestoredView>,
}

/// How far the last change of a key has come.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct KeyProgress {
    #[schema(value_type = shapes::KeyId)]
    key_id: KeyId,
    change_seq: u64,
    /// Gates that were heard of within `seen_within` seconds.
    gates_seen: usize,
    /// How many of those have it.
    gates_applied: usize,
}

/// What the caller asks of gates and isolates.
struct Asked {
    now: Timestamp,
    seen_since: Timestamp,
    wanted: Option<Wanted>,
}

/// Show how far the gates and sinks have come.
///
/// With `key_id` it says of each gate and each of its isolates whether what was last done to that key is enforced there, and since when.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/propagation",
    tag = "keyspaces",
    params(
        ("keyspace_id" = String, Path),
        ("key_id" = inline(Option<shapes::KeyId>), Query, description = "a key of the keyspace"),
        ("seen_within" = Option<u32>, Query, minimum = 1, maximum = 86400, description = "a gate counts as seen for so many seconds, default 300"),
    ),
    responses((status = 200, description = "Each gate and what it has confirmed, each sink and what it holds.", body = PropagationView))
)]
pub(in crate::http) async fn get_propagation(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
    mut params: Params,
) -> Result<Json<PropagationView>, Failure> {
    let key = params.take("key_id", str::parse::<KeyId>);
    let seen_within = params.take("seen_within", seen_within).unwrap_or(SEEN_WITHIN);
    params.finish()?;
    let keyspace = app.store.keyspace(caller.workspace(), id).await?;
    let key = match key {
        Some(key) => Some(key_of(&app, &caller, id, key).await?),
        None => None,
    };
    let now = app.now();
    let seen_since = now.plus_seconds(-i64::from(seen_within));
    let asked = Asked { now, seen_since, wanted: key.as_ref().map(wanted) };
    let progress = |gate| GateProgress::of(gate, app.propagation.of(id, gate), &asked);
    let gates: Vec<_> = keyspace.gates.iter().map(progress).collect();
    let sinks = keyspace.sinks.iter().map(|sink| SinkProgress::of(sink, app.sinks.of(id, &sink.name), now));
    let published = app.store.publication(id).await?;
    let Holds { foreign, pause } = app.store.holds(id).await?;
    Ok(Json(PropagationView {
        seq: published.as_ref().map_or(0, |published| published.seq),
        // Heads of a pause name a change that they may not contain.
        change_seq: match &pause {
            Some(pause) => pause.change_seq,
            None => published.as_ref().map_or(0, |published| published.change_seq),
        },
        held: app.propagation.held(id).map(HeldView::from),
        paused: pause.map(PausedView::from),
        key: key.map(|key| key_progress(&key, &gates)),
        sinks: sinks.collect(),
        restored: foreign.map(RestoredView::from),
        gates,
    }))
}

fn seen_within(text: &str) -> Result<u32, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=SEEN_WITHIN_MAX).contains(seconds));
    seconds.ok_or_else(|| format!("must be 1 to {SEEN_WITHIN_MAX} seconds"))
}

async fn key_of(app: &App, caller: &Caller, keyspace: KeyspaceId, id: KeyId) -> Result<Key, Failure> {
    let key = app.store.key(caller.workspace(), id).await?;
    if key.keyspace_id != keyspace {
        return Err(Failure::Refused(DomainError::NotFound(ObjectKind::Key)));
    }
    Ok(key)
}

/// Who is shut out is shut out ahead of everything else that happened.
fn wanted(key: &Key) -> Wanted {
    if key.revocation.is_some() || !key.enabled {
        Wanted::ShutOut(key.change_seq)
    } else {
        Wanted::Change(key.change_seq)
    }
}

fn key_progress(key: &Key, gates: &[GateProgress]) -> KeyProgress {
    let seen = || gates.iter().filter(|gate| gate.was_seen());
    KeyProgress {
        key_id: key.id,
        change_seq: key.change_seq,
        gates_seen: seen().count(),
        gates_applied: seen().filter(|gate| gate.has_it()).count(),
    }
}
