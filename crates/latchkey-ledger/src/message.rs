use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::{Deserialize, Serialize};

/// Amounts by unit. A unit that is not there has the amount 0.
pub type Units = BTreeMap<String, u64>;

/// What a key may spend, ever: the sum of all that was granted to it less what was taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grants {
    /// Rises with each change; of two grants the one with the higher number is true.
    pub seq: u64,
    /// By unit.
    pub granted: Units,
}

/// What a holder tells the ledger. Every amount in it is a total since the session began, so a later message says all that an earlier one
/// said, and nothing is counted twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// The holder, in one of its lives; unique for this key.
    pub session: String,
    /// Rises with each message: one that was overtaken by a later one is void.
    pub number: u64,
    /// The newest that the holder knows.
    pub grants: Grants,
    /// All that the session has spent.
    pub spent: Units,
    /// The holder's word that it spends nothing more of what it was leased before this message.
    pub release: bool,
    /// What a waiting request costs. Either all of it is leased, or nothing.
    pub need: Units,
    /// What the holder would like to have at hand; it may get less.
    pub ask: Units,
}

/// The ledger's reply to a [`Message`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The message counts.
    Answer(Answer),
    /// A later message of the session was faster: ignore.
    Stale,
    /// The ledger has forgotten the session, or never knew it: begin a new one.
    Unknown,
    /// More sessions or units than a ledger keeps. Nothing has changed.
    Full,
}

/// Where a session stands. Like a message it has totals.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Answer {
    /// The message that it answers.
    pub number: u64,
    /// All that was ever leased to the session and not given back.
    pub leased: Units,
    /// Milliseconds, from when the message was sent, in which it may be spent; 0 where the lease has been written off.
    pub lease_ms: u64,
    /// The key's credits, for every unit that was granted or consumed.
    pub standing: BTreeMap<String, Standing>,
}

/// What has become of a key's credits of one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Standing {
    /// Granted in all.
    pub granted: u64,
    /// Spent, or taken for spent.
    pub consumed: u64,
    /// The part of `consumed` that nobody has reported: its holder died, or could not reach the ledger. It may have been spent, or not.
    pub written_off: u64,
    /// Held by gates now: neither consumed nor free.
    pub leased: u64,
}

impl Standing {
    /// What can still be leased. 0 where more is consumed or leased than was granted, as after a grant was lowered.
    pub fn remaining(&self) -> u64 {
        self.granted.saturating_sub(self.consumed).saturating_sub(self.leased)
    }
}
