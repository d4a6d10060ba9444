//! Sinks: heads and bodies written to places that gates read by themselves. One task per sink, each at its own pace, each always with
//! the newest release.
//!
//! What a sink holds has the names that gates ask for ([`head_name`], [`body_name`]). A body never changes under its name, so writing
//! one twice does no harm, and a write that was cut short is gone on with: the bodies that arrived are remembered, and after a restart
//! listed (`stock`). The head comes last. A sink is trusted with nothing: gates verify all that they read.
//!
//! While a new base is written, revocations go out over the base before, as they do to gates (`push`).
//!
//! A body that the head has ceased to lead to stays for as long as a gate may still decide by the head before, and is then deleted. So
//! a sink belongs to one keyspace alone; one with another keyspace's head in it is refused.

mod heard;
mod kv;
mod object;
mod state;
mod stock;
mod target;
mod writer;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::AbortHandle;

pub use state::{SinkState, SinkStates};

use self::writer::Writer;
use super::lanes::Offer;
use super::timeline::Timeline;
use super::{Context, PublishError, Wanted};
use crate::domain::{Keyspace, KeyspaceId, Sink};

/// The name of a keyspace's head.
fn head_name(audience: latchkey_snapshot::Audience) -> String {
    format!("{HEADS}/{audience}")
}

/// The name of a body.
fn body_name(hash: &[u8; 32]) -> String {
    format!("{BODIES}/{}", hex::encode(hash))
}

/// The hash of the body with a name; `None` if it is no body's name.
fn body_of(name: &str) -> Option<[u8; 32]> {
    let digits = name.strip_prefix(BODIES)?.strip_prefix('/')?;
    let mut hash = [0; 32];
    hex::decode_to_slice(digits, &mut hash).ok()?;
    Some(hash)
}

const HEADS: &str = "head";
const BODIES: &str = "obj";

/// The sinks of a keyspace. Dropping it ends their tasks.
pub(super) struct Sinks {
    context: Context,
    id: KeyspaceId,
    timeline: Timeline,
    offer: watch::Sender<Option<Arc<Offer>>>,
    writers: HashMap<String, Running>,
    overtaken: mpsc::Sender<()>,
    confirmed: Arc<Notify>,
}

struct Running {
    sink: Sink,
    sealed: Option<Vec<u8>>,
    bases: watch::Receiver<HashSet<[u8; 32]>>,
    task: AbortHandle,
}

impl Sinks {
    /// `overtaken` hears of sinks that hold a newer head than ours, `confirmed` of those that hold what they were given.
    pub(super) fn new(
        context: Context,
        id: KeyspaceId,
        timeline: Timeline,
        overtaken: mpsc::Sender<()>,
        confirmed: Arc<Notify>,
    ) -> Self {
        let (offer, _) = watch::channel(None);
        Self { context, id, timeline, offer, writers: HashMap::new(), overtaken, confirmed }
    }

    /// Gives every sink something newer to write.
    pub(super) fn offer(&self, offer: Arc<Offer>) {
        let (mark, now) = (offer.newest.mark(), self.context.app.now());
        for name in self.writers.keys() {
            self.context.app.sinks.update(self.id, name, |state| state.offered(mark, now));
        }
        self.offer.send_replace(Some(offer));
    }

    /// The roots of the bases that sinks have, and of those that they are being given and will have before the newest.
    pub(super) fn held_bases(&self) -> HashSet<[u8; 32]> {
        self.writers.values().flat_map(|running| running.bases.borrow().clone()).collect()
    }

    /// Gives no sink anything any more, until there is something newer.
    pub(super) fn halt(&self) {
        self.offer.send_replace(None);
    }

    /// Begins with sinks that are new or have changed, and ends with those that are gone.
    pub(super) async fn set(&mut self, sinks: &[Sink]) -> Result<(), PublishError> {
        if self.writers.is_empty() && sinks.is_empty() {
            return Ok(());
        }
        let mut secrets = self.context.app.store.sink_secrets(self.id).await?;
        let states = &self.context.app.sinks;
        self.writers.retain(|name, running| {
            let stays = sinks.contains(&running.sink) && secrets.get(name) == running.sealed.as_ref();
            if !stays {
                running.task.abort();
                states.forget(self.id, name);
            }
            stays
        });
        for sink in sinks {
            if !self.writers.contains_key(&sink.name) {
                let sealed = secrets.remove(&sink.name);
                let running = self.begin(sink.clone(), sealed);
                self.writers.insert(sink.name.clone(), running);
            }
        }
        Ok(())
    }

    fn begin(&self, sink: Sink, sealed: Option<Vec<u8>>) -> Running {
        if let Some(offer) = self.offer.borrow().as_ref() {
            let (mark, now) = (offer.newest.mark(), self.context.app.now());
            self.context.app.sinks.update(self.id, &sink.name, |state| state.offered(mark, now));
        }
        let writer = Writer::new(
            self.context.clone(),
            self.id,
            sink.clone(),
            self.timeline.clone(),
            self.offer.subscribe(),
            self.overtaken.clone(),
            Arc::clone(&self.confirmed),
        );
        let bases = writer.bases();
        let task = tokio::spawn(writer.run(sealed.clone())).abort_handle();
        Running { sink, sealed, bases, task }
    }

    /// Of a keyspace that was deleted: whether whoever reads its sinks lets nobody in.
    pub(super) fn have(&self, keyspace: &Keyspace) -> bool {
        let wanted = Wanted::ShutOut(keyspace.change_seq);
        let applied = |sink: &Sink| self.context.app.sinks.of(self.id, &sink.name).applied;
        keyspace.sinks.iter().all(|sink| applied(sink).is_some_and(|mark| mark.has(wanted)))
    }
}

impl Drop for Sinks {
    fn drop(&mut self) {
        self.writers.values().for_each(|running| running.task.abort());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_that_gates_ask_for() {
        let audience = "ks_0000000000001/live".parse().unwrap();
        assert_eq!(head_name(audience), "head/ks_0000000000001/live");
        let name = body_name(&[0xab; 32]);
        assert_eq!(name, format!("obj/{}", "ab".repeat(32)));
        assert_eq!(body_of(&name), Some([0xab; 32]));
        assert!([&name[..67], "obj/xyz", "head/x", "objx"].iter().all(|name| body_of(name).is_none()));
    }
}
