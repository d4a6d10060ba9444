//! Tokens that a caller chose, and whether they can be guessed.

use std::fmt;

use latchkey_token::{Digest, Environment, ForeignToken, TokenShapes, parse};
use latchkey_validator::Credential;
use zeroize::Zeroizing;

/// Bits that a caller-chosen token must hold by [`estimated_bits`].
const MIN_BITS: f64 = 128.0;
/// A character that carries on a run such as `aaaa` or `4567`, from the fourth on.
const RUN_BITS: f64 = 1.0;
/// About what a letter of a sentence holds.
const PROSE_BITS: f64 = 2.0;
/// Of the letters of words, at most this part is of the rarer case: `AnotherSecretOfOurs` has a fifth of it. One of 280 random tokens has no digit, and
/// those have about half.
const PROSE_CASE: f64 = 0.25;
/// From this length on something that stood there before is a repetition and no accident.
const REPEATED: usize = 4;

/// A token that a caller chose: wiped from memory when dropped, and never printed.
pub struct ChosenToken(Zeroizing<String>);

impl ChosenToken {
    /// Wraps what a caller sent.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// SHA-256 of the token's bytes.
    pub fn digest(&self) -> Digest {
        latchkey_token::digest(self.0.as_bytes())
    }

    /// The token as a gate is shown it.
    pub fn credential(&self) -> Credential<'_> {
        Credential::Token(self.0.as_bytes())
    }

    /// Checks that gates take the token and that it cannot be guessed, and returns what may be shown of it.
    ///
    /// # Errors
    /// A sentence for the caller who chose it, without any part of the token.
    pub fn check(&self, shapes: TokenShapes, environment: Environment) -> Result<String, String> {
        if let Ok(token) = parse(self.0.as_bytes()) {
            if token.environment() != environment {
                return Err("says another environment than the key's".to_owned());
            }
            let secret = std::str::from_utf8(token.secret()).unwrap_or_default();
            return guessable(secret).map(|()| token.start().to_owned());
        }
        if shapes == TokenShapes::OnlyLatchkey {
            return Err("is no Latchkey token; to use others, set foreign_tokens of the keyspace".to_owned());
        }
        let token = ForeignToken::parse(self.0.as_bytes())
            .map_err(|_| "must have 16 to 255 visible ASCII characters without spaces".to_owned())?;
        guessable(&self.0).map(|()| token.start().to_owned())
    }
}

impl fmt::Debug for ChosenToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChosenToken([hidden])")
    }
}

fn guessable(text: &str) -> Result<(), String> {
    let bits = estimated_bits(text);
    if bits < MIN_BITS {
        return Err(format!(
            "must hold at least {MIN_BITS} bits of randomness; this one is taken for {bits:.0}, as with {} random letters and digits",
            (bits / 62f64.log2()).round()
        ));
    }
    Ok(())
}

/// How many bits a guesser needs at least for a text, judged by its looks alone; no judgement of looks can tell that a text
/// was drawn at random.
///
/// Every character counts as one drawn from an alphabet, whose size is the smaller of two: the classes that its characters
/// belong to (10 digits, 16 hexadecimal digits, 26 letters of a case, 33 signs), and the size that the number of different
/// characters suggests, with three to spare for chance. Of that, the following count less: whatever repeats four or more
/// characters that came before counts as one character; a character that carries on a run (`aaaa`, `4567`, `dcba`) from the
/// fourth on counts one bit; and without any digit, and with few letters of one case, the text is taken for words, at two bits a character.
pub fn estimated_bits(text: &str) -> f64 {
    let bytes = text.as_bytes();
    let per_character = if looks_like_words(bytes) {
        PROSE_BITS
    } else {
        class_size(bytes).min(suggested_size(bytes)).log2()
    };
    let (mut at, mut bits) = (0, 0.0);
    while at < bytes.len() {
        let repeated = longest_repetition(bytes, at);
        if repeated >= REPEATED {
            bits += per_character;
            at += repeated;
        } else {
            bits += if carries_on_a_run(bytes, at) { RUN_BITS.min(per_character) } else { per_character };
            at += 1;
        }
    }
    bits
}

fn looks_like_words(bytes: &[u8]) -> bool {
    let count = |class: fn(&u8) -> bool| bytes.iter().filter(|byte| class(byte)).count() as f64;
    let (upper, lower) = (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    count(u8::is_ascii_digit) == 0.0 && upper.min(lower) <= PROSE_CASE * (upper + lower)
}

fn class_size(bytes: &[u8]) -> f64 {
    type Class = fn(&u8) -> bool;
    let any = |class: Class| bytes.iter().any(class);
    let all = |class: Class| bytes.iter().all(class);
    if all(u8::is_ascii_digit) {
        return 10.0;
    }
    if all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        || all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
    {
        return 16.0;
    }
    let classes: [(Class, f64); 4] = [
        (u8::is_ascii_digit, 10.0),
        (u8::is_ascii_lowercase, 26.0),
        (u8::is_ascii_uppercase, 26.0),
        (|byte| !byte.is_ascii_alphanumeric(), 33.0),
    ];
    classes.into_iter().filter(|(class, _)| any(*class)).map(|(_, size)| size).sum()
}

/// The smallest alphabet of which as many draws are expected to show as many different characters.
fn suggested_size(bytes: &[u8]) -> f64 {
    let mut seen = [false; 256];
    bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    let different = seen.iter().filter(|seen| **seen).count() as f64 + 3.0;
    let draws = bytes.len() as f64;
    let expected = |size: f64| size * (1.0 - (1.0 - 1.0 / size).powf(draws));
    (1..=95).map(f64::from).find(|size| expected(*size) >= different).unwrap_or(95.0)
}

/// How many characters from `at` on stand in the text before, counted up to where they are.
fn longest_repetition(bytes: &[u8], at: usize) -> usize {
    let common = |from: usize| {
        bytes[from..at].iter().zip(&bytes[at..]).take_while(|(one, other)| one == other).count()
    };
    (0..at).map(common).max().unwrap_or(0)
}

fn carries_on_a_run(bytes: &[u8], at: usize) -> bool {
    let Some(from) = at.checked_sub(3) else { return false };
    let step = |at: usize| i16::from(bytes[at + 1]) - i16::from(bytes[at]);
    (-1..=1).contains(&step(from)) && (from..at).all(|place| step(place) == step(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_tokens_of_every_common_alphabet_pass() {
        let mut seed = 1u64;
        let mut draw = |alphabet: &[u8], length: usize| -> String {
            let mut next = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 33) as usize
            };
            (0..length).map(|_| char::from(alphabet[next() % alphabet.len()])).collect()
        };
        let base62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let passes = |text: &str| estimated_bits(text) >= MIN_BITS;
        for (alphabet, length) in [(&base62[..], 32), (&base62[..36], 32), (b"0123456789abcdef", 40)] {
            let refused = (0..5_000).map(|_| draw(alphabet, length)).find(|text| !passes(text));
            assert_eq!(refused, None, "{length} of {}", alphabet.len());
        }
    }

    #[test]
    fn long_texts_that_can_be_guessed_do_not_pass() {
        for text in [
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1",
            "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "S3cret!S3cret!S3cret!S3cret!S3cret!S3cret!S3cret!S3cret!",
            "my-company-production-token-for-the-billing-service",
            "MyCompanyProductionTokenForTheBillingServiceOfOurs",
            "MY_COMPANY_PRODUCTION_TOKEN_FOR_THE_BILLING_SERVICE",
            "00000000-0000-0000-0000-000000000001",
            "202620262026202620262026202620262026202620262026",
            "short1A!short",
        ] {
            assert!(estimated_bits(text) < MIN_BITS, "{text}: {}", estimated_bits(text));
        }
    }

    #[test]
    fn nothing_of_a_token_is_in_what_is_said_of_it() {
        let text = "hunter2hunter2hunter2";
        let token = ChosenToken::new(text.to_owned());
        assert!(!format!("{token:?}").contains("hunter"));
        for shapes in [TokenShapes::OnlyLatchkey, TokenShapes::AlsoForeign] {
            assert!(!token.check(shapes, Environment::Test).unwrap_err().contains("hunter"));
        }
    }
}
