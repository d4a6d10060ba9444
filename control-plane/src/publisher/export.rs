//! What was published, for people to keep or look into: the bundle with which a gate that has nothing could begin, or, where that is too
//! large for one, in parts.

use latchkey_snapshot::bundle::{self, Intent};
use latchkey_snapshot::{Refusal, VerifiedHead, limits};

use super::PublishError;
use super::walk::{BaseWalk, stored_body};
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::storage::{Store, StoreError};

/// How often an export begins again because a newer head took the bodies of the one before away.
const ATTEMPTS: u32 = 3;
/// Shards of one part: as many small ones as still leave the rest of a part to larger ones.
const SHARDS_OF_A_PART: usize = 4_096;

/// How much of a snapshot is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portion {
    /// All, in one bundle.
    Whole,
    /// All if it fits, else the part that the others belong to: everything but shards.
    First,
    /// The shards whose hashes are above this one, in the order of their hashes, as many as fit.
    Above([u8; 32]),
}

/// What there is of a snapshot to take along.
pub enum Export {
    /// A bundle.
    Bundle {
        /// Its bytes.
        bytes: Vec<u8>,
        /// The shards above this one have to follow. Absent: none has to.
        next: Option<[u8; 32]>,
    },
    /// Nothing was published yet.
    Nothing,
    /// It does not fit into one bundle.
    TooLarge,
}

/// Puts what was last published of a keyspace, or a part of it, into one bundle. A newer base may be published between two parts: then some
/// shards belong to another snapshot, and whoever puts the parts together finds that others are missing.
///
/// # Errors
/// The store failed, or what it has of the snapshot cannot be used.
pub async fn export(app: &App, id: KeyspaceId, portion: Portion) -> Result<Export, StoreError> {
    let mut attempt = 1;
    loop {
        let store = app.store.as_ref();
        let head = app
            .replicas
            .ask(store, id, app.now(), |gate| Ok(gate.loaded.map(|loaded| loaded.snapshot.head().clone())));
        let Some(head) = head.await? else { return Ok(Export::Nothing) };
        let export = match portion {
            Portion::Whole => whole(store, id, &head).await,
            Portion::First => first(store, id, &head).await,
            Portion::Above(after) => shards_above(store, id, &head, after).await,
        };
        match export {
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

async fn whole(store: &dyn Store, id: KeyspaceId, head: &VerifiedHead) -> Result<Export, PublishError> {
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
    bodies.extend(beside_the_base(store, id, head).await?);
    encode(Intent::Commit, head, &bodies, None)
}

async fn first(store: &dyn Store, id: KeyspaceId, head: &VerifiedHead) -> Result<Export, PublishError> {
    let export = whole(store, id, head).await?;
    if !matches!(export, Export::TooLarge) {
        return Ok(export);
    }
    let mut walk = BaseWalk::begin(store, id, &head.head().base).await?;
    let mut bodies = vec![walk.root.clone()];
    while let Some(leaf) = walk.next_leaf().await? {
        bodies.push(leaf.page);
    }
    bodies.extend(beside_the_base(store, id, head).await?);
    encode(Intent::Commit, head, &bodies, Some([0; 32]))
}

async fn shards_above(
    store: &dyn Store,
    id: KeyspaceId,
    head: &VerifiedHead,
    after: [u8; 32],
) -> Result<Export, PublishError> {
    let mut walk = BaseWalk::begin(store, id, &head.head().base).await?;
    let mut shards = Vec::new();
    while let Some(leaf) = walk.next_leaf().await? {
        shards.extend(leaf.shards.into_iter().filter(|hash| *hash > after));
    }
    shards.sort_unstable();
    let mut bodies = Vec::new();
    let mut room = limits::BUNDLE_BYTES.saturating_sub(bundle_frame(head));
    let mut last = after;
    for hash in &shards {
        let shard = walk.shard(*hash).await?;
        // Each stands behind its length.
        let needed = shard.len() + size_of::<u32>();
        if needed > room || bodies.len() == SHARDS_OF_A_PART {
            return encode(Intent::StoreBodies, head, &bodies, Some(last));
        }
        room -= needed;
        last = *hash;
        bodies.push(shard);
    }
    encode(Intent::StoreBodies, head, &bodies, None)
}

/// Policy and segments.
async fn beside_the_base(
    store: &dyn Store,
    id: KeyspaceId,
    head: &VerifiedHead,
) -> Result<Vec<Vec<u8>>, PublishError> {
    let fields = head.head();
    let mut bodies = vec![stored_body(store, id, fields.policy.sha256).await?];
    for segment in &fields.segments {
        bodies.push(stored_body(store, id, segment.object.sha256).await?);
    }
    Ok(bodies)
}

/// Bytes of a bundle without bodies.
fn bundle_frame(head: &VerifiedHead) -> usize {
    bundle::encode(Intent::StoreBodies, head.bytes(), std::iter::empty()).map_or(0, |empty| empty.len())
}

fn encode(
    intent: Intent,
    head: &VerifiedHead,
    bodies: &[Vec<u8>],
    next: Option<[u8; 32]>,
) -> Result<Export, PublishError> {
    match bundle::encode(intent, head.bytes(), bodies.iter().map(Vec::as_slice)) {
        Ok(bytes) => Ok(Export::Bundle { bytes, next }),
        Err(Refusal::TooLong) => Ok(Export::TooLarge),
        Err(refusal) => Err(PublishError::Encoding(refusal)),
    }
}
