//! Publishing one keyspace: from a change to a released head.

mod bases;
mod choice;
mod occasion;
mod pause;
mod record;
mod signing;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use self::occasion::Due;
use self::signing::{Next, Settings, encoded_policy};
use super::base::NewBase;
use super::building::Building;
use super::content::Content;
use super::lanes::Lanes;
use super::log::Log;
use super::push::Gates;
use super::recent::Recent;
use super::refusals::{Refusals, Word};
use super::release::{Release, Segment, verify_head};
use super::signers::Signers;
use super::sinks::Sinks;
use super::timeline::Timeline;
use super::twin::Twin;
use super::upstream::sealed_credentials;
use super::walk::stored_body;
use super::{Context, PublishError, Wanted};
use crate::domain::{Keyspace, KeyspaceId, Pause};
use crate::storage::{ChangesSince, Publication, Signing, Store};

/// Words of gates that wait to be heard.
const WORDS: usize = 64;
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);

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
    /// The base in `built` was held, and somebody consented to it.
    consented: bool,
    /// Rows of the keyspace that were in no base when the last one was built; 0 after a start.
    left_out: u64,
    /// The last release left changes out for which there was no room.
    behind: bool,
    /// What changed fits into no head over the bases that there are: only revocations go out until there is another.
    stuck: bool,
    /// Nothing but revocations goes out.
    pause: Option<Pause>,
    refusals: Refusals,
    recent: Recent,
    log: Log,
    lanes: Lanes,
    gates: Gates,
    sinks: Sinks,
    /// Gates that say that they have a head as new as the last one.
    overtaken: mpsc::Receiver<()>,
    /// What gates say of releases.
    words: mpsc::Receiver<Word>,
    released_at: Instant,
    /// Nothing is left to do but to tell the gates.
    deleted: bool,
}

impl KeyspacePublisher {
    /// `None` if there is no such keyspace.
    async fn open(context: &Context, id: KeyspaceId) -> Result<Option<Self>, PublishError> {
        let store = Arc::clone(&context.app.store);
        let Some((keyspace, _, signing)) = store.publishing_state(id).await? else { return Ok(None) };
        let last = store.publication(id).await?;
        let (overtaken_by, overtaken) = mpsc::channel(1);
        let (say, words) = mpsc::channel(WORDS);
        let timeline = Timeline::new(context.clone(), id, last.as_ref());
        let gates = Gates::new(context.clone(), id, timeline.clone(), overtaken_by.clone(), say);
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
            consented: false,
            left_out: 0,
            behind: false,
            stuck: false,
            pause: signing.pause.clone(),
            refusals: Refusals::default(),
            recent: Recent::default(),
            log: Log::default(),
            lanes: Lanes::default(),
            gates,
            sinks,
            overtaken,
            words,
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
            complete_through: signing.pause.as_ref().map_or(last.change_seq, |pause| pause.change_seq),
            revoked_through: last.change_seq,
            verified,
        };
        self.twin.accept(store, &release, None).await?;
        self.context.app.propagation.note_head(id, release.mark());
        self.recent.add(&release);
        self.current = Some(release);
        Ok(())
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
        self.follow_pause(signing.pause.as_ref());
        let is_current =
            self.current.as_ref().is_some_and(|current| current.complete_through == keyspace.change_seq);
        self.deleted = keyspace.deleted_at.is_some();
        let says_all = |current: &Release| current.revoked_through >= keyspace.change_seq;
        if self.deleted
            && self.current.as_ref().is_some_and(says_all)
            && self.all_gates_have(&keyspace)
            && self.sinks.have(&keyspace)
        {
            self.store.forget_sinks(self.id).await?;
            return Ok(Outlook::Finished);
        }
        let refused = self.judge_refusals(&keyspace.gates).await;
        if self.pause.is_some() || refused.is_some() {
            return self.release_revocations(keyspace, policy, signing, due, refused).await;
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
        let encoded = encoded_policy(&keyspace, &policy, credentials)?;
        let settings = Settings { keyspace, policy, encoded, signing };
        self.open_lane();
        self.release_content(&settings, content, &changed).await?;
        let keyspace = settings.keyspace;
        self.gates.set(&keyspace.gates);
        self.sinks.set(&keyspace.sinks).await?;
        self.rebase_if_due();
        Ok(Outlook::Continues)
    }

    /// Releases what the lanes have to say, and then `content` as the newest head.
    async fn release_content(
        &mut self,
        settings: &Settings,
        content: Content,
        changed: &ChangesSince,
    ) -> Result<(), PublishError> {
        let mut next = Next::behind(self.last.as_ref(), settings.signing.epoch);
        let all = async {
            self.release_in_lanes(settings, &mut next).await?;
            let release = self.sign(settings, content, &mut next)?;
            self.put_out(release, changed).await
        };
        let released = all.await;
        if released.is_err() {
            // Their heads may have numbers that were not noted, and that others get now.
            self.lanes = Lanes::default();
        }
        released
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
        self.consented = false;
        self.recent.clear();
        self.context.app.propagation.set_held(self.id, None);
        self.twin.reset();
    }

    /// Of a keyspace that was deleted: nobody is let in.
    fn all_gates_have(&self, keyspace: &Keyspace) -> bool {
        let wanted = Wanted::ShutOut(keyspace.change_seq);
        let last = |gate| self.context.app.propagation.of(self.id, gate).confirmations.last();
        keyspace.gates.iter().all(|gate| last(gate).is_some_and(|mark| mark.has(wanted)))
    }
}
