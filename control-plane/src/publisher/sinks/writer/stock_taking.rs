//! What a sink really holds.

use std::time::Duration;

use latchkey_snapshot::UnverifiedHead;
use tokio::time::Instant;

use super::super::target::{SinkError, Target};
use super::super::{HEADS, body_of, head_name};
use super::{Held, Writer, internal};
use crate::publisher::FOREIGN_HEAD;
use crate::publisher::release::{Release, verify_head};
use crate::publisher::timeline::Heard;

/// How often is looked what the sink really holds, should somebody have deleted from it.
const STOCK_TAKING: Duration = Duration::from_secs(6 * 3_600);
/// The longest that any head is good for, in seconds.
const LONGEST_VALIDITY: u64 = 2_592_000;

impl Writer {
    /// Finds out what the sink holds, the first time and now and then.
    pub(super) async fn take_stock(
        &mut self,
        target: &dyn Target,
        release: &Release,
    ) -> Result<(), SinkError> {
        if self.stock_taken_at.is_some_and(|at| at.elapsed() < STOCK_TAKING) {
            return Ok(());
        }
        let names = target.list().await?;
        let ours = format!("{HEADS}/{}/", self.id);
        let foreign = |name: &&String| name.starts_with(&format!("{HEADS}/")) && !name.starts_with(&ours);
        if names.iter().any(|name| foreign(&name)) {
            let message = "it holds the head of another keyspace, whose bodies would be deleted; give each keyspace a namespace, bucket, \
                           prefix or folder of its own";
            return Err(SinkError::new("SHARED", message));
        }
        let head = release.head();
        let found = target.get_head(&head_name(head.audience)).await?;
        self.refuse_newer(found.as_deref(), release).await?;
        let now = self.context.app.now().as_seconds();
        let valid_until =
            found.and_then(|bytes| Some(UnverifiedHead::parse(&bytes).ok()?.unverified_fields().valid_until));
        // Nobody has signed it yet: what it says must not keep bodies for ever.
        let valid_until = valid_until.unwrap_or_default().min(now + LONGEST_VALIDITY).max(head.valid_until);
        self.stock.found(names.iter().filter_map(|name| body_of(name)), valid_until);
        // A head may only be written over what is there.
        let is_whole = |held: &mut Held| held.bodies.iter().all(|hash| self.stock.has(hash));
        if self.held.take_if(|held| !is_whole(held)).is_some() {
            self.show_bases();
        }
        self.head_valid_until = valid_until;
        self.stock_taken_at = Some(Instant::now());
        Ok(())
    }

    /// A head of ours that is ahead of what we would write: the database is a restored one, or somebody else publishes too.
    async fn refuse_newer(&mut self, found: Option<&[u8]>, release: &Release) -> Result<(), SinkError> {
        let Some(found) = found else { return Ok(()) };
        let store = &self.context.app.store;
        let state = store.publishing_state(self.id).await.map_err(|error| internal(error.into()))?;
        let Some((_, _, signing)) = state else { return Ok(()) };
        // Anything that we did not sign is written over, and so is what a key has signed that was taken out of use.
        let keys = signing.in_use().map(|key| &key.public_key);
        let Ok(head) = verify_head(found, keys, self.context.app.now()) else { return Ok(()) };
        if self.timeline.judge(&self.sink.name, found).await.map_err(internal)? == Heard::Foreign {
            let _ = self.overtaken.try_send(());
            return Err(SinkError::new("FOREIGN_HEAD", FOREIGN_HEAD));
        }
        let mark = |head: &latchkey_snapshot::Head| (head.epoch, head.seq);
        if mark(head.head()) <= mark(release.head()) {
            return Ok(());
        }
        // A newer head tells whether an answer was lost; asking for one again and again would chase the other publisher.
        if !std::mem::replace(&mut self.was_overtaken, true) {
            let _ = self.overtaken.try_send(());
        }
        let (theirs, ours) = (head.head().seq, release.head().seq);
        let message = format!("it holds head {theirs}, which is newer than {ours}");
        Err(SinkError::new("NOT_NEWER", message))
    }
}
