use core::fmt;

use crate::alphabet::are_visible;
use crate::{Digest, ParseError, digest};

/// Shortest foreign token, in bytes. Shorter ones cannot hold enough randomness to resist guessing.
pub const MIN_FOREIGN_LEN: usize = 16;

/// Longest foreign token, in bytes. Bounds what a stranger can make the gate hash: five SHA-256 blocks.
pub const MAX_FOREIGN_LEN: usize = 255;

/// How much of a foreign token is shown to people who must recognise a key. The shortest keeps 12 hidden characters.
const SHOWN_LEN: usize = 4;

/// A token in a shape of somebody else's choosing: imported, or set by its owner (production `foreign` of
/// spec/token.md).
///
/// It has no prefix, no environment and no checksum, so junk of this shape costs the gate a hash and a look-up.
#[derive(Clone, Copy)]
pub struct ForeignToken<'a> {
    text: &'a str,
}

impl<'a> ForeignToken<'a> {
    /// Takes 16 to 255 bytes of visible ASCII.
    ///
    /// # Errors
    /// [`ParseError::Length`], then [`ParseError::NotVisibleAscii`].
    pub fn parse(text: &'a [u8]) -> Result<Self, ParseError> {
        if text.len() < MIN_FOREIGN_LEN || text.len() > MAX_FOREIGN_LEN {
            return Err(ParseError::Length);
        }
        if !are_visible(text) {
            return Err(ParseError::NotVisibleAscii);
        }
        let text = core::str::from_utf8(text).map_err(|_| ParseError::NotVisibleAscii)?;
        Ok(Self { text })
    }

    /// The whole token. Handle it as the secret that it is.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// What may be stored and shown so that people recognise the key: its first four characters.
    pub fn start(&self) -> &'a str {
        &self.text[..SHOWN_LEN]
    }

    /// SHA-256 of the token's bytes.
    pub fn digest(&self) -> Digest {
        digest(self.text.as_bytes())
    }
}

impl fmt::Debug for ForeignToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForeignToken([hidden])")
    }
}
