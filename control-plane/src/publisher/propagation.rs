use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::{GateUrl, KeyspaceId, Timestamp};

/// How far each gate has come, as far as this process knows. Kept in memory: after a restart the first push of each gate
/// fills it again within moments.
#[derive(Debug, Default)]
pub struct Propagation {
    gates: Mutex<BTreeMap<(KeyspaceId, GateUrl), GateState>>,
    held: Mutex<BTreeMap<KeyspaceId, HeldBase>>,
}

/// A new base that is not published, because it has far fewer or far more rows than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldBase {
    /// What is wrong with it.
    pub reason: HoldReason,
    /// Rows of the base that gates have.
    pub rows_before: u64,
    /// Rows of the new one.
    pub rows_after: u64,
    /// The last change in the new one; consent is given to this and to nothing later.
    pub change_seq: u64,
}

/// Why a base is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldReason {
    /// Rows are missing that nobody took away.
    Shrink,
    /// It has more than twice the rows.
    Growth,
}

impl HoldReason {
    /// As people see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shrink => "shrink",
            Self::Growth => "growth",
        }
    }
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

    /// The base of a keyspace that is held, if one is.
    pub fn held(&self, keyspace: KeyspaceId) -> Option<HeldBase> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).get(&keyspace).copied()
    }

    /// Shows that a base is held, or that none is any more.
    pub fn set_held(&self, keyspace: KeyspaceId, held: Option<HeldBase>) {
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held {
            Some(held) => drop(all.insert(keyspace, held)),
            None => drop(all.remove(&keyspace)),
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<(KeyspaceId, GateUrl), GateState>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
