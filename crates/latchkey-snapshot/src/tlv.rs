//! Type-length-value lists: `spec/snapshot.md` section 9.

use alloc::vec::Vec;

use crate::Refusal;
use crate::reader::Reader;

/// Types from here on must be understood to be passed over.
pub(crate) const CRITICAL: u8 = 0x80;

/// Walks a TLV list, refusing one that is cut short or not strictly ascending by type.
pub(crate) struct Entries<'a> {
    reader: Reader<'a>,
    last: Option<u8>,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { reader: Reader::new(bytes), last: None }
    }

    fn step(&mut self) -> Result<(u8, &'a [u8]), Refusal> {
        let kind = self.reader.u8()?;
        if self.last.is_some_and(|last| last >= kind) {
            return Err(Refusal::NotCanonical);
        }
        self.last = Some(kind);
        let length = self.reader.u16()?;
        Ok((kind, self.reader.take(length.into())?))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(u8, &'a [u8]), Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.remaining() == 0 {
            return None;
        }
        let entry = self.step();
        if entry.is_err() {
            // Fused: the list cannot be trusted past its first fault.
            self.reader = Reader::new(&[]);
        }
        Some(entry)
    }
}

/// Refuses a malformed list, and one with a critical type: this version of the format defines none.
pub(crate) fn refuse_critical(bytes: &[u8]) -> Result<(), Refusal> {
    for entry in Entries::new(bytes) {
        if entry?.0 >= CRITICAL {
            return Err(Refusal::UnknownCritical);
        }
    }
    Ok(())
}

/// Appends one entry. The caller keeps `value` below 64 KiB and types ascending.
pub(crate) fn push(out: &mut Vec<u8>, kind: u8, value: &[u8]) -> Result<(), Refusal> {
    let length = u16::try_from(value.len()).map_err(|_| Refusal::TooLong)?;
    out.push(kind);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(value);
    Ok(())
}
