//! The bundle with which a gate that has nothing could begin, for people to keep or look into: what pushes bring in parts.

use latchkey_snapshot::bundle::{self, Intent};
use latchkey_snapshot::{Refusal, VerifiedHead, limits};

use super::PublishError;
use super::walk::{BaseWalk, stored_body};
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::storage::{Store, StoreError};

/// How often an export begins again because a newer head took the bodies of the one before away.
const ATTEMPTS: u32 = 3;

/// What there is of a snapshot to take along.
pub enum Export {
    /// A bundle that brings everything.
    Bundle(Vec<u8>),
    /// Nothing was published yet.
    Nothing,
    /// It does not fit into one bundle.
    TooLarge,
}

/// Puts what was last published of a keyspace into one bundle.
///
/// # Errors
/// The store failed, or what it has of the snapshot cannot be used.
pub async fn export(app: &App, id: KeyspaceId) -> Result<Export, StoreError> {
    let mut attempt = 1;
    loop {
        let store = app.store.as_ref();
        let head = app
            .replicas
            .ask(store, id, app.now(), |gate| Ok(gate.loaded.map(|loaded| loaded.snapshot.head().clone())));
        let Some(head) = head.await? else { return Ok(Export::Nothing) };
        match bundle_of(store, id, &head).await {
            Ok(export) => return Ok(export),
            Err(PublishError::Store(error)) => return Err(error),
            Err(_) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => {
                return Err(StoreError::Backend {
                    message: "what was published of the keyspace cannot be exported".to_owned(),
                    source: Some(Box::new(error)),
                });
            }
        }
    }
}

async fn bundle_of(store: &dyn Store, id: KeyspaceId, head: &VerifiedHead) -> Result<Export, PublishError> {
    let mut walk = BaseWalk::begin(store, id, &head.head().base).await?;
    let mut bodies = vec![walk.root.clone()];
    let mut bytes = walk.root.len();
    while let Some(leaf) = walk.next_leaf().await? {
        bytes += leaf.page.len();
        bodies.push(leaf.page);
        for hash in leaf.shards {
            let shard = walk.shard(hash).await?;
            bytes += shard.len();
            // Looked at before the rest of a base of gigabytes is read.
            if bytes > limits::BUNDLE_BYTES {
                return Ok(Export::TooLarge);
            }
            bodies.push(shard);
        }
    }
    let fields = head.head();
    bodies.push(stored_body(store, id, fields.policy.sha256).await?);
    for segment in &fields.segments {
        bodies.push(stored_body(store, id, segment.object.sha256).await?);
    }
    match bundle::encode(Intent::Commit, head.bytes(), bodies.iter().map(Vec::as_slice)) {
        Ok(bundle) => Ok(Export::Bundle(bundle)),
        Err(Refusal::TooLong) => Ok(Export::TooLarge),
        Err(refusal) => Err(PublishError::Encoding(refusal)),
    }
}
