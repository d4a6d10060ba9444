//! A gate of our own: it takes in every release before any real gate sees it, with the code that the edge runs. What it does
//! not accept is not released.

use std::collections::{BTreeSet, HashSet};

use latchkey_snapshot::{BaseRef, HashedBody, Loader, Lookup, Snapshot, VerifiedSegment, owner_tag};
use latchkey_validator::Rules;

use super::PublishError;
use super::release::Release;
use super::walk::{BaseWalk, stored_body};
use crate::domain::KeyspaceId;
use crate::storage::{ChangesSince, Store};

pub(super) struct Twin {
    id: KeyspaceId,
    snapshot: Option<Snapshot>,
}

impl Twin {
    pub(super) fn new(id: KeyspaceId) -> Self {
        Self { id, snapshot: None }
    }

    /// Forgets what it holds, so that it takes the next release in from nothing.
    pub(super) fn reset(&mut self) {
        self.snapshot = None;
    }

    /// Takes a release in as a gate would. `changed` is what the newest segment must have brought about.
    ///
    /// # Errors
    /// What a gate would refuse, or would decide otherwise than it should.
    pub(super) async fn accept(
        &mut self,
        store: &dyn Store,
        release: &Release,
        changed: Option<&ChangesSince>,
    ) -> Result<(), PublishError> {
        let outcome = self.load(store, release).await.and_then(|()| self.check_effect(changed));
        if outcome.is_err() {
            // Whatever is half-way in must not vouch for the next one.
            self.reset();
        }
        outcome
    }

    async fn load(&mut self, store: &dyn Store, release: &Release) -> Result<(), PublishError> {
        let held = self.snapshot.as_ref();
        let new_policy = held.is_none_or(|held| held.policy().sha256() != release.head().policy.sha256);
        let mut loader = Loader::new(release.verified.clone(), held).map_err(PublishError::refused)?;
        loop {
            let missing = loader.missing(self.snapshot.as_ref());
            if missing.is_empty() {
                break;
            }
            for object in missing {
                let bytes = match release.body(&object.sha256) {
                    Some(bytes) => bytes.to_vec(),
                    None => stored_body(store, self.id, object.sha256).await?,
                };
                loader.supply(HashedBody::compute(bytes)).map_err(PublishError::refused)?;
            }
        }
        loader.install(&mut self.snapshot).map_err(PublishError::refused)?;
        match &self.snapshot {
            Some(snapshot) if new_policy => Rules::compile(snapshot.policy())
                .map(drop)
                .map_err(|error| PublishError::Unverified(error.to_string())),
            _ => Ok(()),
        }
    }

    /// Looks up every secret that changed.
    fn check_effect(&self, changed: Option<&ChangesSince>) -> Result<(), PublishError> {
        let (Some(changed), Some(snapshot)) = (changed, &self.snapshot) else { return Ok(()) };
        check_kills(changed, snapshot)?;
        for row in changed.keys.iter().flat_map(|key| &key.rows).map(|changed| &changed.row) {
            let as_wanted = match snapshot.lookup(&row.tag) {
                Lookup::Revoked(_) => row.revoked,
                Lookup::Row(found) => {
                    !row.revoked && found.key_number() == row.key_id.0 && found.is_disabled() != row.enabled
                }
                Lookup::NotFound | Lookup::Needs(_) => false,
            };
            if !as_wanted {
                let fault = format!("the key {} would not be decided as it should", row.key_id);
                return Err(PublishError::Unverified(fault));
            }
        }
        Ok(())
    }
}

/// The newest segment must say of every kill that it holds.
fn check_kills(changed: &ChangesSince, snapshot: &Snapshot) -> Result<(), PublishError> {
    let newest = snapshot.segments().last();
    if changed.killed && !newest.is_some_and(VerifiedSegment::has_keyspace_kill) {
        return Err(PublishError::Unverified(
            "a kill of the keyspace is not in its newest segment".to_owned(),
        ));
    }
    let killed: BTreeSet<_> =
        newest.into_iter().flat_map(VerifiedSegment::owner_kills).map(|kill| kill.owner).collect();
    if changed.owner_kills.iter().all(|kill| killed.contains(&owner_tag(&kill.owner))) {
        return Ok(());
    }
    Err(PublishError::Unverified("the kill of an owner is not in the newest segment".to_owned()))
}

/// Verifies a whole base as gates will take it in, from the root through every page to every shard; those in `checked` were verified as parts
/// of an earlier base.
pub(super) async fn check_base(
    store: &dyn Store,
    id: KeyspaceId,
    base: &BaseRef,
    checked: &HashSet<[u8; 32]>,
) -> Result<(), PublishError> {
    let mut walk = BaseWalk::begin(store, id, base).await?;
    while let Some(leaf) = walk.next_leaf().await? {
        for hash in leaf.shards.into_iter().filter(|hash| !checked.contains(hash)) {
            walk.shard(hash).await?;
        }
    }
    Ok(())
}
