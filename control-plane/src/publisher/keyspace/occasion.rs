//! When a keyspace is released: what is waited for, and what is gathered first.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::super::building::finished;
use super::{KeyspacePublisher, report};

/// A wake in the gathering time is looked into no sooner than this after it: many come at once.
const BREATH: Duration = Duration::from_millis(2);

/// When a release is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Also if nothing changed: at the start, at a heartbeat, and when a gate needs a newer head.
    Always,
    IfChanged,
}

impl KeyspacePublisher {
    /// Waits until there is a reason for a release. The first change after a quiet time is one at once; those that follow
    /// are gathered, unless one of them is a revocation.
    pub(super) async fn next_occasion(&mut self, wake: &Notify) -> Due {
        let undecided_until = self.refusals.undecided_until();
        let heartbeat = self.released_at + self.context.config.heartbeat;
        let due = tokio::select! {
            () = std::future::ready(()), if self.behind => Due::IfChanged,
            () = wake.notified() => Due::IfChanged,
            () = sleep_until(heartbeat), if self.current.is_some() => Due::Always,
            _ = self.overtaken.recv() => Due::Always,
            () = self.gates.confirmed(), if self.deleted => Due::IfChanged,
            Some(word) = self.words.recv() => {
                self.hear(word).await;
                Due::IfChanged
            }
            () = sleep_until(undecided_until.unwrap_or(heartbeat)), if undecided_until.is_some() => {
                self.refusals.end_patience();
                Due::IfChanged
            }
            built = finished(&mut self.building) => {
                self.take_base(built).await;
                Due::IfChanged
            }
        };
        self.gather(wake).await;
        due
    }

    async fn gather(&mut self, wake: &Notify) {
        let until = self.released_at + self.context.config.coalesce;
        while Instant::now() < until {
            if let Err(error) = self.log.read_on(self.store.as_ref(), self.id).await {
                return report(self.id, &error.into());
            }
            // The first head of all keeps nobody waiting either.
            if self.current.as_ref().is_none_or(|current| self.log.revoked > current.revoked_through) {
                return;
            }
            tokio::select! {
                () = sleep_until(until) => {}
                () = wake.notified() => tokio::time::sleep(BREATH).await,
            }
        }
    }
}
