use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::{Deserialize, Serialize};

/// A holder as the ledger knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Session {
    /// Of the last message that counted.
    pub(crate) number: u64,
    pub(crate) balances: BTreeMap<String, Balance>,
    /// Milliseconds since the epoch. From then on what is outstanding may be written off.
    pub(crate) ends_at: u64,
    /// Milliseconds since the epoch, of the last message.
    pub(crate) seen_at: u64,
    /// What is outstanding counts as consumed, until its holder gives it back.
    pub(crate) is_written_off: bool,
}

/// Both are totals since the session began; `spent <= leased`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Balance {
    pub(crate) leased: u64,
    pub(crate) spent: u64,
}

impl Balance {
    /// Leased, and not reported as spent.
    pub(crate) fn outstanding(self) -> u64 {
        self.leased.saturating_sub(self.spent)
    }
}

impl Session {
    pub(crate) fn outstanding(&self, unit: &str) -> u64 {
        self.balances.get(unit).map_or(0, |balance| balance.outstanding())
    }

    pub(crate) fn has_outstanding(&self) -> bool {
        self.balances.values().any(|balance| balance.outstanding() > 0)
    }
}
