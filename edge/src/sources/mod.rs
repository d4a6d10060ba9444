//! Where an isolate learns what is newest. None is trusted: what they say is verified like anything else.

pub(crate) mod kv;
pub(crate) mod relay;
pub(crate) mod url;

/// A source that gave no answer. The reason is logged where it happens; callers only go on to the next source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unreachable;
