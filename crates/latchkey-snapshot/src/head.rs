//! The head: the one mutable, signed object. `spec/snapshot.md` section 3.

use alloc::vec::Vec;

use ed25519_dalek::Signature;
use latchkey_token::TagScheme;

use crate::body::{ObjectRef, sha256};
use crate::reader::Reader;
use crate::trust::{Audience, Environment, Trust};
use crate::{Refusal, limits, tlv};

pub(crate) const MAGIC: [u8; 4] = *b"LKHD";
pub(crate) const VERSION: u8 = 1;
/// Keeps a signature over a head from being valid over anything else that the same key may ever sign.
pub(crate) const DOMAIN: &[u8] = b"latchkey head v1\0";

/// A key id and a signature by that key.
type NamedSignature = ([u8; 8], [u8; 64]);

/// A segment as a head lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentRef {
    pub object: ObjectRef,
    /// Last change-log sequence that the segment contains.
    pub last_seq: u64,
}

/// The base as a head names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseRef {
    /// Last change-log sequence that the base contains.
    pub change_seq: u64,
    /// The base has `2^shard_bits` shards, 0..=20.
    pub shard_bits: u8,
    pub root: ObjectRef,
}

/// The fields of a head. Times are seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub audience: Audience,
    pub tag_scheme: TagScheme,
    pub epoch: u32,
    pub seq: u64,
    pub change_seq: u64,
    pub issued_at: u64,
    pub fresh_until: u64,
    pub valid_until: u64,
    pub key_count: u64,
    pub previous: [u8; 32],
    pub policy: ObjectRef,
    pub base: BaseRef,
    pub segments: Vec<SegmentRef>,
}

impl Head {
    pub fn high_water(&self) -> HighWater {
        HighWater { epoch: self.epoch, seq: self.seq }
    }

    fn check_times(&self, now: u64) -> Result<(), Refusal> {
        let ordered = self.issued_at <= self.fresh_until && self.fresh_until <= self.valid_until;
        if !ordered || self.valid_until - self.issued_at > limits::VALIDITY_SECONDS {
            return Err(Refusal::TimesInvalid);
        }
        if self.issued_at > now.saturating_add(limits::CLOCK_SKEW_SECONDS) {
            return Err(Refusal::IssuedInFuture);
        }
        Ok(())
    }

    fn check_segments(&self) -> Result<(), Refusal> {
        let mut last = self.base.change_seq;
        let mut bytes = 0usize;
        for segment in &self.segments {
            if segment.last_seq <= last {
                return Err(Refusal::NotCanonical);
            }
            last = segment.last_seq;
            bytes = bytes.saturating_add(segment.object.length as usize);
        }
        if last > self.change_seq {
            return Err(Refusal::NotCanonical);
        }
        if bytes > limits::SEGMENT_BYTES || self.policy.length as usize > limits::POLICY_BYTES {
            return Err(Refusal::LimitExceeded);
        }
        Ok(())
    }
}

/// How far a holder has come. Only heads with a greater one are newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HighWater {
    pub epoch: u32,
    pub seq: u64,
}

/// The last epoch that a publisher begins by itself. A head of a later one was made by somebody who had stolen a signing key, to be outranked
/// by nothing, so it binds its holder only while a key that signed it is trusted.
pub const LAST_BINDING_EPOCH: u32 = u32::MAX / 2;

/// A head that parses, of which nothing else is known yet.
#[derive(Clone, Debug)]
pub struct UnverifiedHead<'a> {
    bytes: &'a [u8],
    signed: &'a [u8],
    head: Head,
    extensions: &'a [u8],
    signatures: Vec<NamedSignature>,
}

impl<'a> UnverifiedHead<'a> {
    /// Steps 1 and 2 of `spec/snapshot.md` section 3.1.
    ///
    /// # Errors
    /// Any [`Refusal`] about form: length, magic, version, truncation, canonical encoding, limits.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if bytes.len() > limits::HEAD_BYTES {
            return Err(Refusal::TooLong);
        }
        let mut reader = Reader::new(bytes);
        reader.header(MAGIC, VERSION)?;
        let head = read_fields(&mut reader)?;
        let extensions_length = reader.u16()?;
        let extensions = reader.take(extensions_length.into())?;
        let signers = read_signers(&mut reader)?;
        let signed = &bytes[..bytes.len() - reader.remaining()];
        let signatures =
            signers.into_iter().map(|id| Ok((id, reader.array()?))).collect::<Result<Vec<_>, Refusal>>()?;
        reader.finish()?;
        head.check_segments()?;
        Ok(Self { bytes, signed, head, extensions, signatures })
    }

    /// The fields that the head claims; unverified. For whoever keeps heads that it has verified before.
    pub fn unverified_fields(&self) -> &Head {
        &self.head
    }

    /// The audience that the head claims; unverified.
    pub fn unverified_audience(&self) -> Audience {
        self.head.audience
    }

    /// How far whoever holds this head has come, having verified it when it came. `None`: it binds nobody any more, since its epoch is beyond
    /// [`LAST_BINDING_EPOCH`] and no key that signed it is trusted now.
    pub fn high_water_under(&self, trust: &Trust) -> Option<HighWater> {
        // Any fault of its signatures counts: a thief could add one that names a key of later, and does not verify.
        let is_void = self.head.epoch > LAST_BINDING_EPOCH && self.check_signatures(trust).is_err();
        (!is_void).then(|| self.head.high_water())
    }

    /// The ids of the keys that the head claims to be signed by; unverified.
    pub fn unverified_signers(&self) -> impl Iterator<Item = [u8; 8]> + '_ {
        self.signatures.iter().map(|(id, _)| *id)
    }

    /// Steps 3 to 7 of `spec/snapshot.md` section 3.1. `now` in seconds since the epoch.
    ///
    /// # Errors
    /// The [`Refusal`] of the first step that fails.
    pub fn verify(self, trust: &Trust, now: u64) -> Result<VerifiedHead, Refusal> {
        // Step 3
        if self.head.audience != trust.audience() {
            return Err(Refusal::AudienceMismatch);
        }
        self.check_signatures(trust)?;
        // Step 6
        self.head.check_times(now)?;
        // Step 7
        tlv::refuse_critical(self.extensions)?;
        Ok(VerifiedHead { hash: sha256(self.bytes), bytes: self.bytes.to_vec(), head: self.head })
    }

    fn check_signatures(&self, trust: &Trust) -> Result<(), Refusal> {
        let mut message = Vec::with_capacity(DOMAIN.len() + self.signed.len());
        message.extend_from_slice(DOMAIN);
        message.extend_from_slice(self.signed);
        let mut trusted = 0;
        for (id, signature) in &self.signatures {
            // Step 4: a signature by a stranger proves nothing and harms nothing.
            let Some(key) = trust.key(id, self.head.issued_at) else { continue };
            // Step 5
            let signature = Signature::from_bytes(signature);
            key.key.verify_strict(&message, &signature).map_err(|_| Refusal::SignatureInvalid)?;
            trusted += 1;
        }
        if trusted == 0 { Err(Refusal::KeyNotTrusted) } else { Ok(()) }
    }
}

/// A head whose signature, audience and times hold. [`UnverifiedHead::verify`] is the only way to one.
#[derive(Clone, Debug)]
pub struct VerifiedHead {
    head: Head,
    bytes: Vec<u8>,
    hash: [u8; 32],
}

impl VerifiedHead {
    pub fn head(&self) -> &Head {
        &self.head
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the whole head.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Refuses a head that is not strictly newer than what its holder has had before.
    ///
    /// # Errors
    /// [`Refusal::NotNewer`].
    pub fn require_newer(&self, than: Option<HighWater>) -> Result<(), Refusal> {
        if than.is_some_and(|mark| self.head.high_water() <= mark) { Err(Refusal::NotNewer) } else { Ok(()) }
    }

    /// Refuses a head that no gate would decide with any more. For whoever takes heads in; a gate that holds one keeps it and denies.
    ///
    /// # Errors
    /// [`Refusal::Expired`].
    pub fn require_valid(&self, now: u64) -> Result<(), Refusal> {
        if now > self.head.valid_until { Err(Refusal::Expired) } else { Ok(()) }
    }
}

fn read_fields(reader: &mut Reader<'_>) -> Result<Head, Refusal> {
    let tag_scheme = match (reader.u8()?, reader.u8()?) {
        (0, 0) => TagScheme::Sha256,
        (1, pepper_version @ 1..) => TagScheme::HmacSha256 { pepper_version },
        _ => return Err(Refusal::NotCanonical),
    };
    let environment = Environment::read(reader.u8()?)?;
    let audience = Audience { keyspace: reader.u64()?, environment };
    Ok(Head {
        audience,
        tag_scheme,
        epoch: reader.u32()?,
        seq: reader.u64()?,
        change_seq: reader.u64()?,
        issued_at: reader.u64()?,
        fresh_until: reader.u64()?,
        valid_until: reader.u64()?,
        key_count: reader.u64()?,
        previous: reader.array()?,
        policy: ObjectRef::read(reader)?,
        base: read_base(reader)?,
        segments: read_segments(reader)?,
    })
}

fn read_base(reader: &mut Reader<'_>) -> Result<BaseRef, Refusal> {
    let change_seq = reader.u64()?;
    let shard_bits = reader.u8()?;
    if shard_bits > limits::SHARD_BITS {
        return Err(Refusal::LimitExceeded);
    }
    Ok(BaseRef { change_seq, shard_bits, root: ObjectRef::read(reader)? })
}

fn read_segments(reader: &mut Reader<'_>) -> Result<Vec<SegmentRef>, Refusal> {
    let count = usize::from(reader.u8()?);
    if count > limits::SEGMENTS {
        return Err(Refusal::LimitExceeded);
    }
    (0..count).map(|_| Ok(SegmentRef { object: ObjectRef::read(reader)?, last_seq: reader.u64()? })).collect()
}

fn read_signers(reader: &mut Reader<'_>) -> Result<Vec<[u8; 8]>, Refusal> {
    let count = usize::from(reader.u8()?);
    if count > limits::SIGNATURES {
        return Err(Refusal::LimitExceeded);
    }
    let signers = (0..count).map(|_| reader.array()).collect::<Result<Vec<[u8; 8]>, _>>()?;
    // Strictly ascending: one key signing twice is one signature.
    let ascending = signers.windows(2).all(|two| two[0] < two[1]);
    if ascending && !signers.is_empty() { Ok(signers) } else { Err(Refusal::NotCanonical) }
}

#[cfg(feature = "sign")]
pub(crate) fn write_fields(head: &Head) -> Result<Vec<u8>, Refusal> {
    if head.segments.len() > limits::SEGMENTS || head.base.shard_bits > limits::SHARD_BITS {
        return Err(Refusal::LimitExceeded);
    }
    head.check_segments()?;
    let mut out = Vec::with_capacity(640);
    out.extend_from_slice(&MAGIC);
    out.push(VERSION);
    out.extend_from_slice(&match head.tag_scheme {
        TagScheme::Sha256 => [0, 0],
        TagScheme::HmacSha256 { pepper_version: 0 } => return Err(Refusal::NotCanonical),
        TagScheme::HmacSha256 { pepper_version } => [1, pepper_version],
    });
    out.push(head.audience.environment as u8);
    out.extend_from_slice(&head.audience.keyspace.to_le_bytes());
    out.extend_from_slice(&head.epoch.to_le_bytes());
    for number in
        [head.seq, head.change_seq, head.issued_at, head.fresh_until, head.valid_until, head.key_count]
    {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&head.previous);
    head.policy.write(&mut out);
    out.extend_from_slice(&head.base.change_seq.to_le_bytes());
    out.push(head.base.shard_bits);
    head.base.root.write(&mut out);
    // At most 8, checked above.
    out.push(head.segments.len() as u8);
    for segment in &head.segments {
        segment.object.write(&mut out);
        out.extend_from_slice(&segment.last_seq.to_le_bytes());
    }
    // No extensions in this version.
    out.extend_from_slice(&0u16.to_le_bytes());
    Ok(out)
}
