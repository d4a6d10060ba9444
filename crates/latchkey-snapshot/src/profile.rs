//! Profiles: what several rows may share. `spec/snapshot.md` section 4.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::ip::{self, IpRanges, IpRule};
use crate::names::within;
use crate::reader::Reader;
use crate::restrictions::{
    Constraints, Credits, CreditsView, RateLimit, RateLimits, SigningKeys, SigningKeysView,
    encode_constraints, encode_rate_limits,
};
use crate::{Refusal, limits, tlv};

const OWNER: u8 = 0x01;
const ROLES: u8 = 0x02;
const GRANTS: u8 = 0x03;
const METADATA: u8 = 0x04;
const IP_RULES: u8 = 0x81;
const CONSTRAINTS: u8 = 0x82;
const RATE_LIMITS: u8 = 0x83;
const CREDITS: u8 = 0x84;
const SIGNING_KEYS: u8 = 0x85;

/// A profile to be encoded. Lists may be given in any order and are written sorted, without repeats; only the order of address rules
/// means something.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Profile {
    pub owner: Option<String>,
    /// Role numbers of the keyspace's policy.
    pub roles: Vec<u16>,
    /// Permission patterns.
    pub grants: Vec<String>,
    /// A JSON object, at most 1,024 bytes.
    pub metadata: Option<String>,
    /// At most 256; the first one that covers an address decides. None: any address.
    pub ip_rules: Vec<IpRule>,
    /// By name, the values that the key is limited to, at most 64 each. An empty list allows none.
    pub constraints: BTreeMap<String, Vec<String>>,
    /// At most 8, no two of one name.
    pub rate_limits: Vec<RateLimit>,
    /// `None`: the key is not usage-limited.
    pub credits: Option<Credits>,
    pub signing_keys: SigningKeys,
}

impl Profile {
    /// The canonical bytes.
    ///
    /// # Errors
    /// [`Refusal::LimitExceeded`] or [`Refusal::TooLong`] for more than the limits of [`limits`] allow, [`Refusal::NotCanonical`]
    /// for names that break the rules of [`crate::names`] and for two rate limits of one name.
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
        self.encode_restrictions(&mut out)?;
        if out.len() > limits::PROFILE_BYTES { Err(Refusal::TooLong) } else { Ok(out) }
    }

    /// The canonical bytes, for rows that are encoded one by one.
    ///
    /// # Errors
    /// As [`Profile::encode`].
    pub fn encoded(&self) -> Result<EncodedProfile, Refusal> {
        self.encode().map(EncodedProfile)
    }

    fn encode_restrictions(&self, out: &mut Vec<u8>) -> Result<(), Refusal> {
        if !self.ip_rules.is_empty() {
            tlv::push(out, IP_RULES, &ip::encode(&self.ip_rules)?)?;
        }
        if !self.constraints.is_empty() {
            tlv::push(out, CONSTRAINTS, &encode_constraints(&self.constraints)?)?;
        }
        if !self.rate_limits.is_empty() {
            tlv::push(out, RATE_LIMITS, &encode_rate_limits(&self.rate_limits)?)?;
        }
        if let Some(credits) = &self.credits {
            tlv::push(out, CREDITS, &credits.encode()?)?;
        }
        if !self.signing_keys.is_empty() {
            tlv::push(out, SIGNING_KEYS, &self.signing_keys.encode()?)?;
        }
        Ok(())
    }
}

/// A profile in its canonical bytes, made by [`Profile::encoded`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedProfile(Vec<u8>);

impl EncodedProfile {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
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

/// The bytes of a verified profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProfileBytes<'a> {
    bytes: &'a [u8],
}

impl<'a> ProfileBytes<'a> {
    /// Checks the whole profile, so that its fields need not be.
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

    /// For bytes that [`ProfileBytes::verify`] has accepted before.
    pub(crate) fn of_verified(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn view(&self) -> ProfileView<'a> {
        let mut view = ProfileView::default();
        for (kind, value) in tlv::Entries::new(self.bytes).map_while(Result::ok) {
            view.set(kind, value);
        }
        view
    }
}

/// A verified profile, borrowed.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProfileView<'a> {
    owner: &'a [u8],
    roles: &'a [u8],
    grants: &'a [u8],
    metadata: &'a [u8],
    /// Compiled address rules; `None`: any address.
    pub ip_ranges: Option<IpRanges<'a>>,
    /// The values that the key is limited to.
    pub constraints: Constraints<'a>,
    pub rate_limits: RateLimits<'a>,
    /// `None`: the key is not usage-limited.
    pub credits: Option<CreditsView<'a>>,
    /// `None`: the key has no public keys, and need not sign.
    pub signing_keys: Option<SigningKeysView<'a>>,
    /// The profile restricts the key in a way that this version of the format cannot read. Such a key must be denied.
    pub has_unknown_restriction: bool,
}

impl<'a> ProfileView<'a> {
    fn set(&mut self, kind: u8, value: &'a [u8]) {
        match kind {
            OWNER => self.owner = value,
            ROLES => self.roles = value,
            GRANTS => self.grants = value,
            METADATA => self.metadata = value,
            IP_RULES => self.ip_ranges = Some(IpRanges::of_verified(value)),
            CONSTRAINTS => self.constraints = Constraints::of_verified(value),
            RATE_LIMITS => self.rate_limits = RateLimits::of_verified(value),
            CREDITS => self.credits = Some(CreditsView::of_verified(value)),
            SIGNING_KEYS => self.signing_keys = Some(SigningKeysView::of_verified(value)),
            _ => self.has_unknown_restriction |= kind >= tlv::CRITICAL,
        }
    }

    pub fn owner(&self) -> Option<&'a str> {
        text(self.owner)
    }

    /// A JSON object as text.
    pub fn metadata(&self) -> Option<&'a str> {
        text(self.metadata)
    }

    /// Role numbers, ascending.
    pub fn roles(&self) -> impl Iterator<Item = u16> + use<'a> {
        let (pairs, _) = self.roles.as_chunks::<2>();
        pairs.iter().map(|pair| u16::from_le_bytes(*pair))
    }

    /// Permission patterns granted to the key itself, ascending.
    pub fn grants(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut reader = Reader::new(self.grants);
        core::iter::from_fn(move || reader.short_text().ok())
    }
}

/// No text of a profile is empty.
fn text(value: &[u8]) -> Option<&str> {
    core::str::from_utf8(value).ok().filter(|text| !text.is_empty())
}

fn check_field(kind: u8, value: &[u8]) -> Result<(), Refusal> {
    match kind {
        OWNER => check_text(value, 1..=limits::OWNER_BYTES),
        ROLES => check_roles(value),
        GRANTS => check_texts(value),
        METADATA => check_text(value, 2..=limits::METADATA_BYTES),
        IP_RULES => IpRanges::verify(value).map(|_| ()),
        CONSTRAINTS => Constraints::verify(value).map(|_| ()),
        RATE_LIMITS => RateLimits::verify(value).map(|_| ()),
        CREDITS => CreditsView::verify(value).map(|_| ()),
        SIGNING_KEYS => SigningKeysView::verify(value).map(|_| ()),
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
