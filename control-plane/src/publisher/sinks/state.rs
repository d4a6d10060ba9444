use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::{KeyspaceId, Timestamp};
use crate::publisher::{Mark, PushError, Wanted};

/// How far each sink has come, as far as this process knows. Kept in memory: after a restart the first writes fill it again.
#[derive(Debug, Default)]
pub struct SinkStates {
    sinks: Mutex<BTreeMap<(KeyspaceId, String), SinkState>>,
}

/// How far one sink has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkState {
    /// The head that it holds, and what whoever reads that knows.
    pub applied: Option<Mark>,
    /// When that head was written.
    pub written_at: Option<Timestamp>,
    /// When writing was last tried.
    pub last_attempt_at: Option<Timestamp>,
    /// Since when there is a change that it does not hold; `None`: it holds all.
    pub behind_since: Option<Timestamp>,
    /// Why writing failed last, if it did.
    pub last_error: Option<PushError>,
    newest: Option<Mark>,
    /// The newest when writing was last tried.
    begun_with: Option<Mark>,
}

impl SinkState {
    /// Notes that there is a release to write.
    pub(super) fn offered(&mut self, newest: Mark, now: Timestamp) {
        self.newest = Some(newest);
        if self.is_behind() {
            self.behind_since.get_or_insert(now);
        }
    }

    /// Notes that writing is tried.
    pub(super) fn begun(&mut self, now: Timestamp) {
        (self.last_attempt_at, self.begun_with) = (Some(now), self.newest);
    }

    /// Notes that a head was written.
    pub(super) fn written(&mut self, mark: Mark, now: Timestamp) {
        (self.applied, self.written_at, self.last_error) = (Some(mark), Some(now), None);
        if !self.is_behind() {
            self.behind_since = None;
        } else if self.begun_with.is_none_or(|begun_with| mark.change_seq >= begun_with.change_seq) {
            // What it lacks came after this was begun; that moment is near enough.
            self.behind_since = self.last_attempt_at.or(Some(now));
        }
    }

    fn is_behind(&self) -> bool {
        let lacks = |newest: &Mark| {
            let has = |wanted| self.applied.is_some_and(|applied| applied.has(wanted));
            !has(Wanted::Change(newest.change_seq)) || !has(Wanted::ShutOut(newest.revoked_through))
        };
        self.newest.as_ref().is_some_and(lacks)
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

    fn mark(seq: u64, change_seq: u64) -> Mark {
        Mark { seq, change_seq, revoked_through: change_seq }
    }

    #[test]
    fn a_sink_is_behind_from_the_first_change_that_it_lacks_until_it_has_the_last() {
        let (first, second, third) = (Timestamp(1_000), Timestamp(2_000), Timestamp(3_000));
        let mut state = SinkState::default();
        state.offered(mark(1, 5), first);
        state.offered(mark(2, 6), second);
        assert_eq!(state.behind_since, Some(first));
        state.begun(second);
        state.written(mark(2, 6), third);
        assert_eq!((state.behind_since, state.applied), (None, Some(mark(2, 6))));
        state.offered(mark(3, 6), third);
        assert_eq!(state.behind_since, None, "a heartbeat brings no change");
        state.offered(mark(4, 7), second);
        state.begun(second);
        state.offered(mark(5, 8), third);
        state.written(mark(4, 7), third);
        assert_eq!(state.behind_since, Some(second));
    }

    #[test]
    fn a_head_that_only_shuts_out_leaves_a_sink_as_far_behind_as_it_was() {
        let (first, second, third) = (Timestamp(1_000), Timestamp(2_000), Timestamp(3_000));
        let mut state = SinkState::default();
        state.written(mark(1, 5), first);
        state.offered(mark(2, 9), first);
        state.begun(second);
        state.offered(mark(4, 10), second);
        let lane = Mark { seq: 3, change_seq: 6, revoked_through: 10 };
        state.written(lane, third);
        assert_eq!((state.behind_since, state.applied), (Some(first), Some(lane)));
        state.written(mark(4, 10), third);
        assert_eq!(state.behind_since, None);
        state.offered(Mark { revoked_through: 11, ..mark(5, 10) }, third);
        assert_eq!(state.behind_since, Some(third), "it admits somebody who is shut out");
    }
}
