//! Publishing one keyspace: from a change to a released head.

use std::sync::Arc;
use std::time::Duration;

use latchkey_snapshot::{Audience, Head, ObjectRef, TagScheme, UpstreamCredential, limits, sha256};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

use super::base::NewBase;
use super::building::{Building, finished};
use super::content::{Changes, Content};
use super::lanes::{Lane, Lanes};
use super::log::Log;
use super::push::Gates;
use super::release::{Release, Segment, verify_head};
use super::signers::Signers;
use super::sinks::Sinks;
use super::timeline::Timeline;
use super::twin::Twin;
use super::upstream::sealed_credentials;
use super::walk::stored_body;
use super::{Context, HeldBase, PublishError, guard};
use crate::domain::{Keyspace, KeyspaceId, PolicyState, ServedEnvironment};
use crate::storage::{BodyChanges, ChangesSince, Publication, Signing, Store, StoreError};

/// From this many bytes of segments on a new base is built beside; half of what a head may list leaves room meanwhile.
const REBASE_BYTES: usize = limits::SEGMENT_BYTES / 2;
/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// A wake in the gathering time is looked into no sooner than this after it: many come at once.
const BREATH: Duration = Duration::from_millis(2);
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
    timeline: Timeline,
    twin: Twin,
    /// The last release, if all of it is there.
    current: Option<Release>,
    /// The last head that was noted, even if it could not be taken up again: its number is used up.
    last: Option<Publication>,
    /// That of the last release, or of the one that is being made.
    epoch: u32,
    building: Option<Building>,
    /// A base that is complete and not yet in a head.
    built: Option<NewBase>,
    /// The base of the last release, if it was built since the start: the next one takes over what has not changed.
    base: Option<NewBase>,
    /// A base that is complete and waits for somebody's consent.
    held: Option<NewBase>,
    /// Rows of the keyspace that were in no base when the last one was built; 0 after a start.
    left_out: u64,
    /// The last release left changes out for which there was no room.
    behind: bool,
    /// What changed fits into no head over the bases that there are: only revocations go out until there is another.
    stuck: bool,
    log: Log,
    lanes: Lanes,
    gates: Gates,
    sinks: Sinks,
    /// Gates that say that they have a head as new as the last one.
    overtaken: mpsc::Receiver<()>,
    released_at: Instant,
    /// Nothing is left to do but to tell the gates.
    deleted: bool,
}

/// What a head is made of beside keys.
struct Settings {
    keyspace: Keyspace,
    policy: PolicyState,
    signing: Signing,
    credentials: Vec<UpstreamCredential>,
}

/// Where the next head stands in the line of heads.
struct Next {
    epoch: u32,
    seq: u64,
    previous: [u8; 32],
}

impl Next {
    fn behind(last: Option<&Publication>, epoch: u32) -> Self {
        match last {
            Some(last) => Self { epoch, seq: last.seq + 1, previous: sha256(&last.head) },
            None => Self { epoch, seq: 1, previous: [0; 32] },
        }
    }
}

impl KeyspacePublisher {
    /// `None` if there is no such keyspace.
    async fn open(context: &Context, id: KeyspaceId) -> Result<Option<Self>, PublishError> {
        let store = Arc::clone(&context.app.store);
        let Some((keyspace, _, signing)) = store.publishing_state(id).await? else { return Ok(None) };
        let last = store.publication(id).await?;
        let (overtaken_by, overtaken) = mpsc::channel(1);
        let timeline = Timeline::new(context.clone(), id, last.as_ref());
        let gates = Gates::new(context.clone(), id, timeline.clone(), overtaken_by.clone());
        let sinks = Sinks::new(context.clone(), id, timeline.clone(), overtaken_by, gates.confirmation());
        let mut publisher = Self {
            context: context.clone(),
            store,
            id,
            signers: Signers::new(id),
            timeline,
            twin: Twin::new(id),
            current: None,
            epoch: last.as_ref().map_or(signing.epoch, |last| last.epoch),
            last,
            building: None,
            built: None,
            base: None,
            held: None,
            left_out: 0,
            behind: false,
            stuck: false,
            log: Log::default(),
            lanes: Lanes::default(),
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
        context.app.propagation.set_held(id, None);
        let current = publisher.current.as_ref().map(|current| current.head().change_seq);
        publisher.log = Log::behind(current.unwrap_or(keyspace.change_seq));
        publisher.timeline.ask_all(&keyspace.gates).await;
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
        let release = Release {
            policy: Arc::new(policy),
            segments,
            base_bytes: last.base_bytes,
            built: None,
            revoked_through: last.change_seq,
            verified,
        };
        self.twin.accept(store, &release, None).await?;
        self.current = Some(release);
        Ok(())
    }

    /// Waits until there is a reason for a release. The first change after a quiet time is one at once; those that follow
    /// are gathered, unless one of them is a revocation.
    async fn next_occasion(&mut self, wake: &Notify) -> Due {
        let heartbeat = self.released_at + self.context.config.heartbeat;
        let due = tokio::select! {
            () = std::future::ready(()), if self.behind => Due::IfChanged,
            () = wake.notified() => Due::IfChanged,
            () = sleep_until(heartbeat), if self.current.is_some() => Due::Always,
            _ = self.overtaken.recv() => Due::Always,
            () = self.gates.confirmed(), if self.deleted => Due::IfChanged,
            built = finished(&mut self.building) => {
                self.take_base(built).await;
                Due::IfChanged
            }
        };
        self.gather(wake).await;
        due
    }

    async fn take_base(&mut self, built: Result<NewBase, PublishError>) {
        self.building = None;
        let taken = match built {
            Ok(base) => self.judge(base).await,
            Err(error) => Err(error),
        };
        match taken {
            Ok(()) => {}
            Err(error) => {
                self.stuck = false;
                report(self.id, &error);
                // Whatever was wrong with it or with what it took over, the next one is built anew.
                self.base = None;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Puts a base up for release, or holds it until somebody consents.
    async fn judge(&mut self, base: NewBase) -> Result<(), PublishError> {
        let Some((keyspace, _, _)) = self.store.publishing_state(self.id).await? else { return Ok(()) };
        let secrets = self.store.base_row_count(self.id).await?;
        let left_out = secrets.saturating_sub(base.rows) + self.store.purged_row_count(self.id).await?;
        let forgotten = left_out.saturating_sub(std::mem::replace(&mut self.left_out, left_out));
        let current = self.current.as_ref().filter(|_| keyspace.deleted_at.is_none());
        let judged = current.and_then(|current| {
            let now = self.context.app.now();
            Some((current, guard::judge(current, base.rows, forgotten, keyspace.created_at, now)?))
        });
        let Some((current, reason)) = judged else {
            (self.built, self.stuck) = (Some(base), false);
            return Ok(());
        };
        let held = HeldBase {
            reason,
            rows_before: current.head().key_count,
            rows_after: base.rows,
            change_seq: base.named.change_seq,
        };
        tracing::error!(
            event = "snapshot.held", keyspace.id = %self.id, reason = reason.as_str(), held.rows_before, held.rows_after,
            "a new base is held back; only revocations and small changes are published until `latchkey snapshot override`"
        );
        self.context.app.propagation.set_held(self.id, Some(held));
        self.held = Some(base);
        Ok(())
    }

    /// Puts a held base up for release if somebody has consented to just that one.
    async fn take_consent(&mut self) -> Result<(), PublishError> {
        let Some(held) = &self.held else { return Ok(()) };
        if self.store.take_override(self.id, held.named.change_seq).await? {
            self.context.app.propagation.set_held(self.id, None);
            (self.built, self.stuck) = (self.held.take(), false);
        }
        Ok(())
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

    async fn release(&mut self, due: Due) -> Result<Outlook, PublishError> {
        let Some((keyspace, policy, signing)) = self.store.publishing_state(self.id).await? else {
            return Ok(Outlook::Finished);
        };
        if signing.foreign.is_some() {
            self.halt();
            return Ok(Outlook::Continues);
        }
        if self.epoch < signing.epoch {
            self.begin_anew(signing.epoch);
        }
        self.take_consent().await?;
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
        self.log.read_on(self.store.as_ref(), self.id).await?;
        let Some((content, changed)) = self.content(&policy, due).await? else {
            return Ok(Outlook::Continues);
        };
        if self.settings_changed(keyspace.change_seq, content.change_seq).await? {
            // The rows are newer than the policy that was read: a renamed role would have no number in it. Read both again.
            return Box::pin(self.release(due)).await;
        }
        let credentials = sealed_credentials(&self.context, &keyspace).await?;
        let mut next = Next::behind(self.last.as_ref(), signing.epoch);
        let settings = Settings { keyspace, policy, signing, credentials };
        self.open_lane();
        self.release_in_lanes(&settings, &mut next).await?;
        let release = self.sign(&settings, content, &mut next)?;
        if let Err(error) = self.put_out(release, &changed).await {
            // Their numbers were not noted.
            self.lanes = Lanes::default();
            return Err(error);
        }
        let keyspace = settings.keyspace;
        self.gates.set(&keyspace.gates);
        self.sinks.set(&keyspace.sinks).await?;
        self.rebase_if_due();
        Ok(Outlook::Continues)
    }

    /// Gates have heads that this database never signed. Whatever it would publish might take back what they know.
    fn halt(&mut self) {
        self.gates.halt();
        self.sinks.halt();
        self.released_at = Instant::now();
        self.behind = false;
    }

    /// In a new epoch everything is built from the database as it is now, and nothing taken over from before.
    fn begin_anew(&mut self, epoch: u32) {
        self.epoch = epoch;
        (self.current, self.built, self.building, self.base) = (None, None, None, None);
        (self.behind, self.stuck, self.held, self.lanes) = (false, false, None, Lanes::default());
        self.context.app.propagation.set_held(self.id, None);
        self.twin.reset();
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

    /// `None` if there is nothing that could be released now.
    async fn content(
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

    /// Has a base built, without giving way to others if more than new keys waits for it.
    fn build(&mut self) {
        if self.held.is_some() {
            return;
        }
        let building = self.building.get_or_insert_with(|| {
            let (store, now) = (Arc::clone(&self.store), self.context.app.now());
            Building::start(store, self.id, now, self.base.clone())
        });
        let released = self.current.as_ref().map(|current| current.head().change_seq);
        if released.is_none_or(|released| self.log.demanding > released) {
            building.hurry();
        }
    }

    /// Only right after a release, which clears old bodies away: a base that is being built must not lose its own to that.
    fn rebase_if_due(&mut self) {
        let segments = self.current.iter().flat_map(|current| &current.segments);
        let bytes: usize = segments.map(|segment| segment.bytes.len()).sum();
        if bytes > REBASE_BYTES && self.building.is_none() && self.held.is_none() {
            let (store, now) = (Arc::clone(&self.store), self.context.app.now());
            self.building = Some(Building::start(store, self.id, now, self.base.clone()));
        }
    }

    /// Where gates still have the base that is about to be replaced, it is kept up.
    fn open_lane(&mut self) {
        let Some(current) = self.current.as_ref().filter(|_| self.built.is_some()) else { return };
        if self.gates.held_bases().contains(&current.head().base.root.sha256) {
            let twin = std::mem::replace(&mut self.twin, Twin::new(self.id));
            self.lanes.add(Lane { release: current.clone(), twin });
        }
    }

    /// Releases over older bases, if somebody was shut out since they last were. What cannot be released is given up: its gates have to wait
    /// for their upload.
    async fn release_in_lanes(&mut self, settings: &Settings, next: &mut Next) -> Result<(), PublishError> {
        self.lanes.keep(&self.gates.held_bases());
        let store = Arc::clone(&self.store);
        let changes = Changes { store: store.as_ref(), id: self.id, policy: &settings.policy };
        for mut lane in std::mem::take(&mut self.lanes.0) {
            if self.log.shut_out > lane.release.revoked_through {
                let mut content = Content::of_release(&lane.release);
                let Some(changed) = changes.add_revocations(&mut content).await? else { continue };
                lane.release = self.sign(settings, content, next)?;
                lane.twin.accept(store.as_ref(), &lane.release, Some(&changed)).await?;
            }
            self.lanes.0.push(lane);
        }
        Ok(())
    }

    fn sign(
        &mut self,
        settings: &Settings,
        content: Content,
        next: &mut Next,
    ) -> Result<Release, PublishError> {
        let Settings { keyspace, policy, signing, credentials } = settings;
        let mut policy = policy.published(keyspace.freshness.on_expired);
        policy.tokens = keyspace.rules.token_shapes();
        policy.upstream_credentials.clone_from(credentials);
        let policy = policy.encode(self.id.0).map_err(PublishError::Encoding)?;
        let now = self.context.app.now();
        let issued_at = now.as_seconds();
        let head = Head {
            audience: Audience { keyspace: self.id.0, environment: environment(keyspace.environment) },
            tag_scheme: TagScheme::Sha256,
            epoch: next.epoch,
            seq: next.seq,
            change_seq: content.change_seq,
            issued_at,
            fresh_until: issued_at + u64::from(keyspace.freshness.fresh_seconds),
            valid_until: issued_at + u64::from(keyspace.freshness.valid_seconds),
            key_count: content.key_count,
            previous: next.previous,
            policy: ObjectRef::to(&policy).map_err(PublishError::Encoding)?,
            base: content.base,
            segments: Vec::new(),
        };
        let signers = self.signers.at(&self.context.app.vault, signing, now)?;
        let release = Release::sign(head, policy, content, &signers, now)?;
        (next.seq, next.previous) = (next.seq + 1, sha256(release.verified.bytes()));
        Ok(release)
    }

    /// Verifies, notes and hands out a release, in this order.
    async fn put_out(&mut self, release: Release, changed: &ChangesSince) -> Result<(), PublishError> {
        let store = Arc::clone(&self.store);
        if self.current.as_ref().is_some_and(|current| current.revoked_through > release.revoked_through) {
            return Err(PublishError::Unverified("it would take revocations back".to_owned()));
        }
        self.twin.accept(store.as_ref(), &release, Some(changed)).await?;
        self.note(&release).await?;
        for lane in &self.lanes.0 {
            self.timeline.sign(&lane.release.verified);
        }
        self.timeline.sign(&release.verified);
        self.released_at = Instant::now();
        let offered = Arc::new(release.clone());
        self.gates.offer(Arc::clone(&offered), self.lanes.0.iter().map(|lane| lane.release.clone()));
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
        let after = self.last.as_ref().map_or(0, |last| last.seq);
        match self.store.release(publication.clone(), after, bodies).await {
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

fn environment(served: ServedEnvironment) -> latchkey_snapshot::Environment {
    match served {
        ServedEnvironment::Any => latchkey_snapshot::Environment::Any,
        ServedEnvironment::Test => latchkey_snapshot::Environment::Test,
        ServedEnvironment::Live => latchkey_snapshot::Environment::Live,
    }
}
