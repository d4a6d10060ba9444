use core::fmt;

use sha2::{Digest as _, Sha256};

/// SHA-256 of a token's bytes: what the control plane stores instead of the token.
///
/// It is not printed: a foreign token may be weak enough to be guessed from its digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// Hashes a token. Up to 55 bytes, which is every token of our own grammar, take one SHA-256 block.
pub fn digest(token: &[u8]) -> Digest {
    Digest(Sha256::digest(token).into())
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest([hidden])")
    }
}
