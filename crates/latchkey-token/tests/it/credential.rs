use latchkey_token::credential::bearer;
use proptest::prelude::*;

proptest! {
    #[test]
    fn never_panics(value in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = bearer(&value);
    }

    #[test]
    fn what_is_accepted_is_one_run_of_visible_bytes(junk in "[ -~\t]{0,40}") {
        let value = format!("Bearer {junk}");
        if let Ok(token) = bearer(value.as_bytes()) {
            prop_assert!(token.iter().all(u8::is_ascii_graphic));
            prop_assert_eq!(token, junk.trim_start_matches(' ').as_bytes());
        }
    }
}
