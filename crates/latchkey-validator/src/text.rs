//! Text of a request as it came, compared as an upstream would decode it.

/// What an upstream undoes before it uses a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Nothing: a header.
    Plain,
    /// Percent escapes: a path segment.
    Percent,
    /// Percent escapes, and `+` for a space: a query.
    Form,
}

/// Text and how it is encoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
}

/// An escape without two hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BadEscape;

impl<'a> Text<'a> {
    pub(crate) fn new(bytes: &'a [u8], encoding: Encoding) -> Self {
        Self { bytes, encoding }
    }

    /// Whether this decodes to one of the values. What cannot be decoded equals nothing.
    pub(crate) fn is_one_of<'v>(&self, mut values: impl Iterator<Item = &'v [u8]>) -> bool {
        if self.stands_for_itself() {
            return values.any(|value| value == self.bytes);
        }
        values.any(|value| self.strip_from(value) == Some(&[]))
    }

    fn stands_for_itself(&self) -> bool {
        match self.encoding {
            Encoding::Plain => true,
            Encoding::Percent | Encoding::Form => !self.bytes.iter().any(|byte| matches!(byte, b'%' | b'+')),
        }
    }

    /// What is left of `value` behind this text, if `value` begins with it.
    pub(crate) fn strip_from<'v>(&self, value: &'v [u8]) -> Option<&'v [u8]> {
        let mut rest = value;
        for byte in self.decoded() {
            let (first, after) = rest.split_first()?;
            if Ok(*first) != byte {
                return None;
            }
            rest = after;
        }
        Some(rest)
    }

    pub(crate) fn decoded(&self) -> Decoded<'a> {
        Decoded { rest: self.bytes, encoding: self.encoding }
    }
}

/// The bytes of a [`Text`] after decoding.
pub(crate) struct Decoded<'a> {
    rest: &'a [u8],
    encoding: Encoding,
}

impl Iterator for Decoded<'_> {
    type Item = Result<u8, BadEscape>;

    fn next(&mut self) -> Option<Self::Item> {
        let (first, after) = self.rest.split_first()?;
        self.rest = after;
        Some(match (first, self.encoding) {
            (b'%', Encoding::Percent | Encoding::Form) => match after.split_at_checked(2) {
                Some((digits, after)) => {
                    self.rest = after;
                    unescape(digits).ok_or(BadEscape)
                }
                None => Err(BadEscape),
            },
            (b'+', Encoding::Form) => Ok(b' '),
            (byte, _) => Ok(*byte),
        })
    }
}

/// The byte that two hex digits stand for.
pub(crate) fn unescape(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let value = |digit: u8| char::from(digit).to_digit(16);
    Some((value(*high)? * 16 + value(*low)?) as u8)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    impl Text<'_> {
        fn equals(&self, value: &[u8]) -> bool {
            self.is_one_of([value].into_iter())
        }
    }

    #[test]
    fn each_place_of_a_request_is_decoded_in_its_own_way() {
        for (bytes, plain, percent, form) in [
            ("a+b", "a+b", "a+b", "a b"),
            ("a%20b", "a%20b", "a b", "a b"),
            ("a%2Bb", "a%2Bb", "a+b", "a+b"),
            ("%C3%a9", "%C3%a9", "é", "é"),
        ] {
            let text = |encoding| Text::new(bytes.as_bytes(), encoding);
            assert!(text(Encoding::Plain).equals(plain.as_bytes()), "{bytes}");
            assert!(text(Encoding::Percent).equals(percent.as_bytes()), "{bytes}");
            assert!(text(Encoding::Form).equals(form.as_bytes()), "{bytes}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_equals_nothing() {
        for bytes in ["%", "%2", "%zz", "a%", "%+1"] {
            let text = Text::new(bytes.as_bytes(), Encoding::Form);
            assert!(!text.equals(bytes.as_bytes()), "{bytes}");
            assert!(text.decoded().collect::<Result<Vec<u8>, _>>().is_err(), "{bytes}");
        }
    }

    #[test]
    fn a_prefix_is_not_the_whole() {
        let text = Text::new(b"Main", Encoding::Plain);
        assert!(!text.equals(b"Mainnet") && !Text::new(b"Mainnet", Encoding::Plain).equals(b"Main"));
        assert_eq!(text.strip_from(b"Mainnet"), Some(&b"net"[..]));
    }
}
