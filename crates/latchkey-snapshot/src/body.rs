//! Bodies: immutable objects named by SHA-256 and length.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::Refusal;
use crate::reader::Reader;

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// What kind of body an object is; the first four bytes of it say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Policy,
    Segment,
    Page,
    Shard,
}

/// A signed promise about a body: its SHA-256 and its length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    pub sha256: [u8; 32],
    pub length: u32,
}

impl ObjectRef {
    /// Bytes of an encoded reference.
    pub const BYTES: usize = 36;

    /// The reference that leads to `bytes`.
    ///
    /// # Errors
    /// [`Refusal::TooLong`] from 4 GiB on, which no limit of the format allows anyway.
    pub fn to(bytes: &[u8]) -> Result<Self, Refusal> {
        let length = u32::try_from(bytes.len()).map_err(|_| Refusal::TooLong)?;
        Ok(Self { sha256: sha256(bytes), length })
    }

    /// Refuses a body that is not the one that was promised.
    pub(crate) fn admit(&self, body: &HashedBody) -> Result<(), Refusal> {
        if body.bytes.len() as u64 != u64::from(self.length) {
            return Err(Refusal::BodyLengthMismatch);
        }
        if body.sha256 != self.sha256 {
            return Err(Refusal::BodyHashMismatch);
        }
        Ok(())
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        Ok(Self { sha256: reader.array()?, length: reader.u32()? })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sha256);
        out.extend_from_slice(&self.length.to_le_bytes());
    }
}

/// Bytes together with their SHA-256.
#[derive(Clone, Debug)]
pub struct HashedBody {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sha256: [u8; 32],
}

impl HashedBody {
    /// Hashes in this crate: right for anything small, and wherever no faster digest is at hand.
    pub fn compute(bytes: Vec<u8>) -> Self {
        let sha256 = sha256(&bytes);
        Self { bytes, sha256 }
    }

    /// Takes the host's word for the hash. Only for a digest that the host computed over these very bytes (WebCrypto hashes ten
    /// times faster than Wasm); a digest that arrived together with the bytes would defeat the signature.
    pub fn trusting_host_digest(bytes: Vec<u8>, sha256: [u8; 32]) -> Self {
        Self { bytes, sha256 }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn object(&self) -> ObjectRef {
        // A body of 4 GiB matches no reference: every limit of the format is far below.
        ObjectRef { sha256: self.sha256, length: u32::try_from(self.bytes.len()).unwrap_or(u32::MAX) }
    }

    /// The kind that the first four bytes claim.
    ///
    /// # Errors
    /// [`Refusal::BadMagic`] if they are none of the four.
    pub fn kind(&self) -> Result<Kind, Refusal> {
        match self.bytes.first_chunk::<4>() {
            Some(b"LKPO") => Ok(Kind::Policy),
            Some(b"LKSG") => Ok(Kind::Segment),
            Some(b"LKIX") => Ok(Kind::Page),
            Some(b"LKSH") => Ok(Kind::Shard),
            _ => Err(Refusal::BadMagic),
        }
    }
}
