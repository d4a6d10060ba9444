use serde::Serialize;
use utoipa::ToSchema;

use super::gates::PushErrorView;
use crate::domain::{Sink, Timestamp};
use crate::http::shapes;
use crate::publisher::SinkState;

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
    /// Every change up to and with this one is in that head.
    applied_change_seq: Option<u64>,
    /// Every revocation up to and with this one is: while a new base is written, revocations go ahead of it.
    revoked_through: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    written_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_attempt_at: Option<Timestamp>,
    /// For how many milliseconds there has been a change that it does not hold; 0: it holds all.
    #[schema(minimum = 0)]
    lag_ms: u64,
    last_error: Option<PushErrorView>,
}

impl SinkProgress {
    pub(super) fn of(sink: &Sink, state: SinkState, now: Timestamp) -> Self {
        let behind = state.behind_since.map_or(0, |since| now.0.saturating_sub(since.0));
        Self {
            name: sink.name.clone(),
            kind: sink.target.kind(),
            applied_seq: state.applied.map(|mark| mark.seq),
            applied_change_seq: state.applied.map(|mark| mark.change_seq),
            revoked_through: state.applied.map(|mark| mark.change_seq.max(mark.revoked_through)),
            written_at: state.written_at,
            last_attempt_at: state.last_attempt_at,
            lag_ms: u64::try_from(behind).unwrap_or_default(),
            last_error: state.last_error.map(PushErrorView::from),
        }
    }
}
