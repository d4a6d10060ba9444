use crate::domain::Timestamp;

/// So many rows of a keyspace's history are kept.
pub const HISTORY_ROWS: u64 = 2_000;

/// What the history keeps of a head that is being published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadOutline {
    /// The hash of the base that it names.
    pub base: [u8; 32],
    /// One hash over those of its segments.
    pub segments: [u8; 32],
    /// How many segments it has.
    pub segment_count: u32,
    /// Rows in the base.
    pub row_count: u64,
    /// All that a gate without anything would fetch: head, policy, base and segments.
    pub bytes: u64,
    /// Ids of the keys that signed it, in hex.
    pub signers: Vec<String>,
    /// Its base was held back until somebody consented to it.
    pub consented: bool,
}

/// A head that brought something, with those after it that only said the same anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedHead {
    /// Where it stands in the list.
    pub number: u64,
    /// Outranks the numbers of heads.
    pub epoch: u32,
    /// The number of the head.
    pub first_seq: u64,
    /// The number of the last head that said the same.
    pub last_seq: u64,
    /// The last change in it.
    pub change_seq: u64,
    /// What it brought.
    pub kind: HeadKind,
    /// When it was signed.
    pub first_issued_at: Timestamp,
    /// When the last head was signed that said the same.
    pub last_issued_at: Timestamp,
    /// Rows in the base.
    pub row_count: u64,
    /// How many segments it has.
    pub segment_count: u32,
    /// All that a gate without anything would fetch.
    pub bytes: u64,
    /// Ids of the keys that signed it, in hex.
    pub signers: Vec<String>,
    /// Its base was held back until somebody consented to it.
    pub consented: bool,
}

/// What a head brought that the one before did not have: the first of these that fits. The names are stored and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadKind {
    /// A new base.
    Base,
    /// Changes of keys, over the same base.
    Segment,
    /// Changes of settings alone: routes, roles, upstream credentials.
    Settings,
    /// Nothing but other signatures.
    Signature,
}

impl HeadKind {
    /// All, in the order in which they are looked for.
    pub const ALL: [Self; 4] = [Self::Base, Self::Segment, Self::Settings, Self::Signature];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Segment => "segment",
            Self::Settings => "settings",
            Self::Signature => "signature",
        }
    }

    /// The kind of a stored name.
    pub fn from_stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
