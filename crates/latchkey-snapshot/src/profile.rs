//! Profiles: what several rows may share. `spec/snapshot.md` section 4.

use alloc::string::String;
use alloc::vec::Vec;

use crate::reader::Reader;
use crate::{Refusal, limits, tlv};

const OWNER: u8 = 0x01;
const ROLES: u8 = 0x02;
const GRANTS: u8 = 0x03;
const METADATA: u8 = 0x04;

/// A profile to be encoded. Lists may be given in any order and are written sorted, without repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Profile {
    pub owner: Option<String>,
    /// Role numbers of the keyspace's policy.
    pub roles: Vec<u16>,
    /// Permission patterns.
    pub grants: Vec<String>,
    /// A JSON object, at most 1,024 bytes.
    pub metadata: Option<String>,
}

impl Profile {
    /// The canonical bytes.
    ///
    /// # Errors
    /// [`Refusal::LimitExceeded`] for more than the limits of [`limits`] allow.
    pub fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let mut out = Vec::new();
        if let Some(owner) = &self.owner {
            within(owner.len(), 1..=limits::OWNER_BYTES)?;
            tlv::push(&mut out, OWNER, owner.as_bytes())?;
        }
        if !self.roles.is_empty() {
            let roles = sorted(&self.roles)?;
            let bytes: Vec<u8> = roles.iter().flat_map(|role| role.to_le_bytes()).collect();
            tlv::push(&mut out, ROLES, &bytes)?;
        }
        if !self.grants.is_empty() {
            tlv::push(&mut out, GRANTS, &encode_texts(&sorted(&self.grants)?)?)?;
        }
        if let Some(metadata) = &self.metadata {
            within(metadata.len(), 2..=limits::METADATA_BYTES)?;
            tlv::push(&mut out, METADATA, metadata.as_bytes())?;
        }
        Ok(out)
    }
}

fn within(length: usize, range: core::ops::RangeInclusive<usize>) -> Result<(), Refusal> {
    if range.contains(&length) { Ok(()) } else { Err(Refusal::LimitExceeded) }
}

fn sorted<T: Ord + Clone>(list: &[T]) -> Result<Vec<T>, Refusal> {
    let mut list = list.to_vec();
    list.sort_unstable();
    list.dedup();
    within(list.len(), 0..=limits::PROFILE_GRANTS)?;
    Ok(list)
}

/// (u8 length, text) for each.
pub(crate) fn encode_texts<T: AsRef<str>>(texts: &[T]) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::new();
    for text in texts {
        let text = text.as_ref();
        out.push(u8::try_from(text.len()).map_err(|_| Refusal::LimitExceeded)?);
        out.extend_from_slice(text.as_bytes());
    }
    Ok(out)
}

/// A verified profile, borrowed. Reading a field walks a handful of entries and allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileView<'a> {
    bytes: &'a [u8],
}

impl<'a> ProfileView<'a> {
    /// Checks the whole profile, so that the accessors need not.
    pub(crate) fn verify(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if bytes.len() > limits::PROFILE_BYTES {
            return Err(Refusal::LimitExceeded);
        }
        for entry in tlv::Entries::new(bytes) {
            let (kind, value) = entry?;
            check_field(kind, value)?;
        }
        Ok(Self { bytes })
    }

    /// For bytes that [`ProfileView::verify`] has accepted before.
    pub(crate) fn of_verified(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    fn field(&self, wanted: u8) -> Option<&'a [u8]> {
        tlv::Entries::new(self.bytes)
            .map_while(Result::ok)
            .find_map(|(kind, value)| (kind == wanted).then_some(value))
    }

    fn text(&self, wanted: u8) -> Option<&'a str> {
        self.field(wanted).and_then(|value| core::str::from_utf8(value).ok())
    }

    pub fn owner(&self) -> Option<&'a str> {
        self.text(OWNER)
    }

    /// A JSON object as text.
    pub fn metadata(&self) -> Option<&'a str> {
        self.text(METADATA)
    }

    /// Role numbers, ascending.
    pub fn roles(&self) -> impl Iterator<Item = u16> + use<'a> {
        let (pairs, _) = self.field(ROLES).unwrap_or(&[]).as_chunks::<2>();
        pairs.iter().map(|pair| u16::from_le_bytes(*pair))
    }

    /// Permission patterns granted to the key itself, ascending.
    pub fn grants(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut reader = Reader::new(self.field(GRANTS).unwrap_or(&[]));
        core::iter::from_fn(move || reader.short_text().ok())
    }

    /// Whether the profile restricts the key in a way that this version of the format cannot read. Such a key must be denied.
    pub fn has_unknown_restriction(&self) -> bool {
        tlv::Entries::new(self.bytes).map_while(Result::ok).any(|(kind, _)| kind >= tlv::CRITICAL)
    }
}

fn check_field(kind: u8, value: &[u8]) -> Result<(), Refusal> {
    match kind {
        OWNER => check_text(value, 1..=limits::OWNER_BYTES),
        ROLES => check_roles(value),
        GRANTS => check_texts(value),
        METADATA => check_text(value, 2..=limits::METADATA_BYTES),
        _ => Ok(()),
    }
}

fn check_text(value: &[u8], range: core::ops::RangeInclusive<usize>) -> Result<(), Refusal> {
    within(value.len(), range)?;
    core::str::from_utf8(value).map(|_| ()).map_err(|_| Refusal::NotCanonical)
}

fn check_roles(value: &[u8]) -> Result<(), Refusal> {
    let (pairs, rest) = value.as_chunks::<2>();
    let ascending = pairs.windows(2).all(|two| u16::from_le_bytes(two[0]) < u16::from_le_bytes(two[1]));
    if pairs.is_empty() || !rest.is_empty() || !ascending {
        return Err(Refusal::NotCanonical);
    }
    within(pairs.len(), 1..=limits::PROFILE_GRANTS)
}

/// Checks (u8 length, text) entries: complete, at least one, strictly ascending, within the limit.
fn check_texts(value: &[u8]) -> Result<(), Refusal> {
    let mut reader = Reader::new(value);
    let mut last = None;
    let mut count = 0;
    while reader.remaining() > 0 {
        let text = reader.short_text()?;
        if last.is_some_and(|last| last >= text) {
            return Err(Refusal::NotCanonical);
        }
        last = Some(text);
        count += 1;
    }
    if count == 0 {
        return Err(Refusal::NotCanonical);
    }
    within(count, 1..=limits::PROFILE_GRANTS)
}
