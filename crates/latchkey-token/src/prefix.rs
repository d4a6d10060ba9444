use core::fmt;
use core::str::FromStr;

use crate::{MAX_PREFIX_LEN, ParseError};

/// Whether a key opens the real thing or a test bed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Environment {
    /// `test`
    Test,
    /// `live`
    Live,
}

impl Environment {
    /// The four characters that stand in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, ParseError> {
        match bytes {
            b"test" => Ok(Self::Test),
            b"live" => Ok(Self::Live),
            _ => Err(ParseError::Environment),
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Environment {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::from_bytes(text.as_bytes())
    }
}

/// The start of every token of a keyspace: `[a-z][a-z0-9]{0,10}` (production `prefix` of spec/token.md).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix {
    // Bytes past `len` are zero, so that the derived equality is the equality of the texts.
    bytes: [u8; MAX_PREFIX_LEN],
    len: u8,
}

impl Prefix {
    /// Takes a prefix that follows the grammar.
    ///
    /// # Errors
    /// [`ParseError::Prefix`] for anything else.
    pub fn new(text: &str) -> Result<Self, ParseError> {
        Self::from_bytes(text.as_bytes())
    }

    pub(crate) fn from_bytes(text: &[u8]) -> Result<Self, ParseError> {
        check_prefix(text)?;
        let mut bytes = [0; MAX_PREFIX_LEN];
        bytes[..text.len()].copy_from_slice(text);
        Ok(Self { bytes, len: text.len() as u8 })
    }

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).expect("the constructor takes ASCII only")
    }

    /// The prefix as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

pub(crate) fn check_prefix(text: &[u8]) -> Result<(), ParseError> {
    let [first, rest @ ..] = text else { return Err(ParseError::Prefix) };
    let follows_grammar = text.len() <= MAX_PREFIX_LEN
        && first.is_ascii_lowercase()
        && rest.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if follows_grammar { Ok(()) } else { Err(ParseError::Prefix) }
}

impl FromStr for Prefix {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::new(text)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({})", self.as_str())
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
