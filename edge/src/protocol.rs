//! What an isolate and the relay say to each other. Both sides are this Worker, so the two may change together; while a new version is rolled out,
//! and where isolates have a Worker of their own, an older side does without what it does not know.

use latchkey_snapshot::{Refusal, Snapshot};
use serde::{Deserialize, Serialize};

/// Of an answer to a sync: how many milliseconds it was held back. Absent from relays that answer at once.
pub(crate) const WAITED_HEADER: &str = "latchkey-waited-ms";

/// The longest wait that a question can ask for, in milliseconds. The platform ends what goes on after an answer at 30 s, and a watch may last a wait and some calls.
pub(crate) const MOST_WAIT_MS: u32 = 10_000;

/// `POST /sync`: what an isolate holds. The answer is 204 if that is the newest, else a bundle of what it lacks.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct SyncRequest {
    /// Random, for as long as the isolate lives.
    pub(crate) isolate: String,
    /// The Cloudflare location that the isolate runs in.
    pub(crate) colo: String,
    pub(crate) held: Option<Held>,
    /// The last update that the isolate would not take, until it has taken a newer one.
    pub(crate) refused: Option<Nack>,
    /// For so many milliseconds the answer may be held back, until there is something newer.
    #[serde(default)]
    pub(crate) wait_ms: u32,
}

/// A snapshot by its hashes, in hexadecimal. The sequence numbers in it are the isolate's acknowledgement.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) epoch: u32,
    pub(crate) seq: u64,
    pub(crate) change_seq: u64,
    pub(crate) head: String,
    pub(crate) policy: String,
    pub(crate) segments: Vec<String>,
    pub(crate) base_root: String,
}

impl Held {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let head = snapshot.head().head();
        Self {
            epoch: head.epoch,
            seq: head.seq,
            change_seq: head.change_seq,
            head: hex::encode(snapshot.head().hash()),
            policy: hex::encode(head.policy.sha256),
            segments: head.segments.iter().map(|segment| hex::encode(segment.object.sha256)).collect(),
            base_root: hex::encode(head.base.root.sha256),
        }
    }

    pub(crate) fn has(&self, sha256: &[u8; 32]) -> bool {
        let name = hex::encode(sha256);
        self.policy == name || self.base_root == name || self.segments.contains(&name)
    }
}

/// An update that was refused, and why.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Nack {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl From<Refusal> for Nack {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code().into(), message: refusal.message().into() }
    }
}

/// What the relay says of itself: in its status, and as the answer to a committed ingest.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RelayStatus {
    pub(crate) epoch: u32,
    pub(crate) seq: u64,
    pub(crate) change_seq: u64,
    /// RFC 3339; absent while the relay has no head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) valid_until: Option<String>,
    pub(crate) isolates: Vec<IsolateStatus>,
}

/// An isolate as the relay last heard of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IsolateStatus {
    pub(crate) id: String,
    pub(crate) colo: String,
    pub(crate) epoch: u32,
    pub(crate) seq: u64,
    pub(crate) change_seq: u64,
    /// RFC 3339.
    pub(crate) seen_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<Nack>,
}
