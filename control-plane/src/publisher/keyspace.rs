//! Publishing one keyspace: from a change to a released head.

use std::sync::Arc;
use std::time::Duration;

use latchkey_snapshot::{
    Audience, BaseRef, BuiltBase, Head, ObjectRef, Refusal, TagScheme, UpstreamCredential, limits, sha256,
};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

use super::base::NewBase;
use super::building::{Building, finished};
use super::push::Gates;
use super::release::{Release, Segment, verify_head};
use super::signers::Signers;
use super::sinks::Sinks;
use super::twin::{self, Twin};
use super::upstream::sealed_credentials;
use super::walk::stored_body;
use super::{Context, PublishError, segments};
use crate::domain::{ChangeKind, Keyspace, KeyspaceId, PolicyState, ServedEnvironment};
use crate::storage::{BodyChanges, ChangesSince, Publication, Signing, Store, StoreError};

/// From this many bytes of segments on a new base is built beside; half of what a head may list leaves room meanwhile.
const REBASE_BYTES: usize = limits::SEGMENT_BYTES / 2;
/// Keys in one segment; more make a new base cheaper.
const SEGMENT_KEYS: u32 = 8_192;
const FIRST_EPOCH: u32 = 1;
/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// How often somebody who waits for a base looks at whether it should hurry.
const IMPATIENCE: Duration = Duration::from_millis(100);
/// Rows of the change log that are looked through at once for that.
const CHANGES_AT_ONCE: u32 = 4_096;

/// Publishes a keyspace whenever `wake` is notified and at every heartbeat. Ends when the keyspace was deleted and all its
/// gates have been told.
pub(super) async fn publish(context: Context, id: KeyspaceId, wake: Arc<Notify>) {
    let mut publisher = loop {
        match KeyspacePublisher::open(&context, id).await {
            Ok(Some(publisher)) => break publisher,
            Ok(None) => return,
            Err(error) => report(id, &error),
        }
        tokio::time::sleep(PAUSE).await;
    };
    let mut due = Due::Always;
    loop {
        match publisher.release(due).await {
            Ok(Outlook::Continues) => due = publisher.next_occasion(&wake).await,
            Ok(Outlook::Finished) => return,
            Err(error) => {
                report(id, &error);
                tokio::time::sleep(PAUSE).await;
                due = Due::Always;
            }
        }
    }
}

fn report(id: KeyspaceId, error: &PublishError) {
    tracing::error!(keyspace.id = %id, error = error as &dyn std::error::Error, "nothing was published");
}

/// When a release is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Also if nothing changed: at the start, at a heartbeat, and when a gate needs a newer head.
    Always,
    IfChanged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outlook {
    Continues,
    Finished,
}

struct KeyspacePublisher {
    context: Context,
    store: Arc<dyn Store>,
    id: KeyspaceId,
    signers: Signers,
    twin: Twin,
    /// The last release, if all of it is there.
    current: Option<Release>,
    /// The last head that was noted, even if it could not be taken up again: its number is used up.
    last: Option<Publication>,
    building: Option<Building>,
    /// A base that is complete and not yet in a head.
    built: Option<NewBase>,
    /// The base of the last release, if it was built since the start: the next one takes over what has not changed.
    base: Option<NewBase>,
    /// The last release left changes out for which there was no room.
    behind: bool,
    gates: Gates,
    sinks: Sinks,
    /// Gates that say that they have a head as new as the last one.
    overtaken: mpsc::Receiver<()>,
    released_at: Instant,
    /// Nothing is left to do but to tell the gates.
    deleted: bool,
}

/// What a head is to contain.
struct Content {
    base: BaseRef,
    base_bytes: u64,
    built: Option<Arc<BuiltBase>>,
    key_count: u64,
    change_seq: u64,
    segments: Vec<Segment>,
}

impl Content {
    /// A kill lies over everything else, and only for as long as it lasts: each release puts it on anew.
    fn take_kill_off(&mut self) {
        if let Some(kill) = self.segments.iter().position(|segment| segment.kill) {
            self.change_seq = self.segments[kill].first_seq;
            self.segments.truncate(kill);
        }
    }
}

impl KeyspacePublisher {
    /// `None` if there is no such keyspace.
    async fn open(context: &Context, id: KeyspaceId) -> Result<Option<Self>, PublishError> {
        let store = Arc::clone(&context.app.store);
        let Some((_, _, signing)) = store.publishing_state(id).await? else { return Ok(None) };
        let last = store.publication(id).await?;
        let (overtaken_by, overtaken) = mpsc::channel(1);
        let gates = Gates::new(context.clone(), id, overtaken_by.clone());
        let sinks = Sinks::new(context.clone(), id, overtaken_by, gates.confirmation());
        let mut publisher = Self {
            context: context.clone(),
            store,
            id,
            signers: Signers::new(id),
            twin: Twin::new(id),
            current: None,
            last,
            building: None,
            built: None,
            base: None,
            behind: false,
            gates,
            sinks,
            overtaken,
            released_at: Instant::now(),
            deleted: false,
        };
        match publisher.take_up(&signing).await {
            Err(PublishError::Unverified(fault)) => {
                tracing::warn!(keyspace.id = %id, fault, "the last release cannot be taken up; a new base is built");
            }
            other => other?,
        }
        Ok(Some(publisher))
    }

    /// Goes on from the last release.
    async fn take_up(&mut self, signing: &Signing) -> Result<(), PublishError> {
        let Some(last) = &self.last else { return Ok(()) };
        let (store, id) = (self.store.as_ref(), self.id);
        let verified = verify_head(&last.head, signing.public_keys(), self.context.app.now());
        let verified = verified.map_err(PublishError::refused)?;
        let head = verified.head();
        let policy = stored_body(store, id, head.policy.sha256).await?;
        let mut segments = Vec::with_capacity(head.segments.len());
        let mut first_seq = head.base.change_seq;
        for listed in &head.segments {
            let bytes = stored_body(store, id, listed.object.sha256).await?;
            segments.push(Segment::stored(first_seq, listed, bytes, id)?);
            first_seq = listed.last_seq;
        }
        let (policy, base_bytes) = (Arc::new(policy), last.base_bytes);
        let release = Release { policy, segments, base_bytes, built: None, verified };
        self.twin.accept(store, &release, None).await?;
        self.current = Some(release);
        Ok(())
    }

    /// Waits until there is a reason for a release. The first change after a quiet time is one at once; those that follow
    /// are gathered.
    async fn next_occasion(&mut self, wake: &Notify) -> Due {
        let config = &self.context.config;
        let due = tokio::select! {
            () = std::future::ready(()), if self.behind => Due::IfChanged,
            () = wake.notified() => Due::IfChanged,
            () = sleep_until(self.released_at + config.heartbeat) => Due::Always,
            _ = self.overtaken.recv() => Due::Always,
            () = self.gates.confirmed(), if self.deleted => Due::IfChanged,
            built = finished(&mut self.building) => {
                self.building = None;
                match built {
                    Ok(base) => self.built = Some(base),
                    Err(error) => report(self.id, &error),
                }
                Due::IfChanged
            }
        };
        sleep_until(self.released_at + config.coalesce).await;
        due
    }

    async fn release(&mut self, due: Due) -> Result<Outlook, PublishError> {
        let Some((keyspace, policy, signing)) = self.store.publishing_state(self.id).await? else {
            return Ok(Outlook::Finished);
        };
        let is_current =
            self.current.as_ref().is_some_and(|current| current.head().change_seq == keyspace.change_seq);
        self.deleted = keyspace.deleted_at.is_some();
        if self.deleted && is_current && self.all_gates_have(&keyspace) && self.sinks.have(&keyspace) {
            self.store.forget_sinks(self.id).await?;
            return Ok(Outlook::Finished);
        }
        if due == Due::IfChanged && is_current && self.built.is_none() {
            return Ok(Outlook::Continues);
        }
        let (content, changed) = self.content(&policy).await?;
        if self.settings_changed(keyspace.change_seq, content.change_seq).await? {
            // The rows are newer than the policy that was read: a renamed role would have no number in it. Read both again.
            return Box::pin(self.release(due)).await;
        }
        let credentials = sealed_credentials(&self.context, &keyspace).await?;
        let release = self.sign(&keyspace, &policy, &signing, credentials, content)?;
        self.put_out(release, &changed).await?;
        self.gates.set(&keyspace.gates);
        self.sinks.set(&keyspace.sinks).await?;
        self.rebase_if_due();
        Ok(Outlook::Continues)
    }

    /// Whether anything but keys changed after `from`, up to and with `to`.
    async fn settings_changed(&self, mut from: u64, to: u64) -> Result<bool, PublishError> {
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

    fn all_gates_have(&self, keyspace: &Keyspace) -> bool {
        let applied = |gate| self.context.app.propagation.of(self.id, gate).applied_change_seq;
        keyspace.gates.iter().all(|gate| applied(gate) >= Some(keyspace.change_seq))
    }

    async fn content(&mut self, policy: &PolicyState) -> Result<(Content, ChangesSince), PublishError> {
        let mut content = match (&self.built, &self.current) {
            (Some(built), _) => content_of(built),
            (None, Some(current)) => Content {
                base: current.head().base,
                base_bytes: current.base_bytes,
                built: current.built.clone(),
                key_count: current.head().key_count,
                change_seq: current.head().change_seq,
                segments: current.segments.clone(),
            },
            (None, None) => self.new_base().await?,
        };
        loop {
            if let Some(changed) = self.extend(&mut content, policy).await? {
                self.behind = false;
                return Ok((content, changed));
            }
            if let Some(content) = self.progress() {
                self.behind = true;
                let changed = ChangesSince { through_seq: content.change_seq, ..ChangesSince::default() };
                return Ok((content, changed));
            }
            // The changes fit no segment, so there is nothing for it but to wait for a base that has them.
            content = self.new_base().await?;
        }
    }

    /// A new base by itself, if it is ahead of the last head: while keys are made faster than bases are built, the changes behind
    /// it never fit, and without this nothing would be released until that ends.
    fn progress(&self) -> Option<Content> {
        let released = self.current.as_ref().map(|current| current.head().change_seq);
        self.built.as_ref().filter(|built| Some(built.named.change_seq) > released).map(content_of)
    }

    async fn new_base(&mut self) -> Result<Content, PublishError> {
        let mut seen = self.current.as_ref().map_or(0, |current| current.head().change_seq);
        let mut hurries = self.current.is_none();
        let built = loop {
            let building = self.building.get_or_insert_with(|| {
                let (store, now) = (Arc::clone(&self.store), self.context.app.now());
                Building::start(store, self.id, now, self.base.clone())
            });
            if hurries {
                building.hurry();
            }
            tokio::select! {
                built = building.finished() => break built,
                () = sleep(IMPATIENCE), if !hurries => {}
            }
            hurries = hurries || self.more_than_creations(&mut seen).await?;
        };
        self.building = None;
        Ok(content_of(self.built.insert(built?)))
    }

    /// Whether anything but the making of keys happened after the change `seen`, which is moved on. A new key can wait for bases that
    /// give way to others; a revocation cannot.
    async fn more_than_creations(&self, seen: &mut u64) -> Result<bool, PublishError> {
        loop {
            let changes = self.store.changes(self.id, *seen, CHANGES_AT_ONCE).await?;
            let Some(last) = changes.last() else { return Ok(false) };
            *seen = last.seq;
            if changes.iter().any(|change| change.kind != ChangeKind::KeyCreated) {
                return Ok(true);
            }
        }
    }

    /// Only right after a release: a base that is being built must not lose its bodies to the clearing away of old ones.
    fn rebase_if_due(&mut self) {
        let segments = self.current.iter().flat_map(|current| &current.segments);
        let bytes: usize = segments.map(|segment| segment.bytes.len()).sum();
        if bytes > REBASE_BYTES && self.building.is_none() {
            let (store, now) = (Arc::clone(&self.store), self.context.app.now());
            self.building = Some(Building::start(store, self.id, now, self.base.clone()));
        }
    }

    /// Adds what changed to the segments, and says what the newest of them now contains; `None` if it does not fit.
    async fn extend(
        &self,
        content: &mut Content,
        policy: &PolicyState,
    ) -> Result<Option<ChangesSince>, PublishError> {
        content.take_kill_off();
        let mut first_seq = content.change_seq;
        let mut changed = self.changes_since(first_seq).await?;
        if changed.through_seq == first_seq || changed.is_empty() {
            content.change_seq = changed.through_seq;
            return Ok(Some(changed));
        }
        let Some(mut newest) = self.segment(&changed, policy, first_seq)? else { return Ok(None) };
        // A kill leaves out the rows that it revokes; merged with them it would make their keys unknown instead of revoked.
        let weight = if changed.killed { 0 } else { newest.bytes.len() };
        let kept = content.segments.len() - segments::merged_by(&content.segments, weight);
        if let Some(oldest) = content.segments.get(kept) {
            first_seq = oldest.first_seq;
            changed = self.changes_since(first_seq).await?;
            let Some(merged) = self.segment(&changed, policy, first_seq)? else { return Ok(None) };
            newest = merged;
        }
        content.segments.truncate(kept);
        content.segments.push(newest);
        content.change_seq = changed.through_seq;
        let bytes: usize = content.segments.iter().map(|segment| segment.bytes.len()).sum();
        Ok((bytes <= limits::SEGMENT_BYTES).then_some(changed))
    }

    async fn changes_since(&self, seq: u64) -> Result<ChangesSince, PublishError> {
        Ok(self.store.changes_since(self.id, seq, SEGMENT_KEYS).await?)
    }

    fn segment(
        &self,
        changed: &ChangesSince,
        policy: &PolicyState,
        first_seq: u64,
    ) -> Result<Option<Segment>, PublishError> {
        if changed.too_many {
            return Ok(None);
        }
        let changes = segments::changes(changed, &policy.role_numbers());
        match changes.encode(self.id.0, first_seq, changed.through_seq) {
            Ok(bytes) => Segment::new(first_seq, changed.through_seq, bytes, changed.killed).map(Some),
            Err(Refusal::TooLong | Refusal::LimitExceeded) => Ok(None),
            Err(refusal) => Err(PublishError::Encoding(refusal)),
        }
    }

    fn sign(
        &mut self,
        keyspace: &Keyspace,
        policy: &PolicyState,
        signing: &Signing,
        credentials: Vec<UpstreamCredential>,
        content: Content,
    ) -> Result<Release, PublishError> {
        let mut policy = policy.published(keyspace.freshness.on_expired);
        policy.tokens = keyspace.rules.token_shapes();
        policy.upstream_credentials = credentials;
        let policy = policy.encode(self.id.0).map_err(PublishError::Encoding)?;
        let now = self.context.app.now();
        let issued_at = now.as_seconds();
        let head = Head {
            audience: Audience { keyspace: self.id.0, environment: environment(keyspace.environment) },
            tag_scheme: TagScheme::Sha256,
            epoch: self.last.as_ref().map_or(FIRST_EPOCH, |last| last.epoch),
            seq: self.last.as_ref().map_or(0, |last| last.seq) + 1,
            change_seq: content.change_seq,
            issued_at,
            fresh_until: issued_at + u64::from(keyspace.freshness.fresh_seconds),
            valid_until: issued_at + u64::from(keyspace.freshness.valid_seconds),
            key_count: content.key_count,
            previous: self.last.as_ref().map_or([0; 32], |last| sha256(&last.head)),
            policy: ObjectRef::to(&policy).map_err(PublishError::Encoding)?,
            base: content.base,
            segments: Vec::new(),
        };
        let signers = self.signers.at(&self.context.app.vault, signing, now)?;
        let mut release = Release::sign(head, policy, content.segments, content.base_bytes, &signers, now)?;
        release.built = content.built;
        Ok(release)
    }

    /// Verifies, notes and hands out a release, in this order.
    async fn put_out(&mut self, release: Release, changed: &ChangesSince) -> Result<(), PublishError> {
        let store = Arc::clone(&self.store);
        if let Some(built) = &self.built {
            let checked = self.base.iter().flat_map(NewBase::bodies).collect();
            if let Err(error) = twin::check_base(store.as_ref(), self.id, &release, &checked).await {
                // Whatever is wrong with it or with what it took over, the next one is built anew.
                tracing::warn!(keyspace.id = %self.id, base.rows = built.rows, "a new base does not pass and is given up");
                (self.built, self.base) = (None, None);
                return Err(error);
            }
        }
        self.twin.accept(store.as_ref(), &release, Some(changed)).await?;
        self.note(&release).await?;
        self.released_at = Instant::now();
        let offered = Arc::new(release.clone());
        self.gates.offer(Arc::clone(&offered));
        self.sinks.offer(offered);
        if let Some(base) = self.built.take() {
            let kept = base.bodies().chain(release.bodies().map(|(hash, _)| hash)).collect();
            // Before the old bodies go: what fails there must not make the next base build on an older one.
            self.base = Some(base);
            store.forget_bodies_except(self.id, kept).await?;
        }
        let (seq, change_seq) = (release.head().seq, release.head().change_seq);
        tracing::debug!(keyspace.id = %self.id, head.seq = seq, head.change_seq = change_seq, "released a head");
        self.current = Some(release);
        Ok(())
    }

    async fn note(&mut self, release: &Release) -> Result<(), PublishError> {
        let publication = Publication {
            keyspace_id: self.id,
            epoch: release.head().epoch,
            seq: release.head().seq,
            change_seq: release.head().change_seq,
            head: release.verified.bytes().to_vec(),
            base_bytes: release.base_bytes,
            issued_at: self.context.app.now(),
        };
        let before = self.current.as_ref();
        let dropped = before.iter().flat_map(|before| before.bodies_not_in(Some(release)));
        let bodies = BodyChanges {
            added: release.bodies_to_keep(before),
            dropped: dropped.map(|(hash, _)| hash).collect(),
        };
        match self.store.release(publication.clone(), bodies).await {
            Ok(()) => {
                self.last = Some(publication);
                Ok(())
            }
            Err(error) => {
                // The twin is ahead of what was noted, and would refuse another head of this number.
                self.twin.reset();
                if matches!(error, StoreError::PublicationConflict) {
                    self.last = self.store.publication(self.id).await?;
                }
                Err(error.into())
            }
        }
    }
}

fn content_of(base: &NewBase) -> Content {
    Content {
        base: base.named,
        base_bytes: base.bytes,
        built: Some(Arc::clone(&base.built)),
        key_count: base.rows,
        change_seq: base.named.change_seq,
        segments: Vec::new(),
    }
}

fn environment(served: ServedEnvironment) -> latchkey_snapshot::Environment {
    match served {
        ServedEnvironment::Any => latchkey_snapshot::Environment::Any,
        ServedEnvironment::Test => latchkey_snapshot::Environment::Test,
        ServedEnvironment::Live => latchkey_snapshot::Environment::Live,
    }
}
