use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Digest, PepperMismatch};

/// What stands for a token in a snapshot: 16 bytes from which the token cannot be computed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub [u8; 16]);

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// How a keyspace computes tags; a snapshot's head names it (spec/token.md section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagScheme {
    /// The first 16 bytes of the digest.
    Sha256,
    /// The first 16 bytes of HMAC-SHA-256(pepper, digest).
    HmacSha256 {
        /// Which pepper, 1 to 255: versions let a keyspace change it.
        pepper_version: u8,
    },
}

/// A key of 32 random bytes that a gate holds as a Worker secret. It never appears in a snapshot.
///
/// Whoever steals a snapshot cannot test guesses of weak foreign tokens without it. It is wiped from memory when dropped.
#[derive(Clone)]
pub struct Pepper {
    version: u8,
    // Keyed once: the two blocks that depend on the pepper alone are not computed again for every token.
    keyed: Hmac<Sha256>,
}

impl Pepper {
    /// Takes a pepper and the version by which snapshots refer to it.
    pub fn new(version: u8, key: &[u8; 32]) -> Self {
        let keyed = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
        Self { version, keyed }
    }

    /// The version by which snapshots refer to this pepper.
    pub fn version(&self) -> u8 {
        self.version
    }
}

impl Drop for Pepper {
    fn drop(&mut self) {
        // By hand: the hash's own wiping would also run for every token and make its digest a third dearer.
        // Looking at the overwritten state keeps the compiler from leaving the write away.
        self.keyed = Hmac::new_from_slice(&[0; 32]).expect("HMAC takes keys of any length");
        core::hint::black_box(&self.keyed);
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper(version {}, [hidden])", self.version)
    }
}

/// Computes a digest's tag as the snapshot's head asks.
///
/// # Errors
/// The scheme names a pepper other than the one given.
pub fn tag(scheme: TagScheme, pepper: Option<&Pepper>, digest: &Digest) -> Result<Tag, PepperMismatch> {
    match (scheme, pepper) {
        (TagScheme::Sha256, _) => Ok(truncate(&digest.0)),
        (TagScheme::HmacSha256 { pepper_version }, Some(pepper)) if pepper.version == pepper_version => {
            let mac = pepper.keyed.clone().chain_update(digest.0).finalize().into_bytes();
            Ok(truncate(&mac.into()))
        }
        (TagScheme::HmacSha256 { pepper_version }, pepper) => {
            Err(PepperMismatch { wanted: pepper_version, held: pepper.map(Pepper::version) })
        }
    }
}

fn truncate(bytes: &[u8; 32]) -> Tag {
    let mut tag = [0; 16];
    tag.copy_from_slice(&bytes[..16]);
    Tag(tag)
}
