//! Walking a base from its root, page by page, in the order in which gates take it in.

use std::collections::HashSet;

use latchkey_snapshot::bundle::Reach;
use latchkey_snapshot::{BaseRef, HashedBody};

use super::PublishError;
use crate::domain::KeyspaceId;
use crate::storage::Store;

/// A base of which the root page has been read. Each page is verified before it is followed.
pub(super) struct BaseWalk<'a> {
    store: &'a dyn Store,
    id: KeyspaceId,
    reach: Reach,
    pub(super) root: Vec<u8>,
    leaves: Vec<[u8; 32]>,
}

/// A leaf page and what it names.
pub(super) struct Leaf {
    pub(super) hash: [u8; 32],
    pub(super) page: Vec<u8>,
    pub(super) shards: Vec<[u8; 32]>,
}

impl<'a> BaseWalk<'a> {
    pub(super) async fn begin(
        store: &'a dyn Store,
        id: KeyspaceId,
        base: &BaseRef,
    ) -> Result<Self, PublishError> {
        let reach = Reach::of_base(id.0, base);
        let mut walk = Self { store, id, reach, root: Vec::new(), leaves: Vec::new() };
        (walk.root, walk.leaves) = walk.open_page(base.root.sha256).await?;
        Ok(walk)
    }

    pub(super) async fn next_leaf(&mut self) -> Result<Option<Leaf>, PublishError> {
        let Some(hash) = self.leaves.pop() else { return Ok(None) };
        let (page, shards) = self.open_page(hash).await?;
        Ok(Some(Leaf { hash, page, shards }))
    }

    /// Reads and verifies a shard that a page named.
    pub(super) async fn shard(&mut self, hash: [u8; 32]) -> Result<Vec<u8>, PublishError> {
        let body = HashedBody::compute(stored_body(self.store, self.id, hash).await?);
        self.reach.accept(&body).map_err(PublishError::refused)?;
        Ok(body.into_bytes())
    }

    async fn open_page(&mut self, hash: [u8; 32]) -> Result<(Vec<u8>, Vec<[u8; 32]>), PublishError> {
        let body = HashedBody::compute(stored_body(self.store, self.id, hash).await?);
        let before: HashSet<_> = self.reach.objects().map(|object| object.sha256).collect();
        self.reach.accept(&body).map_err(PublishError::refused)?;
        let named =
            self.reach.objects().map(|object| object.sha256).filter(|hash| !before.contains(hash)).collect();
        Ok((body.into_bytes(), named))
    }
}

/// A body that the store must have.
pub(super) async fn stored_body(
    store: &dyn Store,
    id: KeyspaceId,
    hash: [u8; 32],
) -> Result<Vec<u8>, PublishError> {
    let body = store.body(id, hash).await?;
    body.ok_or_else(|| {
        PublishError::Unverified(format!("the body {} is not in the store", hex::encode(hash)))
    })
}

/// The hashes of all bodies of a base that is in the store.
pub(super) async fn bodies_of_base(
    store: &dyn Store,
    id: KeyspaceId,
    base: &BaseRef,
) -> Result<Vec<[u8; 32]>, PublishError> {
    let mut walk = BaseWalk::begin(store, id, base).await?;
    let mut bodies = vec![base.root.sha256];
    while let Some(leaf) = walk.next_leaf().await? {
        bodies.push(leaf.hash);
        bodies.extend(leaf.shards);
    }
    Ok(bodies)
}
