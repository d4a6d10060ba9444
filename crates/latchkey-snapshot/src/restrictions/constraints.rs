use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::names::{Ascending, is_constraint_name, require, within};
use crate::profile::encode_texts;
use crate::reader::Reader;
use crate::{Refusal, limits};

/// Entries (name, number of values, values), ascending by name. A constraint without values allows none.
pub(crate) fn encode(constraints: &BTreeMap<String, Vec<String>>) -> Result<Vec<u8>, Refusal> {
    within(constraints.len(), 1..=limits::CONSTRAINTS)?;
    let mut out = Vec::new();
    for (name, values) in constraints {
        require(is_constraint_name(name))?;
        let mut values = values.clone();
        values.sort_unstable();
        values.dedup();
        within(values.len(), 0..=limits::CONSTRAINT_VALUES)?;
        values.iter().try_for_each(|value| within(value.len(), 1..=limits::VALUE_BYTES))?;
        out.extend_from_slice(&encode_texts(&[name])?);
        // At most 64.
        out.push(values.len() as u8);
        out.extend_from_slice(&encode_texts(&values)?);
    }
    Ok(out)
}

/// The named values that a key is limited to, borrowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Constraints<'a> {
    bytes: &'a [u8],
}

impl<'a> Constraints<'a> {
    pub(crate) fn verify(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(bytes);
        let mut names = Ascending::default();
        while reader.remaining() > 0 {
            let name = reader.short_text()?;
            require(is_constraint_name(name))?;
            names.take(name, limits::CONSTRAINTS)?;
            let mut values = Ascending::default();
            for _ in 0..reader.u8()? {
                let value = reader.short_text()?;
                within(value.len(), 1..=limits::VALUE_BYTES)?;
                values.take(value, limits::CONSTRAINT_VALUES)?;
            }
        }
        require(!bytes.is_empty())?;
        Ok(Self { bytes })
    }

    /// For bytes that [`Constraints::verify`] has accepted before.
    pub(crate) fn of_verified(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Ascending by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Values<'a>)> + use<'a> {
        self.iter_bytes().filter_map(|(name, values)| Some((core::str::from_utf8(name).ok()?, values)))
    }

    /// Ascending by name; names as bytes: ASCII, which need not be checked again to be compared.
    pub fn iter_bytes(&self) -> impl Iterator<Item = (&'a [u8], Values<'a>)> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        core::iter::from_fn(move || entry(&mut reader))
    }

    /// The values that are allowed for `name`; `None` if the key is not limited there.
    pub fn get(&self, name: &str) -> Option<Values<'a>> {
        self.iter_bytes().find_map(|(found, values)| (found == name.as_bytes()).then_some(values))
    }

    /// Whether the key is limited nowhere.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

fn entry<'a>(reader: &mut Reader<'a>) -> Option<(&'a [u8], Values<'a>)> {
    let name = reader.short_bytes().ok()?;
    let count = reader.u8().ok()?;
    let bytes = reader.rest();
    for _ in 0..count {
        reader.short_bytes().ok()?;
    }
    Some((name, Values { bytes: &bytes[..bytes.len() - reader.remaining()] }))
}

/// Allowed values, ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Values<'a> {
    bytes: &'a [u8],
}

impl<'a> Values<'a> {
    /// The values as text.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.iter_bytes().filter_map(|value| core::str::from_utf8(value).ok())
    }

    /// The values as bytes: UTF-8, which need not be checked again to be compared.
    pub fn iter_bytes(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        core::iter::from_fn(move || reader.short_bytes().ok())
    }
}
