//! What keeps a keyspace from being published in full.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::raise_epoch::LostChangesView;
use crate::domain::{ForeignHead, GateRefusal, HeldBase, Pause, Timestamp};

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

/// No gate takes what was published, and they say that it is bad. Nothing but revocations is published until `snapshot:resume`.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PausedView {
    /// A gate that refuses.
    gate: String,
    /// Its code for what is wrong.
    #[schema(example = "NOT_CANONICAL")]
    code: String,
    message: String,
    /// The head that it refused.
    seq: u64,
    /// The last change of which gates have everything.
    change_seq: u64,
    /// Our own check found fault with it too.
    confirmed: bool,
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

impl From<Pause> for PausedView {
    fn from(pause: Pause) -> Self {
        let GateRefusal { gate, code, message, seq, at } = pause.refusal;
        let gate = gate.as_str().to_owned();
        Self {
            gate,
            code,
            message,
            seq,
            change_seq: pause.change_seq,
            confirmed: pause.is_confirmed,
            since: at,
        }
    }
}

impl From<HeldBase> for HeldView {
    fn from(held: HeldBase) -> Self {
        let HeldBase { reason, rows_before, rows_after, change_seq } = held;
        Self { reason: reason.as_str(), rows_before, rows_after, change_seq }
    }
}
