use latchkey_token::{Pepper, PepperMismatch, TagScheme, digest, tag};

const WANTED: TagScheme = TagScheme::HmacSha256 { pepper_version: 2 };

#[test]
fn a_missing_pepper_is_an_error_not_another_tag() {
    let digest = digest(b"made-up");
    assert_eq!(tag(WANTED, None, &digest), Err(PepperMismatch { wanted: 2, held: None }));
}

#[test]
fn a_pepper_of_another_version_is_an_error_not_another_tag() {
    let digest = digest(b"made-up");
    let held = Pepper::new(1, &[9; 32]);
    assert_eq!(tag(WANTED, Some(&held), &digest), Err(PepperMismatch { wanted: 2, held: Some(1) }));
}

#[test]
fn a_pepper_that_is_not_asked_for_changes_nothing() {
    let digest = digest(b"made-up");
    let held = Pepper::new(1, &[9; 32]);
    assert_eq!(tag(TagScheme::Sha256, Some(&held), &digest), tag(TagScheme::Sha256, None, &digest));
}

#[test]
fn a_pepper_is_not_printed() {
    assert_eq!(format!("{:?}", Pepper::new(3, &[0xab; 32])), "Pepper(version 3, [hidden])");
}
