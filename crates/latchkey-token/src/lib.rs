#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod credential;

mod alphabet;
mod digest;
mod error;
mod foreign;
mod parse;
mod prefix;
mod presented;
mod secret;
mod tag;

pub use digest::{Digest, digest};
pub use error::{ParseError, PepperMismatch};
pub use foreign::{ForeignToken, MAX_FOREIGN_LEN, MIN_FOREIGN_LEN};
pub use parse::{UnverifiedToken, parse};
pub use prefix::{Environment, Prefix};
pub use presented::{PresentedToken, TokenShapes, parse_presented};
pub use secret::{SecretToken, generate};
pub use tag::{Pepper, Tag, TagScheme, tag};

/// Longest prefix, in bytes (spec/token.md section 1).
///
/// With it the longest token has [`MAX_TOKEN_LEN`] bytes, which SHA-256 still hashes in one block.
pub const MAX_PREFIX_LEN: usize = 11;

/// Characters of randomness in a token: 32 of 62 possible ones, 190 bits.
pub const SECRET_LEN: usize = 32;

/// Characters of the checksum at a token's end.
pub const CHECK_LEN: usize = 6;

/// Everything behind the prefix: `_test_` or `_live_`, the secret, the checksum.
const AFTER_PREFIX_LEN: usize = 6 + SECRET_LEN + CHECK_LEN;

/// Shortest token, in bytes.
pub const MIN_TOKEN_LEN: usize = 1 + AFTER_PREFIX_LEN;

/// Longest token, in bytes: the most that SHA-256 hashes in one block.
pub const MAX_TOKEN_LEN: usize = MAX_PREFIX_LEN + AFTER_PREFIX_LEN;
