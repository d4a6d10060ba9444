//! Identifiers: `<kind>_` and 13 characters of Crockford base32, `spec/snapshot.md` section 11.

use core::fmt;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of the number: 13 x 5 bits hold 64.
pub const DIGITS: usize = 13;

/// An identifier to be written as text, without allocating.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    kind: &'static str,
    number: u64,
}

impl Id {
    /// `kind` is the prefix without its underscore: `key`, `ks`, …
    pub const fn new(kind: &'static str, number: u64) -> Self {
        Self { kind, number }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        f.write_str("_")?;
        f.write_str(core::str::from_utf8(&digits(self.number)).map_err(|_| fmt::Error)?)
    }
}

/// The 13 characters of `number`.
pub fn digits(number: u64) -> [u8; DIGITS] {
    let mut out = [0; DIGITS];
    let mut rest = number;
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    out
}

/// The number in an id of this `kind`, or `None` for any other text: upper case, other lengths and look-alike letters included,
/// so that one object has one id.
pub fn parse(kind: &str, text: &str) -> Option<u64> {
    let digits = text.strip_prefix(kind)?.strip_prefix('_')?.as_bytes();
    if digits.len() != DIGITS {
        return None;
    }
    let mut number: u64 = 0;
    for digit in digits {
        let value = ALPHABET.iter().position(|letter| letter == digit)?;
        number = number.checked_mul(32)?.checked_add(value as u64)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn text_sorts_as_the_number_does_and_reads_back() {
        let numbers = [0, 1, 31, 32, 1 << 22, u64::MAX / 3, u64::MAX - 1, u64::MAX];
        let mut last = None;
        for number in numbers {
            let text = Id::new("key", number).to_string();
            assert_eq!(parse("key", &text), Some(number));
            assert!(last.as_ref() < Some(&text));
            last = Some(text);
        }
    }

    #[test]
    fn refuses_other_kinds_lengths_letters_and_overflow() {
        for text in [
            "ks_0000000000001",
            "key_000000000001",
            "key_00000000000001",
            "key_000000000000i",
            "key_000000000000A",
            "key_g000000000000",
            "key0000000000001",
            "",
            "key_",
        ] {
            assert_eq!(parse("key", text), None, "{text}");
        }
    }
}
