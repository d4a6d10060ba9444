use crate::{Digest, Environment, ForeignToken, ParseError, UnverifiedToken, parse};

/// Which shapes of token a keyspace takes; its policy says it.
///
/// Taking foreign tokens is a weakening: what is not a Latchkey token is no longer refused before it is hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenShapes {
    /// Tokens of our own grammar, checksum included.
    #[default]
    OnlyLatchkey = 0,
    /// Any 16 to 255 bytes of visible ASCII as well.
    AlsoForeign = 1,
}

/// A token as a caller presents it: well formed, nothing more.
#[derive(Clone, Copy, Debug)]
pub enum PresentedToken<'a> {
    /// Follows our grammar.
    Latchkey(UnverifiedToken<'a>),
    /// Has another shape.
    Foreign(ForeignToken<'a>),
}

/// Parses a token of a shape that the keyspace takes.
///
/// # Errors
/// Why the text is not a Latchkey token, or with [`TokenShapes::AlsoForeign`] why it is not even a foreign one.
pub fn parse_presented(text: &[u8], shapes: TokenShapes) -> Result<PresentedToken<'_>, ParseError> {
    match (parse(text), shapes) {
        (Ok(token), _) => Ok(PresentedToken::Latchkey(token)),
        (Err(reason), TokenShapes::OnlyLatchkey) => Err(reason),
        (Err(_), TokenShapes::AlsoForeign) => ForeignToken::parse(text).map(PresentedToken::Foreign),
    }
}

impl<'a> PresentedToken<'a> {
    /// The environment written in the token; a foreign token has none.
    pub fn environment(&self) -> Option<Environment> {
        match self {
            Self::Latchkey(token) => Some(token.environment()),
            Self::Foreign(_) => None,
        }
    }

    /// What may be stored and shown so that people recognise the key.
    pub fn start(&self) -> &'a str {
        match self {
            Self::Latchkey(token) => token.start(),
            Self::Foreign(token) => token.start(),
        }
    }

    /// SHA-256 of the token's bytes.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Latchkey(token) => token.digest(),
            Self::Foreign(token) => token.digest(),
        }
    }
}
