//! What the relay answers questions with, kept in memory between two bundles: a crowd that is woken at once reads storage once, and shares one copy
//! of the answer, in JavaScript's memory, from which the runtime sends it. A thousand copies of a large segment would be more than an object has.

use std::rc::Rc;

use js_sys::Uint8Array;
use latchkey_snapshot::bundle::{self, Intent};
use latchkey_snapshot::limits;
use worker::{Error, Result};

use super::bodies_for;
use super::store::{Store, StoredHead};
use crate::protocol::Held;

/// Answers that are kept: those who keep up hold the same, or one of the last few heads while there is news all the time.
const KEPT: usize = 8;
/// Segments of a head have no more together; the rest is room. A longer answer is for an isolate that starts, and is made for each.
const KEPT_BYTES: usize = limits::SEGMENT_BYTES + 16 * 1_024;

#[derive(Default)]
pub(super) struct Latest {
    head: Option<Rc<StoredHead>>,
    answers: Vec<Answer>,
}

struct Answer {
    held: Bodies,
    bundle: Uint8Array,
}

/// Which bodies an isolate has: what an answer to it depends on, besides the head.
#[derive(PartialEq, Eq)]
struct Bodies {
    policy: String,
    segments: Vec<String>,
    base_root: String,
}

impl Latest {
    /// Call it when storage may have changed.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The bundle of what an isolate lacks; `None` if it lacks nothing.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn newer_than(&mut self, held: &Held, store: &Store) -> Result<Option<Uint8Array>> {
        let Some(head) = self.head(store)? else { return Ok(None) };
        // An isolate ahead of the relay has taken its head from somewhere else; ours would be refused as not newer.
        let mark = head.fields.high_water();
        if (held.epoch, held.seq) >= (mark.epoch, mark.seq) {
            return Ok(None);
        }
        let bodies = Bodies::of(held);
        if let Some(answer) = self.answers.iter().find(|answer| answer.held == bodies) {
            return Ok(Some(answer.bundle.clone()));
        }
        let missing = bodies_for(store, &head, held)?;
        let bundle = bundle::encode(Intent::Commit, &head.bytes, missing.iter().map(Vec::as_slice))
            .map_err(|refusal| Error::RustError(refusal.to_string()))?;
        let length = bundle.len();
        let bundle = Uint8Array::from(bundle.as_slice());
        if self.answers.len() < KEPT && length <= KEPT_BYTES {
            self.answers.push(Answer { held: bodies, bundle: bundle.clone() });
        }
        Ok(Some(bundle))
    }

    /// The head that the relay holds.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn head(&mut self, store: &Store) -> Result<Option<Rc<StoredHead>>> {
        if self.head.is_none() {
            self.head = store.head()?.map(Rc::new);
        }
        Ok(self.head.clone())
    }
}

impl Bodies {
    fn of(held: &Held) -> Self {
        Self {
            policy: held.policy.clone(),
            segments: held.segments.clone(),
            base_root: held.base_root.clone(),
        }
    }
}
