use core::fmt;

/// Why some bytes are not a token.
///
/// The variants are in the order of the checks (spec/token.md section 4): the first that fails is reported.
/// None of them carries any of the refused text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseError {
    /// Fewer or more bytes than any token has.
    Length,
    /// The two underscores are not where a token of this length has them.
    Structure,
    /// The prefix is not `[a-z][a-z0-9]{0,10}`.
    Prefix,
    /// The environment is neither `test` nor `live`.
    Environment,
    /// A byte of the secret or the checksum is not a base62 digit.
    Alphabet,
    /// The checksum belongs to another text: a typing or copying mistake, or a guess.
    Checksum,
    /// A byte of a foreign token is not visible ASCII.
    NotVisibleAscii,
}

impl ParseError {
    /// The name of this reason in `spec/vectors/token.json`, in previews and in logs. It never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Structure => "structure",
            Self::Prefix => "prefix",
            Self::Environment => "environment",
            Self::Alphabet => "alphabet",
            Self::Checksum => "checksum",
            Self::NotVisibleAscii => "not_visible_ascii",
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "the text is too short or too long for a token",
            Self::Structure => "the text does not have the parts prefix_environment_secret",
            Self::Prefix => "the prefix must match [a-z][a-z0-9]{0,10}",
            Self::Environment => "the environment must be test or live",
            Self::Alphabet => "the secret part may hold only 0-9, A-Z and a-z",
            Self::Checksum => "the checksum does not match: a character was probably lost or changed",
            Self::NotVisibleAscii => "the token may hold only visible ASCII characters",
        })
    }
}

impl core::error::Error for ParseError {}

/// A tag was asked for under a pepper that the caller does not hold.
///
/// The gate's secret and the snapshot disagree about the pepper's version; nothing can be looked up until they agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PepperMismatch {
    /// The version that the snapshot's head names.
    pub wanted: u8,
    /// The version that the caller offered, if any.
    pub held: Option<u8>,
}

impl fmt::Display for PepperMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.held {
            Some(held) => write!(f, "tags need pepper version {}, but version {held} is held", self.wanted),
            None => write!(f, "tags need pepper version {}, but no pepper is held", self.wanted),
        }
    }
}

impl core::error::Error for PepperMismatch {}
