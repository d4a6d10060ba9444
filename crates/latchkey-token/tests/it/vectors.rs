//! The cases of spec/vectors/token.json, which spec/vectors/token.mjs computes without this crate.

use latchkey_token::credential::{CredentialError, bearer};
use latchkey_token::{
    Digest, Pepper, PresentedToken, Tag, TagScheme, TokenShapes, parse, parse_presented, tag,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Document {
    pepper: PepperCase,
    tokens: Vec<TokenCase>,
    foreign: Vec<TokenCase>,
    authorization: Vec<AuthorizationCase>,
}

#[derive(Deserialize)]
struct PepperCase {
    version: u8,
    key: String,
}

#[derive(Deserialize)]
struct TokenCase {
    number: u32,
    name: String,
    input: String,
    error: Option<String>,
    foreign_error: Option<String>,
    prefix: Option<String>,
    environment: Option<String>,
    secret: Option<String>,
    check: Option<String>,
    start: Option<String>,
    digest: Option<String>,
    tag: Option<String>,
    tag_with_pepper: Option<String>,
}

#[derive(Deserialize)]
struct AuthorizationCase {
    number: u32,
    name: String,
    value: String,
    token: Option<String>,
    error: Option<String>,
}

fn document() -> Document {
    serde_json::from_str(include_str!("../../../../spec/vectors/token.json")).expect("the vectors parse")
}

/// Inputs are byte strings written in Latin-1.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).expect("Latin-1")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

fn text(bytes: &[u8]) -> Option<String> {
    Some(String::from_utf8(bytes.to_vec()).expect("ASCII"))
}

#[test]
fn tokens_are_parsed_or_refused_as_the_vectors_say() {
    for case in document().tokens {
        let input = bytes(&case.input);
        let label = format!("{} {}", case.number, case.name);
        match (parse(&input), &case.error) {
            (Ok(token), None) => {
                assert_eq!(Some(token.prefix().to_string()), case.prefix, "{label}");
                assert_eq!(Some(token.environment().to_string()), case.environment, "{label}");
                assert_eq!(text(token.secret()), case.secret, "{label}");
                assert_eq!(text(token.check()), case.check, "{label}");
                assert_eq!(Some(token.start()), case.start.as_deref(), "{label}");
                assert_hashes(&case, token.digest());
            }
            (Err(reason), Some(error)) => assert_eq!(reason.name(), error, "{label}"),
            (outcome, expected) => panic!("{label}: got {outcome:?}, expected error {expected:?}"),
        }
    }
}

#[test]
fn foreign_tokens_are_refused_unless_the_keyspace_takes_them() {
    for case in document().foreign {
        let label = format!("{} {}", case.number, case.name);
        let input = bytes(&case.input);
        assert!(parse_presented(&input, TokenShapes::OnlyLatchkey).is_err(), "{label}");
        match parse_presented(&input, TokenShapes::AlsoForeign) {
            Ok(PresentedToken::Foreign(token)) => {
                assert_eq!(Some(token.start()), case.start.as_deref(), "{label}");
                assert_hashes(&case, token.digest());
            }
            other => panic!("{label}: {other:?}"),
        }
    }
}

#[test]
fn refused_tokens_are_foreign_ones_where_their_shape_allows() {
    for case in document().tokens {
        let label = format!("{} {}", case.number, case.name);
        match (parse_presented(&bytes(&case.input), TokenShapes::AlsoForeign), case.error, case.foreign_error)
        {
            (Ok(PresentedToken::Latchkey(_)), None, None) => {}
            (Ok(PresentedToken::Foreign(_)), Some(_), None) => {}
            (Err(reason), Some(_), Some(expected)) => assert_eq!(reason.name(), expected, "{label}"),
            (outcome, ..) => panic!("{label}: {outcome:?}"),
        }
    }
}

#[test]
fn authorization_values_give_the_tokens_that_the_vectors_say() {
    for case in document().authorization {
        let label = format!("{} {}", case.number, case.name);
        let value = bytes(&case.value);
        match (bearer(&value), case.token, case.error) {
            (Ok(token), Some(expected), None) => assert_eq!(token, bytes(&expected), "{label}"),
            (Err(reason), None, Some(expected)) => {
                assert_eq!(credential_error_name(reason), expected, "{label}")
            }
            (outcome, ..) => panic!("{label}: {outcome:?}"),
        }
    }
}

fn credential_error_name(error: CredentialError) -> &'static str {
    match error {
        CredentialError::OtherScheme => "other_scheme",
        CredentialError::NoToken => "no_token",
        CredentialError::Junk => "junk",
        CredentialError::TooLong => "too_long",
        _ => "unknown",
    }
}

fn assert_hashes(case: &TokenCase, digest: Digest) {
    let PepperCase { version, key } = document().pepper;
    let pepper = Pepper::new(version, &unhex(&key).try_into().expect("32 bytes"));
    let peppered = TagScheme::HmacSha256 { pepper_version: version };
    let hex_tag = |tag: Tag| Some(hex(&tag.0));
    assert_eq!(Some(hex(&digest.0)), case.digest, "{}", case.name);
    assert_eq!(
        hex_tag(tag(TagScheme::Sha256, None, &digest).expect("no pepper is needed")),
        case.tag,
        "{}",
        case.name
    );
    assert_eq!(
        hex_tag(tag(peppered, Some(&pepper), &digest).expect("the pepper is held")),
        case.tag_with_pepper,
        "{}",
        case.name
    );
}
