//! Tokens: parsing takes one text for one token, and says the same of it each time.

use latchkey_token::credential::bearer;
use latchkey_token::{TokenShapes, digest, parse, parse_presented};

use crate::fixture;

pub(crate) fn run(bytes: &[u8]) {
    if let Ok(token) = bearer(bytes) {
        let start = bytes.len() - token.len();
        assert_eq!(&bytes[start..], token, "a credential is what stands at the header's end");
    }
    let strict = parse_presented(bytes, TokenShapes::OnlyLatchkey);
    let loose = parse_presented(bytes, TokenShapes::AlsoForeign);
    if let Ok(token) = &strict {
        assert!(bytes.is_ascii(), "a token is ASCII");
        assert!(token.environment().is_some(), "a Latchkey token says its environment");
        assert!(loose.is_ok(), "what is taken strictly is taken loosely");
        assert_eq!(token.digest(), digest(bytes), "a digest covers every byte");
    }
    // One character off is another text, and the checksum sees every such change.
    if parse(bytes).is_ok() && strict.is_ok() {
        let mut other = bytes.to_vec();
        let last = other.len() - 1;
        other[last] = if other[last] == b'0' { b'1' } else { b'0' };
        assert!(parse(&other).is_err(), "a wrong check is noticed");
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let token = fixture::token(latchkey_token::Environment::Live, 7);
    vec![
        token.clone().into_bytes(),
        format!("Bearer {token}").into_bytes(),
        fixture::token(latchkey_token::Environment::Test, 8).into_bytes(),
        b"sk-foreign-1234567890abcdef".to_vec(),
    ]
}
