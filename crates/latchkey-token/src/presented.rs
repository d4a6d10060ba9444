use crate::{Digest, Environment, ForeignToken, ParseError, UnverifiedToken, parse};

/// Which shapes of token a keyspace takes.
///
/// Taking foreign tokens is a weakening: what is not a Latchkey token is no longer refused before it is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shapes {
    /// Tokens of our own grammar, checksum included.
    OnlyLatchkey,
    /// Any 16 to 255 bytes of visible ASCII as well.
    AlsoForeign,
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
/// Why the text is not a Latchkey token, or with [`Shapes::AlsoForeign`] why it is not even a foreign one.
pub fn parse_presented(text: &[u8], shapes: Shapes) -> Result<PresentedToken<'_>, ParseError> {
    match (parse(text), shapes) {
        (Ok(token), _) => Ok(PresentedToken::Latchkey(token)),
        (Err(reason), Shapes::OnlyLatchkey) => Err(reason),
        (Err(_), Shapes::AlsoForeign) => ForeignToken::parse(text).map(PresentedToken::Foreign),
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
