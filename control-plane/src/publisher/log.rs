//! What kinds of changes a keyspace's log holds. Each row is looked at once.

use crate::domain::{ChangeKind, KeyspaceId};
use crate::storage::{Store, StoreError};

/// Rows that are read at once.
const ROWS_AT_ONCE: u32 = 4_096;

/// The last change of each kind that somebody waits for; 0 if there was none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Log {
    /// The last row that was looked at.
    pub(super) seen: u64,
    /// Somebody was shut out for good.
    pub(super) revoked: u64,
    /// Somebody was shut out, for good or for now.
    pub(super) shut_out: u64,
    /// Anything else than a new key.
    pub(super) demanding: u64,
}

impl Log {
    /// Begins behind change `seen`.
    pub(super) fn behind(seen: u64) -> Self {
        Self { seen, ..Self::default() }
    }

    /// Looks at what came since it last looked.
    pub(super) async fn read_on(&mut self, store: &dyn Store, id: KeyspaceId) -> Result<(), StoreError> {
        loop {
            let changes = store.changes(id, self.seen, ROWS_AT_ONCE).await?;
            for change in &changes {
                self.take(change.seq, change.kind);
            }
            if changes.len() < ROWS_AT_ONCE as usize {
                return Ok(());
            }
        }
    }

    fn take(&mut self, seq: u64, kind: ChangeKind) {
        self.seen = seq;
        if kind.revokes() {
            self.revoked = seq;
        }
        if kind.may_shut_out() {
            self.shut_out = seq;
        }
        if kind != ChangeKind::KeyCreated && !kind.revokes() {
            self.demanding = seq;
        }
    }
}
