use crate::Refusal;

/// Reads little-endian fields off the front of a slice. Every read is checked, so no input can make it panic.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Refusal> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(Refusal::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Refusal::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Refusal> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Refusal> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Refusal> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Refusal> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Text behind a one-byte length.
    pub(crate) fn short_text(&mut self) -> Result<&'a str, Refusal> {
        core::str::from_utf8(self.short_bytes()?).map_err(|_| Refusal::NotCanonical)
    }

    /// Bytes behind a one-byte length.
    pub(crate) fn short_bytes(&mut self) -> Result<&'a [u8], Refusal> {
        let length = self.u8()?;
        self.take(length.into())
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Magic and version, the first five bytes of every object.
    pub(crate) fn header(&mut self, magic: [u8; 4], version: u8) -> Result<(), Refusal> {
        if self.array::<4>()? != magic {
            return Err(Refusal::BadMagic);
        }
        if self.u8()? != version {
            return Err(Refusal::UnknownVersion);
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<(), Refusal> {
        if self.rest.is_empty() { Ok(()) } else { Err(Refusal::TrailingBytes) }
    }
}
