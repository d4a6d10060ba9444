//! Signing heads: the newest one, and those over older bases that gates and sinks still have.

use std::collections::HashSet;
use std::sync::Arc;

use latchkey_snapshot::{Audience, Head, ObjectRef, TagScheme, UpstreamCredential, sha256};

use super::super::PublishError;
use super::super::content::{Changes, Content};
use super::super::lanes::Lane;
use super::super::release::Release;
use super::super::twin::Twin;
use super::KeyspacePublisher;
use crate::domain::{Keyspace, PolicyState, ServedEnvironment};
use crate::storage::{Publication, Signing};

/// What a head is made of beside keys.
pub(super) struct Settings {
    pub(super) keyspace: Keyspace,
    pub(super) policy: PolicyState,
    /// The policy as gates get it.
    pub(super) encoded: Arc<Vec<u8>>,
    pub(super) signing: Signing,
}

/// Where the next head stands in the line of heads.
pub(super) struct Next {
    epoch: u32,
    seq: u64,
    previous: [u8; 32],
}

impl Next {
    pub(super) fn behind(last: Option<&Publication>, epoch: u32) -> Self {
        match last {
            Some(last) => Self { epoch, seq: last.seq + 1, previous: sha256(&last.head) },
            None => Self { epoch, seq: 1, previous: [0; 32] },
        }
    }
}

impl KeyspacePublisher {
    /// Where gates or sinks still have the base that is about to be replaced, it is kept up.
    pub(super) fn open_lane(&mut self) {
        let Some(current) = self.current.as_ref().filter(|_| self.built.is_some()) else { return };
        if self.held_bases().contains(&current.head().base.root.sha256) {
            let twin = std::mem::replace(&mut self.twin, Twin::new(self.id));
            self.lanes.add(Lane { release: current.clone(), twin });
        }
    }

    /// Releases over older bases, if somebody was shut out since they last were. What cannot be released is given up: whoever has that base
    /// has to wait for the upload.
    pub(super) async fn release_in_lanes(
        &mut self,
        settings: &Settings,
        next: &mut Next,
    ) -> Result<(), PublishError> {
        self.lanes.keep(&self.held_bases());
        let store = Arc::clone(&self.store);
        // The newest content may already have what was changed since the log was last looked at, and then nothing leads back here.
        self.log.read_on(store.as_ref(), self.id).await?;
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

    fn held_bases(&self) -> HashSet<[u8; 32]> {
        let mut held = self.gates.held_bases();
        held.extend(self.sinks.held_bases());
        held
    }

    pub(super) fn sign(
        &mut self,
        settings: &Settings,
        content: Content,
        next: &mut Next,
    ) -> Result<Release, PublishError> {
        let Settings { keyspace, encoded, signing, .. } = settings;
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
            policy: ObjectRef::to(encoded).map_err(PublishError::Encoding)?,
            base: content.base,
            segments: Vec::new(),
        };
        let signers = self.signers.at(&self.context.app.vault, signing, now)?;
        let release = Release::sign(head, Arc::clone(encoded), content, &signers, now)?;
        (next.seq, next.previous) = (next.seq + 1, sha256(release.verified.bytes()));
        Ok(release)
    }
}

/// The policy as gates get it, with what else they need to know of the keyspace.
pub(super) fn encoded_policy(
    keyspace: &Keyspace,
    policy: &PolicyState,
    credentials: Vec<UpstreamCredential>,
) -> Result<Arc<Vec<u8>>, PublishError> {
    let mut policy = policy.published(keyspace.freshness.on_expired);
    policy.tokens = keyspace.rules.token_shapes();
    policy.upstream_credentials = credentials;
    policy.encode(keyspace.id.0).map(Arc::new).map_err(PublishError::Encoding)
}

fn environment(served: ServedEnvironment) -> latchkey_snapshot::Environment {
    match served {
        ServedEnvironment::Any => latchkey_snapshot::Environment::Any,
        ServedEnvironment::Test => latchkey_snapshot::Environment::Test,
        ServedEnvironment::Live => latchkey_snapshot::Environment::Live,
    }
}
