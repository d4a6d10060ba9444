//! What an isolate and a ledger say to each other. Both sides are this Worker, so the two may change together.

use std::collections::BTreeMap;

use latchkey_ledger::{Grants, Limit, Message, Reply, Standing, Window};
use serde::{Deserialize, Serialize};

/// `POST /take`: counts a request against exact limits, leases credits, or both.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TakeRequest {
    pub(crate) rate: Option<RateRequest>,
    pub(crate) credits: Option<Message>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RateRequest {
    pub(crate) limits: Vec<OwnedLimit>,
    pub(crate) cost: u32,
}

/// A [`Limit`] on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OwnedLimit {
    pub(crate) name: String,
    pub(crate) limit: u32,
    pub(crate) window_seconds: u32,
}

impl OwnedLimit {
    pub(crate) fn as_limit(&self) -> Limit<'_> {
        Limit { name: &self.name, limit: self.limit, window_seconds: self.window_seconds }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TakeReply {
    pub(crate) rate: Option<RateReply>,
    pub(crate) credits: Option<Reply>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RateReply {
    pub(crate) is_allowed: bool,
    /// In the order of the limits that were asked for.
    pub(crate) windows: Vec<Window>,
}

/// `POST /status`: how a key's credits stand.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StatusRequest {
    /// The newest that the isolate knows.
    pub(crate) grants: Grants,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StatusReply {
    pub(crate) credits: BTreeMap<String, Standing>,
}

/// `POST /nonce`: takes a nonce, once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NonceRequest {
    /// With the id of the pair that signed it.
    pub(crate) nonce: String,
    /// The last second, since the epoch, in which its signature counts.
    pub(crate) counts_until: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NonceReply {
    New,
    Used,
    /// More than a ledger keeps: whether it was used cannot be told.
    Full,
}
