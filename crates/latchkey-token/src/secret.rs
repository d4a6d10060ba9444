use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroize;

use crate::alphabet::{DIGITS, check_digits};
use crate::{
    AFTER_PREFIX_LEN, CHECK_LEN, Digest, Environment, MAX_TOKEN_LEN, Prefix, SECRET_LEN, UnverifiedToken,
    parse,
};

/// A token that was just made. It cannot be printed by accident and is wiped from memory when dropped.
#[derive(Clone)]
pub struct SecretToken {
    bytes: [u8; MAX_TOKEN_LEN],
    len: u8,
}

/// Makes a token from the caller's randomness. Each of the 62^32 secrets is equally likely.
///
/// Returns only once `rng` has delivered bytes below 248; a generator stuck on larger ones would never end it, and
/// `CryptoRng` promises that there is none.
pub fn generate(prefix: &Prefix, environment: Environment, rng: &mut impl CryptoRng) -> SecretToken {
    let prefix = prefix.as_bytes();
    let secret_at = prefix.len() + 6;
    let check_at = secret_at + SECRET_LEN;

    let mut token = SecretToken { bytes: [0; MAX_TOKEN_LEN], len: (prefix.len() + AFTER_PREFIX_LEN) as u8 };
    token.bytes[..prefix.len()].copy_from_slice(prefix);
    token.bytes[prefix.len()] = b'_';
    token.bytes[prefix.len() + 1..secret_at - 1].copy_from_slice(environment.as_str().as_bytes());
    token.bytes[secret_at - 1] = b'_';
    fill_with_digits(&mut token.bytes[secret_at..check_at], rng);
    let check = check_digits(&token.bytes[..check_at]);
    token.bytes[check_at..check_at + CHECK_LEN].copy_from_slice(&check);
    token
}

/// Bytes of 248 and above are thrown away: keeping them would make the first eight digits likelier than the others.
fn fill_with_digits(digits: &mut [u8], rng: &mut impl CryptoRng) {
    const UNBIASED: u8 = 248;
    let mut random = [0; 2 * SECRET_LEN];
    let mut filled = 0;
    while filled < digits.len() {
        rng.fill_bytes(&mut random);
        let usable = random.iter().filter(|byte| **byte < UNBIASED);
        for (digit, byte) in digits[filled..].iter_mut().zip(usable) {
            *digit = DIGITS[usize::from(byte % 62)];
            filled += 1;
        }
    }
    random.zeroize();
}

impl SecretToken {
    /// The token's text, for the one response that hands it out.
    pub fn expose(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).expect("a token is ASCII")
    }

    /// What may be stored and shown so that people recognise the key, such as `demo_test_ab12`.
    pub fn start(&self) -> &str {
        self.as_unverified().start()
    }

    /// SHA-256 of the token's bytes.
    pub fn digest(&self) -> Digest {
        self.as_unverified().digest()
    }

    fn as_unverified(&self) -> UnverifiedToken<'_> {
        parse(self.as_bytes()).expect("a generated token follows the grammar")
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl Drop for SecretToken {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for SecretToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretToken([hidden])")
    }
}

impl fmt::Display for SecretToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}
