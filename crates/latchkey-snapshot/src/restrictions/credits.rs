use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::names::{Ascending, is_unit_name, require};
use crate::profile::encode_texts;
use crate::reader::Reader;
use crate::{Refusal, limits};

/// What a usage-limited key has been granted. A key without it spends freely.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credits {
    /// Rises with each change of this key's grants, so that whoever counts knows which of two grants is newer.
    pub grant_seq: u64,
    /// By unit, all that was ever granted. What was spent is counted elsewhere.
    pub granted: BTreeMap<String, u64>,
}

impl Credits {
    /// grant_seq, then entries (unit, granted), ascending by unit.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let mut out = Vec::from(self.grant_seq.to_le_bytes());
        for (unit, granted) in &self.granted {
            out.extend_from_slice(&encode_texts(&[unit])?);
            out.extend_from_slice(&granted.to_le_bytes());
        }
        CreditsView::verify(&out)?;
        Ok(out)
    }
}

/// What a usage-limited key has been granted, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditsView<'a> {
    grant_seq: u64,
    entries: &'a [u8],
}

impl<'a> CreditsView<'a> {
    pub(crate) fn verify(value: &'a [u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(value);
        let grant_seq = reader.u64()?;
        let entries = reader.rest();
        let mut units = Ascending::default();
        while reader.remaining() > 0 {
            let (unit, _) = entry(&mut reader)?;
            require(is_unit_name(unit))?;
            units.take(unit, limits::CREDIT_UNITS)?;
        }
        Ok(Self { grant_seq, entries })
    }

    /// For bytes that [`CreditsView::verify`] has accepted before. Of others nothing is granted.
    pub(crate) fn of_verified(value: &'a [u8]) -> Self {
        Self::verify(value).unwrap_or(Self { grant_seq: 0, entries: &[] })
    }

    /// Rises with each change of this key's grants.
    pub fn grant_seq(&self) -> u64 {
        self.grant_seq
    }

    /// (unit, all that was ever granted), ascending by unit.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, u64)> + use<'a> {
        let mut reader = Reader::new(self.entries);
        core::iter::from_fn(move || entry(&mut reader).ok())
    }

    /// All that was ever granted of a unit; `None` if the key has no grant of it.
    pub fn granted(&self, unit: &str) -> Option<u64> {
        self.iter().find_map(|(found, granted)| (found == unit).then_some(granted))
    }
}

fn entry<'a>(reader: &mut Reader<'a>) -> Result<(&'a str, u64), Refusal> {
    Ok((reader.short_text()?, reader.u64()?))
}
