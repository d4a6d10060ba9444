use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::raise_epoch::LostChangesView;
use crate::app::App;
use crate::domain::{ForeignHead, KeyspaceId, Sink, Timestamp};
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::shapes;
use crate::publisher::{GateState, Isolate, PushError, SinkState};

/// How far the gates of a keyspace have come.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PropagationView {
    /// The newest head.
    seq: u64,
    /// The last change in it.
    change_seq: u64,
    /// A new base that has far fewer or far more keys than gates know, and waits for consent; `null`: none does.
    held: Option<HeldView>,
    gates: Vec<GateProgress>,
    sinks: Vec<SinkProgress>,
    /// Why nothing is published; `null`: it is.
    restored: Option<RestoredView>,
}

/// A head that a gate holds and this database never signed: the database is an old copy, or somebody else has the signing key. Nothing is
/// published until the epoch is raised.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RestoredView {
    /// The gate, by its address, or the sink, by its name, where it was found.
    #[schema(example = "https://gate.example.com")]
    place: String,
    epoch: u32,
    seq: u64,
    change_seq: u64,
    /// Ids of the keys that signed it. A retired one says that somebody else has it.
    #[schema(example = json!(["21fe31dfa154a261"]))]
    signers: Vec<String>,
    /// What it knows and this database does not; `null`: nothing.
    lost_changes: Option<LostChangesView>,
    #[schema(value_type = String, format = DateTime)]
    found_at: Timestamp,
}

impl From<ForeignHead> for RestoredView {
    fn from(foreign: ForeignHead) -> Self {
        Self {
            epoch: foreign.head.epoch,
            seq: foreign.head.seq,
            change_seq: foreign.head.change_seq,
            lost_changes: foreign.lost().map(LostChangesView::from),
            place: foreign.place,
            signers: foreign.signers,
            found_at: foreign.found_at,
        }
    }
}

/// A base that is held back. Revocations and small changes go on.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct HeldView {
    /// `shrink` or `growth`.
    #[schema(example = "growth")]
    reason: &'static str,
    rows_before: u64,
    rows_after: u64,
    /// The last change in it.
    change_seq: u64,
}

/// How far one gate has come.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct GateProgress {
    url: String,
    /// The head that the gate has confirmed.
    applied_seq: Option<u64>,
    /// A change is enforced once this has reached its `Latchkey-Change-Seq`.
    applied_change_seq: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    acked_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_attempt_at: Option<Timestamp>,
    last_error: Option<PushErrorView>,
    isolates: Vec<IsolateView>,
}

/// How far one sink has come.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SinkProgress {
    #[schema(value_type = shapes::SinkName)]
    name: String,
    #[serde(rename = "type")]
    #[schema(value_type = shapes::SinkType)]
    kind: &'static str,
    /// The head that it holds.
    applied_seq: Option<u64>,
    /// The last change in that head.
    applied_change_seq: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    written_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_attempt_at: Option<Timestamp>,
    /// For how many milliseconds there has been a change that it does not hold; 0: it holds all.
    #[schema(minimum = 0)]
    lag_ms: u64,
    last_error: Option<PushErrorView>,
}

/// Why the last push failed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PushErrorView {
    #[schema(example = "UNREACHABLE")]
    code: String,
    message: String,
}

/// One isolate of a gate, as the gate has reported it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct IsolateView {
    id: String,
    colo: Option<String>,
    seq: u64,
    change_seq: u64,
    #[schema(value_type = String, format = DateTime)]
    seen_at: Timestamp,
}

/// Show how far the gates and sinks have come.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/propagation",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    responses((status = 200, description = "Each gate and what it has confirmed, each sink and what it holds.", body = PropagationView))
)]
pub(in crate::http) async fn get_propagation(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
) -> Result<Json<PropagationView>, Failure> {
    let keyspace = app.store.keyspace(caller.workspace(), id).await?;
    let published = app.store.publication(id).await?;
    let gates = keyspace.gates.iter().map(|gate| view(gate.as_str(), app.propagation.of(id, gate))).collect();
    let now = app.now();
    let sinks =
        keyspace.sinks.iter().map(|sink| sink_view(sink, app.sinks.of(id, &sink.name), now)).collect();
    let (seq, change_seq) = published.map_or((0, 0), |published| (published.seq, published.change_seq));
    let held = app.propagation.held(id).map(|held| HeldView {
        reason: held.reason.as_str(),
        rows_before: held.rows_before,
        rows_after: held.rows_after,
        change_seq: held.change_seq,
    });
    let signing = app.store.publishing_state(id).await?.map(|(_, _, signing)| signing);
    let restored = signing.and_then(|signing| signing.foreign).map(RestoredView::from);
    Ok(Json(PropagationView { seq, change_seq, held, gates, sinks, restored }))
}

fn sink_view(sink: &Sink, state: SinkState, now: Timestamp) -> SinkProgress {
    let behind = state.behind_since.map_or(0, |since| now.0.saturating_sub(since.0));
    SinkProgress {
        name: sink.name.clone(),
        kind: sink.target.kind(),
        applied_seq: state.applied_seq,
        applied_change_seq: state.applied_change_seq,
        written_at: state.written_at,
        last_attempt_at: state.last_attempt_at,
        lag_ms: u64::try_from(behind).unwrap_or_default(),
        last_error: state.last_error.map(|PushError { code, message }| PushErrorView { code, message }),
    }
}

fn view(url: &str, state: GateState) -> GateProgress {
    GateProgress {
        url: url.to_owned(),
        applied_seq: state.applied_seq,
        applied_change_seq: state.applied_change_seq,
        acked_at: state.acked_at,
        last_attempt_at: state.last_attempt_at,
        last_error: state.last_error.map(|PushError { code, message }| PushErrorView { code, message }),
        isolates: state
            .isolates
            .into_iter()
            .map(|Isolate { id, colo, seq, change_seq, seen_at }| IsolateView {
                id,
                colo,
                seq,
                change_seq,
                seen_at,
            })
            .collect(),
    }
}
