//! What was last published, held as a gate holds it, so that an admin can ask what gates would decide. It takes in what the
//! publisher stored, with the edge's code, and of a large base only the shards that questions need.

use std::sync::{Arc, Mutex, PoisonError};

use latchkey_snapshot::{HashedBody, Loader, ObjectRef, Refusal, Snapshot};
use latchkey_validator::{GateView, Loaded, Rules};

use super::PublishError;
use super::release::verify_head;
use super::walk::stored_body;
use crate::domain::{KeyspaceId, Timestamp};
use crate::storage::{Publication, Store, StoreError};

/// Keyspaces whose snapshots are held. A snapshot takes at most what follows, 1 MiB of segments and policy, and, of a base that is
/// small enough to be loaded whole, that.
const MAX_HELD: usize = 16;
/// Bytes of shards that one of them may hold between questions.
const SHARD_BUDGET: usize = 4 << 20;
/// How often a question begins again because a newer head took the bodies of the one before away.
const ATTEMPTS: u32 = 4;

/// The replicas of the keyspaces that were asked about of late.
#[derive(Debug, Default)]
pub struct Replicas {
    /// The one that was asked last stands last.
    held: Mutex<Vec<(KeyspaceId, Arc<tokio::sync::Mutex<Replica>>)>>,
}

impl Replicas {
    /// Asks a gate that has the last head of a keyspace. `question` says which body it needs, if one is not loaded, and is then
    /// asked again; before the first head the view has nothing loaded.
    ///
    /// # Errors
    /// The store failed, or what it has of the snapshot cannot be used.
    pub async fn ask<T>(
        &self,
        store: &dyn Store,
        keyspace: KeyspaceId,
        now: Timestamp,
        question: impl Fn(&GateView<'_>) -> Result<T, ObjectRef> + Send + Sync,
    ) -> Result<T, StoreError> {
        let replica = self.of(keyspace);
        let mut replica = replica.lock().await;
        let mut attempt = 1;
        loop {
            match replica.ask(store, keyspace, now, &question).await {
                Ok(answer) => return Ok(answer),
                Err(PublishError::Store(error)) => return Err(error),
                Err(_) if attempt < ATTEMPTS => *replica = Replica::default(),
                Err(error) => {
                    return Err(StoreError::Backend {
                        message: "what was published of the keyspace cannot be used".to_owned(),
                        source: Some(Box::new(error)),
                    });
                }
            }
            attempt += 1;
        }
    }

    fn of(&self, keyspace: KeyspaceId) -> Arc<tokio::sync::Mutex<Replica>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let known = held.iter().position(|(id, _)| *id == keyspace);
        let entry = known.map_or_else(|| (keyspace, Arc::default()), |at| held.remove(at));
        if held.len() >= MAX_HELD {
            held.remove(0);
        }
        held.push(entry.clone());
        entry.1
    }
}

#[derive(Debug, Default)]
struct Replica {
    loaded: Option<(Snapshot, Rules)>,
}

impl Replica {
    async fn ask<T>(
        &mut self,
        store: &dyn Store,
        keyspace: KeyspaceId,
        now: Timestamp,
        question: &(impl Fn(&GateView<'_>) -> Result<T, ObjectRef> + Send + Sync),
    ) -> Result<T, PublishError> {
        match store.publication(keyspace).await? {
            Some(publication) => self.catch_up(store, &publication, now).await?,
            None => self.loaded = None,
        }
        loop {
            let loaded = self.loaded.as_ref().map(|(snapshot, rules)| Loaded { snapshot, rules });
            let object = match question(&GateView { peppers: &[], loaded }) {
                Ok(answer) => {
                    if let Some((snapshot, _)) = &mut self.loaded {
                        snapshot.evict_to(SHARD_BUDGET);
                    }
                    return Ok(answer);
                }
                Err(object) => object,
            };
            let Some((snapshot, _)) = &mut self.loaded else {
                return Err(PublishError::refused(Refusal::BodyUnexpected));
            };
            let body = HashedBody::compute(stored_body(store, keyspace, object.sha256).await?);
            snapshot.supply(body).map_err(PublishError::refused)?;
        }
    }

    async fn catch_up(
        &mut self,
        store: &dyn Store,
        publication: &Publication,
        now: Timestamp,
    ) -> Result<(), PublishError> {
        let held = self.loaded.as_ref().map(|(snapshot, _)| snapshot.head().bytes());
        if held == Some(&publication.head[..]) {
            return Ok(());
        }
        let id = publication.keyspace_id;
        let (_, _, signing) = store
            .publishing_state(id)
            .await?
            .ok_or_else(|| PublishError::Unverified("the keyspace of the snapshot is gone".to_owned()))?;
        let head = verify_head(&publication.head, signing.public_keys(), now);
        let (mut snapshot, mut rules) = self.loaded.take().unzip();
        let mut loader = Loader::new(head.map_err(PublishError::refused)?, snapshot.as_ref())
            .map_err(PublishError::refused)?;
        loop {
            let missing = loader.missing(snapshot.as_ref());
            if missing.is_empty() {
                break;
            }
            for object in missing {
                let body = HashedBody::compute(stored_body(store, id, object.sha256).await?);
                loader.supply(body).map_err(PublishError::refused)?;
            }
        }
        let old_policy = snapshot.as_ref().map(|snapshot| snapshot.policy().sha256());
        loader.install(&mut snapshot).map_err(PublishError::refused)?;
        let Some(snapshot) = snapshot else { return Err(PublishError::refused(Refusal::BodyMissing)) };
        if old_policy != Some(snapshot.policy().sha256()) {
            rules = None;
        }
        let rules = match rules {
            Some(rules) => rules,
            None => Rules::compile(snapshot.policy())
                .map_err(|error| PublishError::Unverified(error.to_string()))?,
        };
        self.loaded = Some((snapshot, rules));
        Ok(())
    }
}
