//! The value of an `Authorization` header: `Bearer`, spaces, a token (RFC 9110 section 11.4, RFC 6750 section 2.1).

use core::fmt;

use crate::MAX_FOREIGN_LEN;
use crate::alphabet::are_visible;

const SCHEME: &[u8] = b"Bearer";

/// Why a header value holds no bearer token. No variant carries any of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialError {
    /// Another authentication scheme, or none.
    OtherScheme,
    /// The scheme is there, but nothing behind it.
    NoToken,
    /// Something that is not one run of visible ASCII stands behind the scheme.
    Junk,
    /// Longer than any token that a keyspace takes.
    TooLong,
}

/// Takes the token out of an `Authorization` header's value.
///
/// The scheme's case does not matter and any number of spaces may follow it; nothing may follow the token. The token
/// itself is not parsed yet.
///
/// # Errors
/// See [`CredentialError`].
pub fn bearer(value: &[u8]) -> Result<&[u8], CredentialError> {
    let Some((scheme, rest)) = value.split_at_checked(SCHEME.len()) else {
        return Err(CredentialError::OtherScheme);
    };
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(CredentialError::OtherScheme);
    }
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    let token = &rest[spaces..];
    match (spaces, token) {
        (_, []) => Err(CredentialError::NoToken),
        (0, _) => Err(CredentialError::OtherScheme),
        _ if token.len() > MAX_FOREIGN_LEN => Err(CredentialError::TooLong),
        _ if !are_visible(token) => Err(CredentialError::Junk),
        _ => Ok(token),
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherScheme => "the Authorization header does not use the Bearer scheme",
            Self::NoToken => "no token follows the Bearer scheme",
            Self::Junk => "the Bearer scheme must be followed by one token of visible ASCII characters",
            Self::TooLong => "the token behind the Bearer scheme is too long",
        })
    }
}

impl core::error::Error for CredentialError {}
