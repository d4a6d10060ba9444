use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::{KeyspaceId, Timestamp};
use crate::publisher::PushError;

/// How far each sink has come, as far as this process knows. Kept in memory: after a restart the first writes fill it again.
#[derive(Debug, Default)]
pub struct SinkStates {
    sinks: Mutex<BTreeMap<(KeyspaceId, String), SinkState>>,
}

/// How far one sink has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkState {
    /// The head that it holds.
    pub applied_seq: Option<u64>,
    /// The last change in that head.
    pub applied_change_seq: Option<u64>,
    /// When that head was written.
    pub written_at: Option<Timestamp>,
    /// When writing was last tried.
    pub last_attempt_at: Option<Timestamp>,
    /// Since when there is a change that it does not hold; `None`: it holds all.
    pub behind_since: Option<Timestamp>,
    /// Why writing failed last, if it did.
    pub last_error: Option<PushError>,
    newest_change_seq: u64,
}

impl SinkState {
    /// Notes that there is a release up to `change_seq`.
    pub(super) fn offered(&mut self, change_seq: u64, now: Timestamp) {
        self.newest_change_seq = change_seq;
        if self.applied_change_seq < Some(change_seq) {
            self.behind_since.get_or_insert(now);
        }
    }

    /// Notes that a head was written that was given at `since`.
    pub(super) fn written(&mut self, seq: u64, change_seq: u64, now: Timestamp) {
        self.applied_seq = Some(seq);
        self.applied_change_seq = Some(change_seq);
        self.written_at = Some(now);
        self.last_error = None;
        // What came meanwhile came after this was begun; that moment is near enough.
        let waits = change_seq < self.newest_change_seq;
        self.behind_since = waits.then(|| self.last_attempt_at.unwrap_or(now));
    }
}

impl SinkStates {
    /// The state of one sink; all empty if nothing was tried yet.
    pub fn of(&self, keyspace: KeyspaceId, sink: &str) -> SinkState {
        self.locked().get(&(keyspace, sink.to_owned())).cloned().unwrap_or_default()
    }

    pub(super) fn update(&self, keyspace: KeyspaceId, sink: &str, change: impl FnOnce(&mut SinkState)) {
        change(self.locked().entry((keyspace, sink.to_owned())).or_default());
    }

    pub(super) fn forget(&self, keyspace: KeyspaceId, sink: &str) {
        self.locked().remove(&(keyspace, sink.to_owned()));
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<(KeyspaceId, String), SinkState>> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_is_behind_from_the_first_change_that_it_lacks_until_it_has_the_last() {
        let (first, second, third) = (Timestamp(1_000), Timestamp(2_000), Timestamp(3_000));
        let mut state = SinkState::default();
        state.offered(5, first);
        state.offered(6, second);
        assert_eq!(state.behind_since, Some(first));
        state.written(1, 6, third);
        assert_eq!((state.behind_since, state.applied_change_seq), (None, Some(6)));
        state.offered(6, third);
        assert_eq!(state.behind_since, None, "a heartbeat brings no change");
        state.last_attempt_at = Some(second);
        state.offered(8, third);
        state.written(2, 7, third);
        assert_eq!(state.behind_since, Some(second));
    }
}
