//! Names that keys, routes and gates share: `spec/snapshot.md` section 4.1.

use crate::{Refusal, limits};

/// Whether a text can name a constraint: `[a-z][a-z0-9_]{0,31}`.
pub fn is_constraint_name(text: &str) -> bool {
    is_name(text, |byte| byte == b'_')
}

/// Whether a text can name a rate limit or a unit of credits: `[a-z][a-z0-9_.-]{0,31}`.
pub fn is_unit_name(text: &str) -> bool {
    is_name(text, |byte| matches!(byte, b'_' | b'.' | b'-'))
}

/// Whether a text can name an upstream credential: `[A-Za-z0-9_.-]{1,64}`.
pub fn is_credential_name(text: &str) -> bool {
    (1..=limits::CREDENTIAL_NAME_BYTES).contains(&text.len())
        && text.bytes().all(may_stand_in_credential_name)
}

/// Whether a byte may stand in the name of an upstream credential.
pub const fn may_stand_in_credential_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// Whether a text is a header's name in lower case.
pub fn is_header_name(text: &str) -> bool {
    let is_token =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=limits::HEADER_NAME_BYTES).contains(&text.len()) && text.bytes().all(is_token)
}

fn is_name(text: &str, is_mark: fn(u8) -> bool) -> bool {
    text.len() <= limits::NAME_BYTES
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || is_mark(byte))
}

pub(crate) fn require(holds: bool) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(Refusal::NotCanonical) }
}

pub(crate) fn within(length: usize, range: core::ops::RangeInclusive<usize>) -> Result<(), Refusal> {
    if range.contains(&length) { Ok(()) } else { Err(Refusal::LimitExceeded) }
}

/// Sees to it that the names of a list are strictly ascending, and counts them.
#[derive(Default)]
pub(crate) struct Ascending<'a> {
    last: Option<&'a str>,
    count: usize,
}

impl<'a> Ascending<'a> {
    pub(crate) fn take(&mut self, name: &'a str, most: usize) -> Result<(), Refusal> {
        require(self.last.is_none_or(|last| last < name))?;
        self.last = Some(name);
        self.count += 1;
        within(self.count, 1..=most)
    }
}
