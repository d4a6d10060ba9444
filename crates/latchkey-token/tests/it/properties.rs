use latchkey_token::{
    Environment, ForeignToken, MAX_TOKEN_LEN, MIN_TOKEN_LEN, Prefix, TokenShapes, parse, parse_presented,
};
use proptest::prelude::*;

/// The checksum bit by bit, as spec/token.md states it.
fn reference_token(prefix: &str, environment: &str, secret: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let body = format!("{prefix}_{environment}_{secret}");
    let mut crc = u32::MAX;
    for byte in body.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
        }
    }
    crc ^= u32::MAX;
    let check: String =
        (0..6).rev().map(|place| char::from(DIGITS[(crc / 62_u32.pow(place) % 62) as usize])).collect();
    body + &check
}

prop_compose! {
    fn token()(
        prefix in "[a-z][a-z0-9]{0,10}", environment in "(test|live)", secret in "[0-9A-Za-z]{32}",
    ) -> String {
        reference_token(&prefix, &environment, &secret)
    }
}

proptest! {
    #[test]
    fn every_token_of_the_grammar_parses_into_its_parts(
        prefix in "[a-z][a-z0-9]{0,10}", environment in "(test|live)", secret in "[0-9A-Za-z]{32}",
    ) {
        let text = reference_token(&prefix, &environment, &secret);
        let token = parse(text.as_bytes()).expect("it follows the grammar");
        prop_assert_eq!(token.prefix(), Prefix::new(&prefix).expect("a valid prefix"));
        prop_assert_eq!(token.environment(), environment.parse::<Environment>().expect("an environment"));
        prop_assert_eq!(token.secret(), secret.as_bytes());
        prop_assert_eq!(token.as_bytes(), text.as_bytes());
        prop_assert!(text.starts_with(token.start()));
    }

    #[test]
    fn changing_any_one_byte_is_noticed(text in token(), index in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut changed = text.clone().into_bytes();
        let index = index.index(changed.len());
        prop_assume!(changed[index] != byte);
        changed[index] = byte;
        prop_assert!(parse(&changed).is_err());
    }

    #[test]
    fn swapping_neighbours_is_noticed(text in token(), index in any::<prop::sample::Index>()) {
        let mut changed = text.clone().into_bytes();
        let index = index.index(changed.len() - 1);
        prop_assume!(changed[index] != changed[index + 1]);
        changed.swap(index, index + 1);
        prop_assert!(parse(&changed).is_err());
    }

    #[test]
    fn losing_or_gaining_a_byte_is_noticed(text in token(), index in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut shorter = text.clone().into_bytes();
        shorter.remove(index.index(text.len()));
        prop_assert!(parse(&shorter).is_err());
        let mut longer = text.into_bytes();
        longer.insert(index.index(longer.len() + 1), byte);
        prop_assert!(parse(&longer).is_err());
    }

    #[test]
    fn no_input_makes_the_parsers_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&text);
        let _ = ForeignToken::parse(&text);
        let _ = parse_presented(&text, TokenShapes::AlsoForeign);
    }

    #[test]
    fn texts_that_look_nearly_right_do_not_make_the_parser_panic(
        text in "[a-z0-9]{0,12}_(test|live|Test|liv)_[0-9A-Za-z_]{30,40}",
    ) {
        if let Ok(token) = parse(text.as_bytes()) {
            prop_assert!((MIN_TOKEN_LEN..=MAX_TOKEN_LEN).contains(&token.as_bytes().len()));
        }
    }

    #[test]
    fn a_prefix_is_taken_exactly_when_it_follows_the_grammar(text in "[a-cA_0-2é]{0,13}") {
        let expected = text.len() <= 11
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.chars().all(|other| other.is_ascii_lowercase() || other.is_ascii_digit());
        prop_assert_eq!(Prefix::new(&text).is_ok(), expected);
    }
}
