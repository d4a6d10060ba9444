use serde::Serialize;
use utoipa::ToSchema;

use super::Asked;
use crate::domain::{GateRefusal, GateUrl, Timestamp};
use crate::publisher::{GateState, Isolate, PushError};

/// How far one gate has come.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct GateProgress {
    url: String,
    /// The head that the gate has confirmed.
    applied_seq: Option<u64>,
    /// A change is enforced once this has reached its `Latchkey-Change-Seq`, by each isolate from its next question to the relay on.
    applied_change_seq: Option<u64>,
    /// A revocation is enforced once this has: they go ahead of everything else.
    revoked_through: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    acked_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_attempt_at: Option<Timestamp>,
    last_error: Option<PushErrorView>,
    /// Why the gate does not take what is published; `null`: it does, or has not said otherwise.
    refusal: Option<RefusalView>,
    /// Whether it was heard of within `seen_within` seconds.
    seen: bool,
    /// With `key_id`: whether it has the key's last change, and its isolates that were heard of in the last 10 seconds too. One that is silent for longer
    /// asks before it decides again.
    applied: Option<bool>,
    /// Since when, at the latest.
    #[schema(value_type = Option<String>, format = DateTime)]
    applied_since: Option<Timestamp>,
    isolates: Vec<IsolateView>,
}

impl GateProgress {
    pub(super) fn of(url: &GateUrl, state: GateState, asked: &Asked) -> Self {
        let applied_since = asked.wanted.and_then(|wanted| state.applied_since(wanted, asked.now));
        Self {
            url: url.as_str().to_owned(),
            applied_seq: state.applied_seq,
            applied_change_seq: state.applied_change_seq,
            revoked_through: state.confirmations.last().map(|mark| mark.change_seq.max(mark.revoked_through)),
            acked_at: state.acked_at,
            last_attempt_at: state.last_attempt_at,
            last_error: state.last_error.map(PushErrorView::from),
            refusal: state.refusal.map(RefusalView::from),
            seen: state.acked_at.is_some_and(|at| at >= asked.seen_since),
            applied: asked.wanted.map(|_| applied_since.is_some()),
            applied_since,
            isolates: state.isolates.into_iter().map(|isolate| IsolateView::of(isolate, asked)).collect(),
        }
    }

    pub(super) fn was_seen(&self) -> bool {
        self.seen
    }

    pub(super) fn has_it(&self) -> bool {
        self.applied == Some(true)
    }
}

/// What a gate says is bad about what it was sent.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RefusalView {
    #[schema(example = "NOT_CANONICAL")]
    code: String,
    message: String,
    /// The newest head that it may have been.
    seq: u64,
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

impl From<GateRefusal> for RefusalView {
    fn from(GateRefusal { code, message, seq, at, .. }: GateRefusal) -> Self {
        Self { code, message, seq, since: at }
    }
}

/// Why the last push failed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PushErrorView {
    #[schema(example = "UNREACHABLE")]
    code: String,
    message: String,
}

impl From<PushError> for PushErrorView {
    fn from(PushError { code, message }: PushError) -> Self {
        Self { code, message }
    }
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
    /// With `key_id`: whether it has the key's last change.
    applied: Option<bool>,
    /// Since when, at the latest.
    #[schema(value_type = Option<String>, format = DateTime)]
    applied_since: Option<Timestamp>,
    /// Why it did not take the last update; `null`: it did.
    refused: Option<PushErrorView>,
}

impl IsolateView {
    fn of(isolate: Isolate, asked: &Asked) -> Self {
        let applied_since = asked.wanted.and_then(|wanted| isolate.confirmations.since(wanted));
        let Isolate { id, colo, seq, change_seq, seen_at, refused, .. } = isolate;
        let (applied, refused) =
            (asked.wanted.map(|_| applied_since.is_some()), refused.map(PushErrorView::from));
        Self { id, colo, seq, change_seq, seen_at, applied, applied_since, refused }
    }
}
