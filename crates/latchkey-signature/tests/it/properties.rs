//! What holds for every request: a change of anything covered refuses, and no bytes make the parser panic or dawdle.

use std::time::{Duration, Instant};

use latchkey_signature::{Digests, Outcome, limits};
use proptest::prelude::*;

use crate::fixture::{Message, USUAL};

const COVERED: &str =
    r#"("@method" "@target-uri" "x-one" "x-two");created=1700000000;keyid="sk_1";nonce="n""#;

fn messages() -> impl Strategy<Value = Message> {
    let value = "[!-~]([ -~]{0,20}[!-~])?";
    ("[A-Z]{3,7}", "[a-z]{1,10}\\.example", "/[a-z0-9/]{0,20}", "(\\?[a-z0-9=&%+]{0,20})?", value, value)
        .prop_map(|(method, authority, path, query, one, two)| {
            let message = Message { method, authority, ..Message::get(&(path + &query)) };
            message.with("x-one", &one).with("x-two", &two).signed(COVERED)
        })
}

/// Changes one thing that is covered, to something that differs.
fn change(message: &Message, which: usize, by: &str) -> Message {
    let mut changed = message.clone();
    match which % 7 {
        0 => changed.method.push_str(by),
        1 => changed.authority.insert_str(0, by),
        2 => changed.target.push_str(by),
        3 => changed.target.insert_str(1, by),
        4 => changed.scheme = "http".to_owned(),
        5 => changed.fields[0].1.push_str(by),
        _ => changed.fields[1].1.insert_str(0, by),
    }
    changed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_change_of_any_covered_component_is_refused(message in messages(), which in 0usize..7, by in "[a-z]{1,4}") {
        prop_assert!(matches!(message.verify(), Ok(Outcome::Verified(_))));
        prop_assert!(change(&message, which, &by).verify().is_err());
    }

    #[test]
    fn a_change_of_any_character_of_the_signature_fields_is_refused(message in messages(), field in 2usize..4, at in any::<prop::sample::Index>(), to in b'!'..=b'~') {
        let mut changed = message.clone();
        let value = &mut changed.fields[field].1;
        let at = at.index(value.len());
        prop_assume!(value.as_bytes()[at] != to);
        // Spaces between components are not signed, and the last digit of base64 has bits that mean nothing.
        prop_assume!(value.as_bytes()[at] != b' ' && (field, at) != (3, value.len() - "Q==:".len()));
        value.replace_range(at..=at, char::from(to).to_string().as_str());
        prop_assert!(changed.verify().is_err(), "{}", changed.fields[field].1);
    }

    #[test]
    fn no_text_makes_the_parser_panic(input in "\\PC{0,300}", signature in "\\PC{0,100}", digest in "\\PC{0,100}") {
        let message = Message::get("/").with("signature-input", &input).with("signature", &signature);
        prop_assert!(message.verify().is_err());
        let _ = Digests::parse(&digest);
    }

    #[test]
    fn no_text_of_the_right_letters_makes_the_parser_panic(input in "(sig1|a|=|\\(|\\)|;|,|\"|\\\\|:|\\?|@|%|-|\\.| |\t|1|keyid|\"sk_1\"|\"@query-param\"|;name=\"a\"){0,60}") {
        let signed = Message::get("/?a=1").signed(USUAL);
        let mut message = signed.clone();
        message.fields[0].1 = input.clone();
        prop_assert!(message.verify().is_err());
        message.fields[0].1 = signed.fields[0].1.replace("sig1=(", &format!("sig1=({input} "));
        let _ = message.verify();
        message.fields[0].1 = format!("{}{input}", signed.fields[0].1);
        let _ = message.verify();
    }
}

/// Seconds for a field of this length, the least of several tries: noise only ever adds.
fn time_of(length: usize, piece: &str) -> Duration {
    let field = piece.repeat(length / piece.len());
    let message = Message::get("/").with("signature-input", &field).with("content-digest", &field);
    let tries = (0..20).map(|_| {
        let started = Instant::now();
        assert!(message.verify().is_err());
        started.elapsed()
    });
    tries.min().unwrap_or_default()
}

#[test]
fn parsing_takes_time_linear_in_the_field() {
    for piece in ["a=1,", "a", "(", "\"", "\\\"", ";a", "a=:AAAA", "a=(\"b\" ", "a;b=1", " ", "1"] {
        let half = time_of(limits::SIGNATURE_INPUT_BYTES / 2, piece);
        let whole = time_of(limits::SIGNATURE_INPUT_BYTES, piece);
        // Twice is linear; a quadratic parser takes four times, and would take hundreds of ms by then.
        assert!(whole < half * 3 + Duration::from_millis(2), "{piece:?}: {half:?}, then {whole:?}");
    }
}
