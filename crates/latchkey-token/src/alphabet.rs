//! Base62 digits, the checksum written in them, and checks of whole texts (spec/token.md sections 1 to 3).

use crate::CHECK_LEN;

pub(crate) const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The checksum of everything before it: six digits, most significant first, padded with `0`.
pub(crate) fn check_digits(body: &[u8]) -> [u8; CHECK_LEN] {
    let mut rest = crc32(body);
    let mut digits = [0; CHECK_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

const LANES: usize = 8;

/// `LANE_TABLES[lane][byte]` is what a byte adds to the checksum when `lane` more bytes follow it.
static LANE_TABLES: [[u32; 256]; LANES] = lane_tables();

/// CRC-32/ISO-HDLC, eight bytes a step. By hand, because every gate carries its tables: 8 KiB, half of what a crate of the same speed
/// takes, and a token's few bytes past a multiple of eight cost little.
fn crc32(bytes: &[u8]) -> u32 {
    let (chunks, rest) = bytes.as_chunks::<LANES>();
    let mut crc = u32::MAX;
    for chunk in chunks {
        let mixed = u64::from_le_bytes(*chunk) ^ u64::from(crc);
        let lanes = mixed.to_le_bytes().into_iter().zip(LANE_TABLES.iter().rev());
        crc = lanes.fold(0, |sum, (byte, table)| sum ^ table[usize::from(byte)]);
    }
    let step = |crc: u32, byte: &u8| (crc >> 8) ^ LANE_TABLES[0][usize::from(crc as u8 ^ byte)];
    !rest.iter().fold(crc, step)
}

const fn lane_tables() -> [[u32; 256]; LANES] {
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    let mut tables = [[0; 256]; LANES];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut lane = 1;
    while lane < LANES {
        let mut byte = 0;
        while byte < 256 {
            let shorter = tables[lane - 1][byte];
            tables[lane][byte] = (shorter >> 8) ^ tables[0][(shorter & 0xff) as usize];
            byte += 1;
        }
        lane += 1;
    }
    tables
}

/// Whether every byte is a letter or a digit.
pub(crate) fn are_base62(bytes: &[u8]) -> bool {
    all_words(bytes, |word| between(word, b'0', b'9') | between(word | each(0x20), b'a', b'z'))
}

/// Whether every byte is visible ASCII.
pub(crate) fn are_visible(bytes: &[u8]) -> bool {
    all_words(bytes, |word| between(word, 0x21, 0x7e))
}

/// Eight bytes at a time in one register: Wasm has no vector instructions unless a build asks for them, and looking at single bytes costs a
/// gate as much as a third of the hash.
fn all_words(bytes: &[u8], allowed: impl Fn(u64) -> u64) -> bool {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let mut last = [b'0'; 8];
    last[..rest.len()].copy_from_slice(rest);
    let words = chunks.iter().chain([&last]).map(|chunk| u64::from_le_bytes(*chunk));
    // Without its top bit no byte can carry over into the next one.
    words.fold(each(0x80), |so_far, word| so_far & allowed(word & each(0x7f)) & !word) == each(0x80)
}

/// Sets the top bit of each byte of `word` that is in `low..=high`. All three are below 0x80.
const fn between(word: u64, low: u8, high: u8) -> u64 {
    let from_low = word + each(0x80 - low);
    let past_high = word + each(0x7f - high);
    from_low & !past_high & each(0x80)
}

const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_zlib() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn every_byte_is_judged_alike_at_every_place() {
        for byte in 0..=255_u8 {
            for length in 1..=17 {
                for place in 0..length {
                    let mut text = [b'a'; 17];
                    text[place] = byte;
                    assert_eq!(
                        are_base62(&text[..length]),
                        byte.is_ascii_alphanumeric(),
                        "{byte} at {place}"
                    );
                    assert_eq!(are_visible(&text[..length]), byte.is_ascii_graphic(), "{byte} at {place}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn texts_are_judged_as_their_bytes_are(text in "[ -~\u{0}-\u{ff}]{0,40}") {
            let bytes = text.as_bytes();
            prop_assert_eq!(are_base62(bytes), bytes.iter().all(u8::is_ascii_alphanumeric));
            prop_assert_eq!(are_visible(bytes), bytes.iter().all(u8::is_ascii_graphic));
        }
    }
}
