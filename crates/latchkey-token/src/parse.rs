use core::fmt;

use crate::alphabet::{are_base62, check_digits};
use crate::prefix::check_prefix;
use crate::{
    AFTER_PREFIX_LEN, CHECK_LEN, Digest, Environment, MAX_TOKEN_LEN, MIN_TOKEN_LEN, ParseError, Prefix,
    SECRET_LEN, digest,
};

/// How many characters of the secret are shown to people who must recognise a key.
const SHOWN_SECRET_LEN: usize = 4;

/// A text that follows the token grammar and carries the right checksum (production `token` of spec/token.md).
///
/// That is all it says: anybody can compute the checksum. Only a snapshot knows whether the token was issued.
#[derive(Clone, Copy)]
pub struct UnverifiedToken<'a> {
    text: &'a [u8],
    environment: Environment,
}

/// Parses a token, without hashing or allocating.
///
/// # Errors
/// The first check of spec/token.md section 4 that fails.
pub fn parse(text: &[u8]) -> Result<UnverifiedToken<'_>, ParseError> {
    // Step 1: length. The parts behind the prefix have fixed widths, so the length places every part.
    if text.len() < MIN_TOKEN_LEN || text.len() > MAX_TOKEN_LEN {
        return Err(ParseError::Length);
    }
    let (prefix, rest) = text.split_at(text.len() - AFTER_PREFIX_LEN);

    // Step 2: structure.
    let [b'_', environment @ .., b'_'] = &rest[..6] else { return Err(ParseError::Structure) };
    // Step 3: prefix.
    check_prefix(prefix)?;
    // Step 4: environment.
    let environment = Environment::from_bytes(environment)?;
    // Step 5: alphabet.
    if !are_base62(&rest[6..]) {
        return Err(ParseError::Alphabet);
    }
    // Step 6: checksum. Comparing digits, not numbers, leaves one spelling of each checksum.
    let (body, check) = text.split_at(text.len() - CHECK_LEN);
    if check_digits(body) != check {
        return Err(ParseError::Checksum);
    }
    Ok(UnverifiedToken { text, environment })
}

impl<'a> UnverifiedToken<'a> {
    /// The keyspace's prefix.
    pub fn prefix(&self) -> Prefix {
        let text = &self.text[..self.text.len() - AFTER_PREFIX_LEN];
        Prefix::from_bytes(text).expect("the parser has checked it")
    }

    /// The environment that the token claims to be for.
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// The whole token. Handle it as the secret that it is.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    /// The 32 random characters. Handle them as the secret that they are.
    pub fn secret(&self) -> &'a [u8] {
        let start = self.text.len() - CHECK_LEN - SECRET_LEN;
        &self.text[start..start + SECRET_LEN]
    }

    /// The six characters at the end.
    pub fn check(&self) -> &'a [u8] {
        &self.text[self.text.len() - CHECK_LEN..]
    }

    /// What may be stored and shown so that people recognise the key, such as `demo_test_ab12`.
    ///
    /// It gives away 24 of the 190 bits; spec/token.md section 7 says why that is harmless.
    pub fn start(&self) -> &'a str {
        let shown = self.text.len() - CHECK_LEN - SECRET_LEN + SHOWN_SECRET_LEN;
        core::str::from_utf8(&self.text[..shown]).expect("the parser takes ASCII only")
    }

    /// SHA-256 of the token's bytes.
    pub fn digest(&self) -> Digest {
        digest(self.text)
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnverifiedToken({}_{}_[hidden])", self.prefix(), self.environment)
    }
}
