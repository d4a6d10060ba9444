//! What is sent to a gate: of a release what it lacks, a base in parts.

use std::collections::HashSet;
use std::sync::Arc;

use latchkey_snapshot::bundle::{self, Intent};
use latchkey_snapshot::limits;

use super::super::gate_client::Answer;
use super::super::lanes::overtaking;
use super::super::release::Release;
use super::super::walk::BaseWalk;
use super::super::{PublishError, PushError};
use super::{Held, Pushed, Pusher};

/// A base of at most this many bytes is sent to a gate of which nothing is known; of a larger one we first ask whether the gate
/// still has it, by sending all the rest.
const SMALL_BASE_BYTES: u64 = 1 << 20;
/// Bytes of bodies in one bundle, with room for the head and the lengths.
const BUNDLE_BODIES: usize = limits::BUNDLE_BYTES - 64 * 1_024;

/// How far the upload of a base has come.
#[derive(Default)]
pub(super) struct Upload {
    root: [u8; 32],
    /// Shards that the gate has stored.
    pub(super) stored: HashSet<[u8; 32]>,
    /// A part arrived since a revocation last overtook, or none ever did. Without this revocations that never end would keep a gate from its
    /// base.
    pub(super) yields: bool,
}

impl Pusher {
    /// Brings the gate the release, or as much of its base as can be sent before a revocation overtakes.
    pub(super) async fn push(&mut self, release: &Release) -> Result<Pushed, PushError> {
        let head = release.head();
        let held = match &self.held {
            Held::Release(held) => Some(Arc::clone(held)),
            Held::Unknown | Held::Nothing => None,
        };
        let send_base = match &self.held {
            Held::Unknown => release.base_bytes <= SMALL_BASE_BYTES,
            Held::Nothing => true,
            Held::Release(held) => held.head().base.root != head.base.root,
        };
        if !send_base {
            let bodies: Vec<&[u8]> = own_bodies(release, held.as_deref());
            return self.send(Intent::Commit, release, &bodies).await.map(Pushed::Confirmed);
        }
        if self.upload.root != head.base.root.sha256 {
            self.upload = Upload { root: head.base.root.sha256, yields: true, ..Upload::default() };
        }
        let base = match self.push_base(release, &base_of(held.as_deref())).await? {
            Uploaded::AllBut(part) => part,
            Uploaded::Overtaken(lane) => return Ok(Pushed::Overtaken(lane)),
        };
        let base = base.iter().map(Vec::as_slice);
        let bodies: Vec<&[u8]> = base.chain(own_bodies(release, held.as_deref())).collect();
        tokio::select! {
            answer = self.send(Intent::Commit, release, &bodies) => answer.map(Pushed::Confirmed),
            lane = self.revocation(), if self.upload.yields => Ok(Pushed::Overtaken(lane)),
        }
    }

    /// Sends all of a base that is not in `held`, but its last part, which goes out with the head.
    async fn push_base(
        &mut self,
        release: &Release,
        held: &HashSet<[u8; 32]>,
    ) -> Result<Uploaded, PushError> {
        let own_part = release.bodies().map(|(_, bytes)| bytes.len()).sum::<usize>();
        let store = Arc::clone(&self.context.app.store);
        let base = &release.head().base;
        let mut walk = BaseWalk::begin(store.as_ref(), self.id, base).await?;
        let root = walk.root.clone();
        let mut part = vec![root.clone()];
        let mut bytes = root.len();
        let mut shards = Vec::new();
        while let Some(leaf) = walk.next_leaf().await? {
            if held.contains(&leaf.hash) {
                continue;
            }
            bytes += leaf.page.len();
            part.push(leaf.page.clone());
            for hash in leaf.shards {
                if held.contains(&hash) || self.upload.stored.contains(&hash) {
                    continue;
                }
                let shard = walk.shard(hash).await?;
                if bytes + shard.len() + own_part > BUNDLE_BODIES {
                    if let Some(lane) = self.send_part(release, &part, &mut shards).await? {
                        return Ok(Uploaded::Overtaken(lane));
                    }
                    // A gate takes a shard only behind the pages that lead to it.
                    part = vec![root.clone(), leaf.page.clone()];
                    bytes = root.len() + leaf.page.len();
                }
                bytes += shard.len();
                shards.push(hash);
                part.push(shard);
            }
        }
        Ok(Uploaded::AllBut(part))
    }

    /// Sends a part with these shards, unless a revocation overtakes it.
    async fn send_part(
        &mut self,
        release: &Release,
        part: &[Vec<u8>],
        shards: &mut Vec<[u8; 32]>,
    ) -> Result<Option<Arc<Release>>, PushError> {
        let bodies: Vec<&[u8]> = part.iter().map(Vec::as_slice).collect();
        tokio::select! {
            answer = self.send(Intent::StoreBodies, release, &bodies) => drop(answer?),
            lane = self.revocation(), if self.upload.yields => return Ok(Some(lane)),
        }
        self.upload.stored.extend(shards.drain(..));
        self.upload.yields = true;
        Ok(None)
    }

    /// Ready once somebody was shut out of whom the gate has not heard, and a head over the base that it has says so.
    async fn revocation(&self) -> Arc<Release> {
        let Held::Release(held) = &self.held else { return std::future::pending().await };
        overtaking(self.offers.clone(), &held.head().base.root.sha256, held.revoked_through).await
    }

    async fn send(&self, intent: Intent, release: &Release, bodies: &[&[u8]]) -> Result<Answer, PushError> {
        let bundle = bundle::encode(intent, release.verified.bytes(), bodies.iter().copied())
            .map_err(PublishError::Encoding)?;
        self.context.client.ingest(&self.gate, bundle).await
    }
}

enum Uploaded {
    /// What is left of the base.
    AllBut(Vec<Vec<u8>>),
    Overtaken(Arc<Release>),
}

/// The bodies of the base that a gate has; of one that was built before the start none is known.
fn base_of(held: Option<&Release>) -> HashSet<[u8; 32]> {
    let built = held.and_then(|held| held.built.as_ref());
    built.into_iter().flat_map(|built| built.bodies()).map(|object| object.sha256).collect()
}

fn own_bodies<'a>(release: &'a Release, held: Option<&Release>) -> Vec<&'a [u8]> {
    release.bodies_not_in(held).map(|(_, bytes)| bytes.as_slice()).collect()
}
