//! Whether a head that a gate holds is one of ours. After an old copy of the database was put in place, gates have heads that it never
//! signed, and what they know of, revocations above all, it has forgotten: then nothing may be published.
//!
//! A gate shows what it has when it refuses a head that is not newer. So it is asked with the last head of before this process began, which
//! asks for nothing else: every head above it that this process has not signed is a stranger's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use latchkey_snapshot::bundle::{self, Intent};
use latchkey_snapshot::{HighWater, Trust, TrustedKey, UnverifiedHead, VerifiedHead, sha256};
use tokio::task::JoinSet;

use super::release::verify_head;
use super::{Context, PublishError, PushError};
use crate::domain::{ForeignHead, GateUrl, KeyspaceId, Timestamp};
use crate::storage::{Publication, Signing};

/// Heads of this process that are remembered. A gate that we have pushed to holds one of the last few.
const REMEMBERED: usize = 4_096;
/// How long the first head after a start waits for gates that do not answer. Later each is asked before it gets anything.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is known of the heads of one keyspace.
#[derive(Clone)]
pub(super) struct Timeline {
    context: Context,
    id: KeyspaceId,
    known: Arc<Mutex<Known>>,
}

struct Known {
    /// The last head of before this process began, else its first.
    oldest: Option<Marked>,
    /// The heads that this process has signed.
    signed: VecDeque<Marked>,
    /// The last change that was published before this process began.
    change_seq: u64,
    /// To ask with.
    probe: Option<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Marked {
    mark: HighWater,
    hash: [u8; 32],
}

/// What a gate said when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It has nothing, or what we have sent, or what it does not show.
    Ours,
    /// It has a head that this database never signed. That was noted.
    Foreign,
}

impl Timeline {
    pub(super) fn new(context: Context, id: KeyspaceId, last: Option<&Publication>) -> Self {
        let known = Known {
            oldest: last.map(|last| Marked {
                mark: HighWater { epoch: last.epoch, seq: last.seq },
                hash: sha256(&last.head),
            }),
            signed: VecDeque::new(),
            change_seq: last.map_or(0, |last| last.change_seq),
            probe: last.map(|last| last.head.clone()),
        };
        Self { context, id, known: Arc::new(Mutex::new(known)) }
    }

    /// Notes a head of ours, before any gate sees it.
    pub(super) fn sign(&self, head: &VerifiedHead) {
        let mut known = self.locked();
        let marked = Marked { mark: head.head().high_water(), hash: head.hash() };
        if known.signed.contains(&marked) {
            return;
        }
        known.oldest.get_or_insert(marked);
        known.probe.get_or_insert_with(|| head.bytes().to_vec());
        known.signed.push_back(marked);
        if known.signed.len() > REMEMBERED {
            known.signed.pop_front();
        }
    }

    /// Asks gates that may have come further than this database.
    pub(super) async fn ask_all(&self, gates: &[GateUrl]) {
        let mut asked = JoinSet::new();
        for gate in gates {
            let (timeline, gate) = (self.clone(), gate.clone());
            asked.spawn(async move { timeline.ask(&gate).await });
        }
        let all = async { while asked.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            tracing::warn!(keyspace.id = %self.id, "not every gate says what it has; each is asked again before it gets anything");
        }
    }

    /// Asks a gate what it has, and notes it if that is not ours.
    ///
    /// # Errors
    /// The gate gave no answer, or the store failed.
    pub(super) async fn ask(&self, gate: &GateUrl) -> Result<Heard, PushError> {
        let Some(probe) = self.locked().probe.clone() else { return Ok(Heard::Ours) };
        self.ask_with(gate, &probe).await
    }

    /// As [`Timeline::ask`], with a head that the gate has just refused because it is not newer.
    pub(super) async fn ask_with(&self, gate: &GateUrl, head: &[u8]) -> Result<Heard, PushError> {
        let bundle =
            bundle::encode(Intent::StoreBodies, head, std::iter::empty()).map_err(PublishError::Encoding)?;
        match self.context.client.held(gate, bundle).await? {
            Some(held) => Ok(self.judge(gate.as_str(), &held).await?),
            None => Ok(Heard::Ours),
        }
    }

    /// Judges the head that a gate or sink holds, and notes it if it is not ours.
    pub(super) async fn judge(&self, place: &str, held: &[u8]) -> Result<Heard, PublishError> {
        let store = &self.context.app.store;
        let Some((_, _, signing)) = store.publishing_state(self.id).await? else { return Ok(Heard::Ours) };
        let now = self.context.app.now();
        // A gate's word alone must not stop anything, but the signature on what it shows.
        let Some(head) = verified(held, &signing, now) else { return Ok(Heard::Ours) };
        if is_void(held, &signing) {
            tracing::error!(
                keyspace.id = %self.id, place, head.epoch = head.head().epoch,
                "a gate or sink has a head that a thief signed with a key that was given up; take that key out of the gate's LATCHKEY_TRUSTED_KEYS"
            );
            return Ok(Heard::Ours);
        }
        if !self.is_foreign(&head, signing.epoch) {
            return Ok(Heard::Ours);
        }
        let known_change_seq = self.known_to(place);
        let foreign = ForeignHead::read(place.to_owned(), held.to_vec(), known_change_seq, now)
            .map_err(PublishError::refused)?;
        tracing::error!(
            keyspace.id = %self.id,
            place,
            head.epoch = foreign.head.epoch,
            head.seq = foreign.head.seq,
            head.change_seq = foreign.head.change_seq,
            known.change_seq = known_change_seq,
            "a gate or sink has a head that this database never signed: the database is an old copy, or somebody else has the signing key. Nothing of \
             the keyspace is published until `latchkey epoch raise {}`; docs/epochs.md says what to do first",
            self.id
        );
        store.note_foreign_head(self.id, foreign).await?;
        Ok(Heard::Foreign)
    }

    /// The last change of ours that a gate is known to have had. What this process published says nothing of where an old copy ends,
    /// unless the gate itself took it.
    fn known_to(&self, place: &str) -> u64 {
        let confirmed = GateUrl::parse(place)
            .ok()
            .and_then(|gate| self.context.app.propagation.of(self.id, &gate).applied_change_seq);
        self.locked().change_seq.max(confirmed.unwrap_or(0))
    }

    /// Whether a head outranks what we are about to sign, and is not ours.
    fn is_foreign(&self, head: &VerifiedHead, epoch: u32) -> bool {
        let known = self.locked();
        let held = Marked { mark: head.head().high_water(), hash: head.hash() };
        let Some(oldest) = known.oldest else { return held.mark.epoch >= epoch };
        held.mark.epoch >= epoch
            && held.mark >= oldest.mark
            && held != oldest
            && !known.signed.contains(&held)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The head, if a key of the keyspace signed it, at whatever time.
fn verified(held: &[u8], signing: &Signing, now: Timestamp) -> Option<VerifiedHead> {
    let issued_at = UnverifiedHead::parse(held).ok()?.unverified_fields().issued_at;
    // A gate may have taken it by a clock that is ahead of ours.
    let issued_at = Timestamp(i64::try_from(issued_at).ok()?.saturating_mul(1_000));
    verify_head(held, signing.public_keys(), now.max(issued_at)).ok()
}

/// Whether only gates that still trust a key which was given up are bound by the head: whoever stole that made it to be outranked by nothing.
fn is_void(held: &[u8], signing: &Signing) -> bool {
    let keys: Result<Vec<_>, _> = signing.in_use().map(|key| TrustedKey::new(&key.public_key)).collect();
    let (Ok(head), Ok(keys)) = (UnverifiedHead::parse(held), keys) else { return false };
    head.high_water_under(&Trust::new(head.unverified_audience(), keys)).is_none()
}
