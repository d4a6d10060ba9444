use std::convert::Infallible;

use latchkey_token::{Environment, Prefix, generate, parse};
use rand_core::{TryCryptoRng, TryRng};

/// Repeats a script of bytes, so that a test decides what the generator sees.
struct Script {
    bytes: Vec<u8>,
    at: usize,
}

impl Script {
    fn new(bytes: impl IntoIterator<Item = u8>) -> Self {
        Self { bytes: bytes.into_iter().collect(), at: 0 }
    }
}

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Infallible> {
        for byte in target {
            *byte = self.bytes[self.at % self.bytes.len()];
            self.at += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for Script {}

fn prefix(text: &str) -> Prefix {
    Prefix::new(text).expect("a valid prefix")
}

#[test]
fn a_generated_token_parses_to_what_it_was_made_from() {
    let token = generate(&prefix("demo"), Environment::Test, &mut Script::new(0..=255));
    let parsed = parse(token.expose().as_bytes()).expect("it follows the grammar");
    assert_eq!(parsed.prefix().as_str(), "demo");
    assert_eq!(parsed.environment(), Environment::Test);
    assert_eq!(parsed.digest(), token.digest());
    assert_eq!(token.start(), "demo_test_0123");
}

#[test]
fn bytes_that_would_favour_some_digits_are_thrown_away() {
    // 248..=255 would come out as 0..=7 a fifth time; each is followed by a byte that is kept.
    let script = (0..32).flat_map(|n| [248 + (n % 8), 61]);
    let token = generate(&prefix("demo"), Environment::Live, &mut Script::new(script));
    let parsed = parse(token.expose().as_bytes()).expect("it follows the grammar");
    assert_eq!(parsed.secret(), [b'z'; 32]);
}

#[test]
fn every_digit_comes_from_the_same_number_of_bytes() {
    let mut counts = std::collections::BTreeMap::new();
    for byte in 0..248 {
        let token = generate(&prefix("demo"), Environment::Live, &mut Script::new([byte]));
        let first = parse(token.expose().as_bytes()).expect("it follows the grammar").secret()[0];
        *counts.entry(first).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 62);
    assert!(counts.values().all(|count| *count == 4), "{counts:?}");
}

#[test]
fn a_secret_token_is_not_printed() {
    let token = generate(&prefix("demo"), Environment::Test, &mut Script::new(0..=255));
    let secret = &token.expose()[10..];
    for printed in [format!("{token}"), format!("{token:?}"), format!("{:#?}", Some(&token))] {
        assert!(!printed.contains(&secret[..8]), "{printed}");
    }
    let parsed = parse(token.expose().as_bytes()).expect("it parses");
    for printed in [format!("{parsed:?}"), format!("{:?}", parsed.digest())] {
        assert!(!printed.contains(&secret[..8]), "{printed}");
    }
}
