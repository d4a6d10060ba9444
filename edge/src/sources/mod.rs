//! Where an isolate learns what is newest. None is trusted: what they say is verified like anything else.

use std::cell::Cell;

use crate::clock;

pub(crate) mod kv;
pub(crate) mod r2;
pub(crate) mod relay;
pub(crate) mod url;

/// A source that gave no answer. The reason is logged where it happens; callers only go on to the next source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unreachable;

/// For this long after a failure other places are asked for bodies, so that one that hangs does not slow each of them down.
const PAUSE_MS: f64 = 5_000.0;

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
