//! What the next release holds, out of what changed and of the bases that there are.

use std::sync::Arc;

use super::super::PublishError;
use super::super::content::{Changes, Content};
use super::KeyspacePublisher;
use super::occasion::Due;
use crate::domain::PolicyState;
use crate::storage::ChangesSince;

/// Rows of the change log that are looked through at once.
const CHANGES_AT_ONCE: u32 = 4_096;

impl KeyspacePublisher {
    /// `None` if there is nothing that could be released now.
    pub(super) async fn content(
        &mut self,
        policy: &PolicyState,
        due: Due,
    ) -> Result<Option<(Content, ChangesSince)>, PublishError> {
        let store = Arc::clone(&self.store);
        let changes = Changes { store: store.as_ref(), id: self.id, policy };
        if !self.stuck {
            if let Some(found) = self.everything(&changes).await? {
                return Ok(Some(found));
            }
            // There is nothing for it but to wait for a base that has the changes.
            (self.stuck, self.behind, self.built) = (true, false, None);
        }
        self.build();
        let Some(current) = &self.current else { return Ok(None) };
        if self.log.shut_out > current.revoked_through {
            let mut content = Content::of_release(current);
            if let Some(changed) = changes.add_revocations(&mut content).await? {
                return Ok(Some((content, changed)));
            }
        }
        let unchanged = || {
            let changed = ChangesSince { through_seq: current.head().change_seq, ..ChangesSince::default() };
            (Content::of_release(current), changed)
        };
        Ok((due == Due::Always).then(unchanged))
    }

    /// All that happened, or as much of it as brings gates on; `None` if that needs a base that is not there.
    async fn everything(
        &mut self,
        changes: &Changes<'_>,
    ) -> Result<Option<(Content, ChangesSince)>, PublishError> {
        let start = match (&self.built, &self.current) {
            (Some(built), _) => Content::of_base(built),
            (None, Some(current)) => Content::of_release(current),
            (None, None) => return Ok(None),
        };
        let mut content = start;
        if let Some(changed) = changes.extend(&mut content).await? {
            self.behind = false;
            return Ok(Some((content, changed)));
        }
        let found = self.progress(changes).await?;
        self.behind |= found.is_some();
        Ok(found)
    }

    /// A new base by itself, if it is ahead of the last head: while keys are made faster than bases are built, the changes behind
    /// it never fit, and without this nothing would be released until that ends. Whoever was shut out since stays so.
    async fn progress(&self, changes: &Changes<'_>) -> Result<Option<(Content, ChangesSince)>, PublishError> {
        let released = self.current.as_ref().map(|current| current.head().change_seq);
        let Some(built) = self.built.as_ref().filter(|built| Some(built.named.change_seq) > released) else {
            return Ok(None);
        };
        let mut content = Content::of_base(built);
        if self.log.shut_out > content.change_seq {
            let changed = changes.add_revocations(&mut content).await?;
            return Ok(changed.map(|changed| (content, changed)));
        }
        content.revoked_through = content.change_seq.max(self.log.seen);
        let changed = ChangesSince { through_seq: content.change_seq, ..ChangesSince::default() };
        Ok(Some((content, changed)))
    }

    /// Whether anything but keys changed after `from`, up to and with `to`.
    pub(super) async fn settings_changed(&self, mut from: u64, to: u64) -> Result<bool, PublishError> {
        while from < to {
            let changes = self.store.changes(self.id, from, CHANGES_AT_ONCE).await?;
            let Some(last) = changes.last() else { return Ok(false) };
            from = last.seq;
            if changes.iter().any(|change| change.seq <= to && change.key_id.is_none()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
