use std::sync::Arc;

use latchkey_snapshot::{
    BuiltBase, HashedBody, Head, HeadSigner, ObjectRef, Refusal, SegmentRef, Trust, TrustedKey,
    UnverifiedHead, VerifiedHead, VerifiedSegment, encode_head, sha256,
};

use super::content::Content;
use super::{Mark, PublishError};
use crate::domain::{KeyspaceId, Timestamp};
use crate::storage::{Body, HeadOutline};

/// A signed head with the bodies that it names, apart from the base: that is in the store, however large.
#[derive(Clone, Debug)]
pub(super) struct Release {
    /// Read back and verified as a gate would: there is no release without.
    pub(super) verified: VerifiedHead,
    pub(super) policy: Arc<Vec<u8>>,
    pub(super) segments: Vec<Segment>,
    /// Index and shards together.
    pub(super) base_bytes: u64,
    /// Which bodies the base has, if it was built since the start.
    pub(super) built: Option<Arc<BuiltBase>>,
    /// See [`Content::complete_through`].
    pub(super) complete_through: u64,
    /// See [`Content::revoked_through`].
    pub(super) revoked_through: u64,
}

/// A segment and the changes in it: those in (first_seq, last_seq].
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    pub(super) object: ObjectRef,
    pub(super) bytes: Arc<Vec<u8>>,
    /// It shuts out whatever lies under it, and says nothing of single keys.
    pub(super) kill: bool,
    /// It holds everything up to its end, and who was shut out after that.
    pub(super) urgent: bool,
}

impl Segment {
    pub(super) fn new(
        first_seq: u64,
        last_seq: u64,
        bytes: Vec<u8>,
        kill: bool,
    ) -> Result<Self, PublishError> {
        let object = ObjectRef::to(&bytes).map_err(PublishError::Encoding)?;
        Ok(Self { first_seq, last_seq, object, bytes: Arc::new(bytes), kill, urgent: false })
    }

    /// Takes up a segment that a head of ours names.
    pub(super) fn stored(
        first_seq: u64,
        listed: &SegmentRef,
        bytes: Vec<u8>,
        id: KeyspaceId,
    ) -> Result<Self, PublishError> {
        let segment = VerifiedSegment::verify(&listed.object, HashedBody::compute(bytes), id.0);
        let segment = segment.map_err(PublishError::refused)?;
        Self::new(first_seq, listed.last_seq, segment.bytes().to_vec(), segment.has_keyspace_kill())
    }
}

impl Release {
    /// Signs `head`, whose `policy` and `segments` are set here to what is given.
    pub(super) fn sign(
        mut head: Head,
        policy: Arc<Vec<u8>>,
        content: Content,
        signers: &[&HeadSigner],
        now: Timestamp,
    ) -> Result<Self, PublishError> {
        head.policy = ObjectRef::to(&policy).map_err(PublishError::Encoding)?;
        let Content { segments, base_bytes, built, complete_through, revoked_through, .. } = content;
        head.segments = segments
            .iter()
            .map(|segment| SegmentRef { object: segment.object, last_seq: segment.last_seq })
            .collect();
        let bytes = encode_head(&head, signers).map_err(PublishError::Encoding)?;
        // By all of them: a gate may trust only one, and that one must not be the one that fails.
        let public_keys: Vec<_> = signers.iter().map(|signer| signer.public_key()).collect();
        let verified = verify_head(&bytes, &public_keys, now)
            .map_err(|refusal| PublishError::Unverified(refusal.to_string()))?;
        if verified.head() != &head {
            return Err(PublishError::Unverified("the head does not read back as it was written".to_owned()));
        }
        Ok(Self { verified, policy, segments, base_bytes, built, complete_through, revoked_through })
    }

    pub(super) fn head(&self) -> &Head {
        self.verified.head()
    }

    /// What a gate that has it knows.
    pub(super) fn mark(&self) -> Mark {
        let (change_seq, revoked_through) = (self.complete_through, self.revoked_through);
        Mark { seq: self.head().seq, change_seq, revoked_through }
    }

    /// Policy and segments by their hashes.
    pub(super) fn bodies(&self) -> impl Iterator<Item = ([u8; 32], &Arc<Vec<u8>>)> {
        let segments = self.segments.iter().map(|segment| (segment.object.sha256, &segment.bytes));
        std::iter::once((self.head().policy.sha256, &self.policy)).chain(segments)
    }

    pub(super) fn body(&self, hash: &[u8; 32]) -> Option<&Arc<Vec<u8>>> {
        self.bodies().find(|(own, _)| own == hash).map(|(_, bytes)| bytes)
    }

    /// Those of its bodies that `before` does not have.
    pub(super) fn bodies_not_in(
        &self,
        before: Option<&Self>,
    ) -> impl Iterator<Item = ([u8; 32], &Arc<Vec<u8>>)> {
        self.bodies().filter(move |(hash, _)| before.is_none_or(|before| before.body(hash).is_none()))
    }

    pub(super) fn bodies_to_keep(&self, before: Option<&Self>) -> Vec<Body> {
        self.bodies_not_in(before).map(|(hash, bytes)| Body { hash, bytes: bytes.to_vec() }).collect()
    }

    /// What the keyspace's history keeps of it.
    pub(super) fn outline(&self, consented: bool) -> HeadOutline {
        let hashes: Vec<u8> = self.segments.iter().flat_map(|segment| segment.object.sha256).collect();
        let bodies: usize = self.bodies().map(|(_, bytes)| bytes.len()).sum();
        let signers = UnverifiedHead::parse(self.verified.bytes());
        HeadOutline {
            base: self.head().base.root.sha256,
            segments: sha256(&hashes),
            segment_count: u32::try_from(self.segments.len()).unwrap_or(u32::MAX),
            row_count: self.head().key_count,
            bytes: self.base_bytes + (bodies + self.verified.bytes().len()) as u64,
            // It was read back when it was signed.
            signers: signers
                .map(|head| head.unverified_signers().map(hex::encode).collect())
                .unwrap_or_default(),
            consented,
        }
    }
}

/// Verifies a head of our own as a gate would that trusts these keys.
pub(super) fn verify_head<'a>(
    bytes: &[u8],
    public_keys: impl IntoIterator<Item = &'a [u8; 32]>,
    now: Timestamp,
) -> Result<VerifiedHead, Refusal> {
    let head = UnverifiedHead::parse(bytes)?;
    let keys = public_keys.into_iter().map(TrustedKey::new).collect::<Result<_, _>>()?;
    let trust = Trust::new(head.unverified_audience(), keys);
    head.verify(&trust, now.as_seconds())
}
