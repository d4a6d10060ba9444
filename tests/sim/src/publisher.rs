//! The control plane's side: keys, their changes, and the snapshots made of them.

use std::collections::BTreeMap;

use latchkey_snapshot::bundle::{Intent, encode};
use latchkey_snapshot::{
    Audience, BaseBuilder, BaseRef, Changes, DefaultAccess, Environment, Head, HeadSigner, NewRow, ObjectRef,
    OnExpired, Policy, Reason, Revoke, SegmentRef, TagScheme, Trust, TrustedKey, encode_head, sha256,
};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::Variant;

const KEYSPACE: u64 = 7;
/// 32 shards: more than an isolate loads at once.
const SHARD_BITS: u8 = 5;
/// Changes in the segments before a new base is made.
const REBASE_AFTER: usize = 60;
const FRESH_SECONDS: u64 = 90;
const VALID_SECONDS: u64 = 86_400;

/// Whose signature nobody should believe.
pub(crate) const ATTACKER: &str = "somebody else";
const AUDIENCE: Audience = Audience { keyspace: KEYSPACE, environment: Environment::Any };

/// A key; its number is its place in the list.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Key {
    pub(crate) revoked_at: Option<u64>,
    /// The change that revoked it.
    revoked_in: u64,
}

pub(crate) struct Publisher {
    pub(crate) keys: Vec<Key>,
    signer: HeadSigner,
    seq: u64,
    change_seq: u64,
    base: BaseRef,
    base_bodies: Vec<Vec<u8>>,
    base_rows: u64,
    /// Since the base, by key: the change that was the last.
    changed: BTreeMap<usize, u64>,
    policy: Vec<u8>,
    previous: [u8; 32],
    loses_revocations: bool,
}

/// A head with everything that it names.
pub(crate) struct Publication {
    pub(crate) head: Vec<u8>,
    pub(crate) change_seq: u64,
    pub(crate) bundle: Vec<u8>,
}

pub(crate) fn digest_of(key: usize) -> [u8; 32] {
    sha256(&(key as u64).to_be_bytes())
}

pub(crate) fn signer(name: &str) -> HeadSigner {
    HeadSigner::from_seed(&sha256(name.as_bytes()))
}

pub(crate) fn trust(variant: Variant) -> Trust {
    let names = if variant == Variant::TrustsAnybody { &["publisher", ATTACKER][..] } else { &["publisher"] };
    let key = |name: &&str| TrustedKey::new(&signer(name).public_key()).expect("a strong key");
    Trust::new(AUDIENCE, names.iter().map(key).collect())
}

impl Publisher {
    pub(crate) fn new(keys: usize, variant: Variant) -> Self {
        let goes_on = variant == Variant::DecidesFromExpired;
        let on_expired = if goes_on { OnExpired::DecideFromExpired } else { OnExpired::Deny };
        let policy = Policy { default: DefaultAccess::AllowAnyKey, on_expired, ..Policy::default() };
        let nothing = BaseRef { change_seq: 0, shard_bits: 0, root: object(b"no base yet") };
        let mut publisher = Self {
            keys: vec![Key::default(); keys],
            signer: signer("publisher"),
            seq: 0,
            change_seq: 1,
            base: nothing,
            base_bodies: Vec::new(),
            base_rows: 0,
            changed: BTreeMap::new(),
            policy: policy.encode(KEYSPACE).expect("a small policy"),
            previous: [0; 32],
            loses_revocations: variant == Variant::LosesRevocations,
        };
        publisher.rebase();
        publisher
    }

    pub(crate) fn create(&mut self) {
        self.change_seq += 1;
        self.changed.insert(self.keys.len(), self.change_seq);
        self.keys.push(Key::default());
    }

    /// Revokes one of the keys from `spared` on. Returns whether there was one left.
    pub(crate) fn revoke(&mut self, spared: usize, now: u64, rng: &mut StdRng) -> bool {
        let live: Vec<usize> =
            (spared..self.keys.len()).filter(|key| self.keys[*key].revoked_at.is_none()).collect();
        let Some(key) = (!live.is_empty()).then(|| live[rng.random_range(0..live.len())]) else {
            return false;
        };
        self.change_seq += 1;
        self.keys[key] = Key { revoked_at: Some(now), revoked_in: self.change_seq };
        self.changed.insert(key, self.change_seq);
        true
    }

    /// Keys whose revocation is in every snapshot with this change.
    pub(crate) fn revoked_up_to(&self, change_seq: u64) -> Vec<usize> {
        let is_in = |key: &Key| key.revoked_at.is_some() && key.revoked_in <= change_seq;
        (0..self.keys.len()).filter(|key| is_in(&self.keys[*key])).collect()
    }

    /// Signs what there is. Bodies of the base are in the bundle only when the base is new.
    pub(crate) fn publish(&mut self, now_seconds: u64) -> Publication {
        let is_new_base = self.changed.len() > REBASE_AFTER;
        if is_new_base {
            self.rebase();
        }
        self.seq += 1;
        let segment = self.segment();
        let listed = SegmentRef { object: object(&segment), last_seq: self.change_seq };
        let head = Head {
            audience: AUDIENCE,
            tag_scheme: TagScheme::Sha256,
            epoch: 1,
            seq: self.seq,
            change_seq: self.change_seq,
            issued_at: now_seconds,
            fresh_until: now_seconds + FRESH_SECONDS,
            valid_until: now_seconds + VALID_SECONDS,
            key_count: self.base_rows,
            previous: self.previous,
            policy: object(&self.policy),
            base: self.base,
            segments: if self.changed.is_empty() { Vec::new() } else { vec![listed] },
        };
        let head = encode_head(&head, &[&self.signer]).expect("a valid head");
        self.previous = sha256(&head);
        let mut bodies = vec![self.policy.as_slice()];
        if !self.changed.is_empty() {
            bodies.push(&segment);
        }
        // A push that was lost may have held the base, so each one has it: here bytes cost nothing.
        bodies.extend(self.base_bodies.iter().map(Vec::as_slice));
        let bundle = encode(Intent::Commit, &head, bodies.into_iter()).expect("a small bundle");
        Publication { head, change_seq: self.change_seq, bundle }
    }

    fn rebase(&mut self) {
        let mut rows: Vec<NewRow> = (0..self.keys.len()).map(|key| self.row(key)).collect();
        rows.sort_unstable_by_key(|row| row.tag);
        let mut bodies = Vec::new();
        let mut builder =
            BaseBuilder::new(KEYSPACE, SHARD_BITS, |_, body| bodies.push(body)).expect("few shards");
        for row in &rows {
            builder.push(row).expect("sorted rows");
        }
        let built = builder.finish().expect("a small base");
        // Root first: a receiver takes what it was led to.
        bodies.reverse();
        self.base = BaseRef { change_seq: self.change_seq, shard_bits: built.shard_bits, root: built.root };
        (self.base_bodies, self.base_rows) = (bodies, built.rows);
        self.changed.clear();
    }

    fn segment(&self) -> Vec<u8> {
        let mut changes = Changes::default();
        for (key, seq) in &self.changed {
            let row = self.row(*key);
            if self.loses_revocations && row.revoked && seq.is_multiple_of(10) {
                continue;
            }
            if row.revoked {
                let prefix = *row.tag.first_chunk().expect("16 bytes");
                changes.revokes.push(Revoke { prefix, seq: *seq, reason: Reason::Admin });
            } else {
                changes.upserts.push(row);
            }
        }
        changes.encode(KEYSPACE, self.base.change_seq, self.change_seq).expect("a small segment")
    }

    fn row(&self, key: usize) -> NewRow {
        let mut tag = [0; 16];
        tag.copy_from_slice(&digest_of(key)[..16]);
        NewRow {
            tag,
            key_number: key as u64,
            expires_at: None,
            live: false,
            disabled: false,
            revoked: self.keys[key].revoked_at.is_some(),
            profile: Default::default(),
        }
    }
}

fn object(bytes: &[u8]) -> ObjectRef {
    ObjectRef::to(bytes).expect("a small body")
}
