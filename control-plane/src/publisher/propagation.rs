use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::{GateUrl, KeyspaceId, Timestamp};

/// How far each gate has come, as far as this process knows. Kept in memory: after a restart the first push of each gate
/// fills it again within moments.
#[derive(Debug, Default)]
pub struct Propagation {
    gates: Mutex<BTreeMap<(KeyspaceId, GateUrl), GateState>>,
}

/// How far one gate has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateState {
    /// The head that the gate has confirmed.
    pub applied_seq: Option<u64>,
    /// The last change in that head.
    pub applied_change_seq: Option<u64>,
    /// When it confirmed.
    pub acked_at: Option<Timestamp>,
    /// When a push was last tried.
    pub last_attempt_at: Option<Timestamp>,
    /// Why the last push failed, if it did.
    pub last_error: Option<PushError>,
    /// The isolates that the gate has heard of.
    pub isolates: Vec<Isolate>,
}

/// Why a push failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushError {
    /// The gate's own code, or one of `UNREACHABLE TIMEOUT BAD_ANSWER`.
    pub code: String,
    /// One sentence.
    pub message: String,
}

/// One isolate of a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolate {
    /// Its name for itself.
    pub id: String,
    /// Where it runs.
    pub colo: Option<String>,
    /// The head it decides with.
    pub seq: u64,
    /// The last change in that head.
    pub change_seq: u64,
    /// When the relay last heard of it.
    pub seen_at: Timestamp,
}

impl Propagation {
    /// The state of one gate; all empty if nothing was pushed yet.
    pub fn of(&self, keyspace: KeyspaceId, gate: &GateUrl) -> GateState {
        self.locked().get(&(keyspace, gate.clone())).cloned().unwrap_or_default()
    }

    /// Changes the state of one gate.
    pub fn update(&self, keyspace: KeyspaceId, gate: &GateUrl, change: impl FnOnce(&mut GateState)) {
        change(self.locked().entry((keyspace, gate.clone())).or_default());
    }

    /// Forgets a gate that a keyspace no longer has.
    pub fn forget(&self, keyspace: KeyspaceId, gate: &GateUrl) {
        self.locked().remove(&(keyspace, gate.clone()));
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<(KeyspaceId, GateUrl), GateState>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
