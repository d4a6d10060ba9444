//! Base62 digits and the checksum written in them (spec/token.md sections 2 and 3).

use crc::{CRC_32_ISO_HDLC, Crc, Table};

use crate::CHECK_LEN;

pub(crate) const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Sixteen lanes cost 16 KiB of table and make the checksum a small part of the one SHA-256 block that follows.
static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

/// The checksum of everything before it: six digits, most significant first, padded with `0`.
pub(crate) fn check_digits(body: &[u8]) -> [u8; CHECK_LEN] {
    let mut rest = CRC.checksum(body);
    let mut digits = [0; CHECK_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

/// Whether every byte is allowed. Looks at all of them: without an early exit the loop becomes a few vector instructions,
/// and good tokens, which are what matters, have to be looked at in full anyway.
pub(crate) fn all(bytes: &[u8], is_allowed: impl Fn(&u8) -> bool) -> bool {
    bytes.iter().fold(true, |so_far, byte| so_far & is_allowed(byte))
}
