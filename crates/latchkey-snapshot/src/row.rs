//! Rows: one per secret. `spec/snapshot.md` section 4.

use alloc::vec::Vec;

use crate::Refusal;
use crate::profile::{Profile, ProfileBytes, ProfileView};

pub(crate) const ROW_BYTES: usize = 32;
const LIVE: u8 = 1;
const DISABLED: u8 = 1 << 1;
const REVOKED: u8 = 1 << 2;
const KNOWN_FLAGS: u8 = LIVE | DISABLED | REVOKED;
const EXPIRES_BYTES: usize = 5;

/// A row to be encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow {
    pub tag: [u8; 16],
    pub key_number: u64,
    /// Seconds since the epoch, below 2^40; `None` = never.
    pub expires_at: Option<u64>,
    pub live: bool,
    pub disabled: bool,
    pub revoked: bool,
    pub profile: Profile,
}

impl NewRow {
    /// The row without its profile.
    pub fn bare(&self) -> BareRow {
        BareRow {
            tag: self.tag,
            key_number: self.key_number,
            expires_at: self.expires_at,
            live: self.live,
            disabled: self.disabled,
            revoked: self.revoked,
        }
    }
}

/// What a row says by itself. Whoever encodes many rows encodes each of their profiles once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BareRow {
    pub tag: [u8; 16],
    pub key_number: u64,
    /// Seconds since the epoch, below 2^40; `None` = never.
    pub expires_at: Option<u64>,
    pub live: bool,
    pub disabled: bool,
    pub revoked: bool,
}

impl BareRow {
    pub(crate) fn write(&self, profile: u16, out: &mut Vec<u8>) -> Result<(), Refusal> {
        // 0 means never, so a row that expired at the epoch is written as the second after it.
        let expires_at = self.expires_at.map_or(0, |at| at.max(1)).to_le_bytes();
        if expires_at[EXPIRES_BYTES..] != [0; 8 - EXPIRES_BYTES] {
            return Err(Refusal::LimitExceeded);
        }
        out.extend_from_slice(&self.tag);
        out.extend_from_slice(&self.key_number.to_le_bytes());
        out.extend_from_slice(&expires_at[..EXPIRES_BYTES]);
        out.push(
            u8::from(self.live) * LIVE
                + u8::from(self.disabled) * DISABLED
                + u8::from(self.revoked) * REVOKED,
        );
        out.extend_from_slice(&profile.to_le_bytes());
        Ok(())
    }
}

/// A verified row and its profile, borrowed from the body that holds them.
#[derive(Clone, Copy, Debug)]
pub struct RowView<'a> {
    row: &'a [u8; ROW_BYTES],
    profile: ProfileBytes<'a>,
}

impl<'a> RowView<'a> {
    pub(crate) fn new(row: &'a [u8; ROW_BYTES], profile: ProfileBytes<'a>) -> Self {
        Self { row, profile }
    }

    pub fn tag(&self) -> &'a [u8; 16] {
        tag(self.row)
    }

    /// The number in the key's id: `key_…`.
    pub fn key_number(&self) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.row[16..24]);
        u64::from_le_bytes(bytes)
    }

    /// Seconds since the epoch; the key is expired from that second on. `None` = never.
    pub fn expires_at(&self) -> Option<u64> {
        let mut bytes = [0; 8];
        bytes[..EXPIRES_BYTES].copy_from_slice(&self.row[24..24 + EXPIRES_BYTES]);
        Some(u64::from_le_bytes(bytes)).filter(|at| *at != 0)
    }

    pub fn is_live(&self) -> bool {
        self.row[29] & LIVE != 0
    }

    pub fn is_disabled(&self) -> bool {
        self.row[29] & DISABLED != 0
    }

    pub fn is_revoked(&self) -> bool {
        self.row[29] & REVOKED != 0
    }

    /// Reads the profile, in one walk that allocates nothing.
    pub fn profile(&self) -> ProfileView<'a> {
        self.profile.view()
    }
}

pub(crate) fn tag(row: &[u8; ROW_BYTES]) -> &[u8; 16] {
    row.first_chunk().expect("a row is longer than its tag")
}

pub(crate) fn flags_are_known(row: &[u8; ROW_BYTES]) -> bool {
    row[29] & !KNOWN_FLAGS == 0
}

pub(crate) fn profile_index(row: &[u8; ROW_BYTES]) -> u16 {
    u16::from_le_bytes([row[30], row[31]])
}
