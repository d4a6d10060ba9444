use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::names::{Ascending, require, within};
use crate::profile::encode_texts;
use crate::reader::Reader;
use crate::{Refusal, limits};

const REQUIRED: u8 = 1;

/// The Ed25519 public keys that verify a key's signed requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SigningKeys {
    /// Every request of the key must be signed. Without public keys it then has no use.
    pub required: bool,
    /// By the id that a signature names.
    pub keys: BTreeMap<String, [u8; 32]>,
}

impl SigningKeys {
    /// Whether this says nothing, and is not written.
    pub(crate) fn is_empty(&self) -> bool {
        !self.required && self.keys.is_empty()
    }

    /// Flags, number of keys, then (id, public key), ascending by id.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Refusal> {
        within(self.keys.len(), 0..=limits::SIGNING_KEYS)?;
        // At most 8.
        let mut out = Vec::from([if self.required { REQUIRED } else { 0 }, self.keys.len() as u8]);
        for (id, key) in &self.keys {
            within(id.len(), 1..=limits::SIGNING_KEY_ID_BYTES)?;
            out.extend_from_slice(&encode_texts(&[id])?);
            out.extend_from_slice(key);
        }
        Ok(out)
    }
}

/// The public keys that verify a key's signed requests, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningKeysView<'a> {
    required: bool,
    entries: &'a [u8],
}

impl<'a> SigningKeysView<'a> {
    pub(crate) fn verify(value: &'a [u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(value);
        let flags = reader.u8()?;
        require(flags & !REQUIRED == 0)?;
        let count = usize::from(reader.u8()?);
        // A field that says nothing is left away.
        require(flags != 0 || count != 0)?;
        within(count, 0..=limits::SIGNING_KEYS)?;
        let entries = reader.rest();
        let mut ids = Ascending::default();
        for _ in 0..count {
            let (id, _) = entry(&mut reader)?;
            within(id.len(), 1..=limits::SIGNING_KEY_ID_BYTES)?;
            ids.take(id, limits::SIGNING_KEYS)?;
        }
        reader.finish()?;
        Ok(Self { required: flags & REQUIRED != 0, entries })
    }

    /// For bytes that [`SigningKeysView::verify`] has accepted before. Of others no signature would verify, and one would be required.
    pub(crate) fn of_verified(value: &'a [u8]) -> Self {
        match value.split_first_chunk::<2>() {
            Some(([flags, _], entries)) => Self { required: flags & REQUIRED != 0, entries },
            None => Self { required: true, entries: &[] },
        }
    }

    /// Whether every request of the key must be signed.
    pub fn required(&self) -> bool {
        self.required
    }

    /// (id, public key), ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8; 32])> + use<'a> {
        let mut reader = Reader::new(self.entries);
        core::iter::from_fn(move || entry(&mut reader).ok())
    }

    /// The public key with this id.
    pub fn get(&self, id: &str) -> Option<&'a [u8; 32]> {
        self.iter().find_map(|(found, key)| (found == id).then_some(key))
    }

    /// Whether no signature can verify.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn entry<'a>(reader: &mut Reader<'a>) -> Result<(&'a str, &'a [u8; 32]), Refusal> {
    let id = reader.short_text()?;
    Ok((id, reader.take(32)?.first_chunk().ok_or(Refusal::Truncated)?))
}
