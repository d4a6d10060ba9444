//! Where an isolate learns what is newest. None is trusted: what they say is verified like anything else.

use std::cell::Cell;

use latchkey_snapshot::Audience;

use crate::clock;

pub(crate) mod kv;
pub(crate) mod r2;
pub(crate) mod relay;
pub(crate) mod url;

/// A source that gave no answer. The reason is logged where it happens; callers only go on to the next source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unreachable;

/// How long a bucket or a web address may take for a head, and for a body. Milliseconds.
const HEAD_TIMEOUT_MS: u64 = 1_500;
const OBJECT_TIMEOUT_MS: u64 = 2_500;
/// For this long after a failure other places are asked for bodies, so that one that hangs does not slow each of them down.
const PAUSE_MS: f64 = 5_000.0;

/// What the head is called in KV, in a bucket and at a web address; sinks of the control plane write it under the same name.
fn head_name(audience: Audience) -> String {
    format!("head/{audience}")
}

/// What a body is called.
fn object_name(sha256: &[u8; 32]) -> String {
    format!("obj/{}", hex::encode(sha256))
}

/// When a source failed last.
struct Pause(Cell<f64>);

impl Pause {
    const fn none() -> Self {
        Self(Cell::new(f64::NEG_INFINITY))
    }

    fn begin(&self) {
        self.0.set(clock::now_ms());
    }

    fn is_on(&self) -> bool {
        clock::now_ms() - self.0.get() < PAUSE_MS
    }
}
