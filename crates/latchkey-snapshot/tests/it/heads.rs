use ed25519_dalek::{Signer, SigningKey};
use latchkey_snapshot::{
    Audience, Environment, Head, HighWater, LAST_BINDING_EPOCH, Loader, Refusal, Trust, TrustedKey,
    UnverifiedHead, encode_head, limits, public_key_text, sha256,
};

use crate::fixture::{AUDIENCE, KEYSPACE, NOW, signer, small, trust_in, verify};

fn signed(change: impl FnOnce(&mut Head)) -> Vec<u8> {
    signed_by(&["k1"], change)
}

fn signed_by(signers: &[&str], change: impl FnOnce(&mut Head)) -> Vec<u8> {
    let mut unsigned = small();
    change(&mut unsigned.head);
    unsigned.sign(signers)
}

#[test]
fn verifies_with_one_or_two_signatures_of_trusted_keys() {
    let unsigned = small();
    for (signers, trusted) in [
        (&["k1"][..], &["k1"][..]),
        (&["k1", "k2"], &["k1", "k2"]),
        (&["k1", "k2"], &["k1"]),
        (&["k1", "k2"], &["k2"]),
    ] {
        let head = verify(&unsigned.sign(signers), &trust_in(trusted)).expect("trusted");
        assert_eq!(*head.head(), unsigned.head);
    }
}

#[test]
fn encoding_is_deterministic_and_small() {
    let unsigned = small();
    assert_eq!(unsigned.sign(&["k1", "k2"]), unsigned.sign(&["k2", "k1"]));
    assert!(unsigned.sign(&["k1"]).len() <= 600);
}

#[test]
fn refuses_every_single_bit_flip() {
    for signers in [&["k1"][..], &["k1", "k2"]] {
        let good = small().sign(signers);
        let trust = trust_in(signers);
        verify(&good, &trust).expect("unflipped, it verifies");
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&bad, &trust).is_err(), "bit {bit} of a head with {} signatures", signers.len());
        }
    }
}

#[test]
fn refuses_a_head_that_lost_one_of_its_two_signatures() {
    let good = small().sign(&["k1", "k2"]);
    let signatures_at = good.len() - 2 * 64;
    let ids_at = signatures_at - 2 * 8;
    let mut stripped = good[..ids_at - 1].to_vec();
    stripped.push(1);
    stripped.extend_from_slice(&good[ids_at..ids_at + 8]);
    stripped.extend_from_slice(&good[signatures_at..signatures_at + 64]);
    assert_eq!(verify(&stripped, &trust_in(&["k1", "k2"])).err(), Some(Refusal::SignatureInvalid));
}

/// Whoever counted signatures would count two here: both verify.
#[test]
fn refuses_two_signatures_by_one_key() {
    let good = small().sign(&["k1"]);
    let key = SigningKey::from_bytes(&sha256(b"k1"));
    let signers_at = good.len() - 64 - 8 - 1;
    let id = &good[signers_at + 1..signers_at + 9];
    let signed = [&good[..signers_at], &[2], id, id].concat();
    let message = [b"latchkey head v1\0".as_slice(), &signed].concat();
    let signature = key.sign(&message);
    let bytes = signature.to_bytes();
    assert!(key.verifying_key().verify_strict(&message, &signature).is_ok());
    let twice = [signed.as_slice(), &bytes, &bytes].concat();
    assert_eq!(verify(&twice, &trust_in(&["k1"])).err(), Some(Refusal::NotCanonical));
}

#[test]
fn refuses_every_truncation_and_any_trailing_byte() {
    let good = small().sign(&["k1"]);
    for length in 0..good.len() {
        assert!(verify(&good[..length], &trust_in(&["k1"])).is_err(), "{length} bytes");
    }
    let mut long = good.clone();
    long.push(0);
    assert_eq!(verify(&long, &trust_in(&["k1"])).err(), Some(Refusal::TrailingBytes));
    let huge = [good, vec![0; limits::HEAD_BYTES]].concat();
    assert_eq!(verify(&huge, &trust_in(&["k1"])).err(), Some(Refusal::TooLong));
}

#[test]
fn refuses_a_key_that_is_not_trusted() {
    let bytes = small().sign(&["stranger"]);
    assert_eq!(verify(&bytes, &trust_in(&["k1"])).err(), Some(Refusal::KeyNotTrusted));
    assert_eq!(verify(&bytes, &trust_in(&[])).err(), Some(Refusal::KeyNotTrusted));
}

#[test]
fn refuses_a_bad_signature_even_beside_a_good_one() {
    let mut bytes = small().sign(&["k1", "k2"]);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert_eq!(verify(&bytes, &trust_in(&["k1", "k2"])).err(), Some(Refusal::SignatureInvalid));
}

#[test]
fn refuses_a_key_outside_its_time() {
    let bytes = small().sign(&["k1"]);
    let within = |from, to| {
        let key = TrustedKey::within(&signer("k1").public_key(), from, to).expect("strong");
        verify(&bytes, &Trust::new(AUDIENCE, vec![key])).map(|_| ())
    };
    assert_eq!(within(NOW, NOW), Ok(()));
    assert_eq!(within(NOW + 1, u64::MAX), Err(Refusal::KeyNotTrusted));
    assert_eq!(within(0, NOW - 1), Err(Refusal::KeyNotTrusted));
}

#[test]
fn refuses_small_order_public_keys() {
    // The neutral element and the point of order 2, in canonical encoding (RFC 8032 section 5.1).
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut order_two = [0xff; 32];
    order_two[0] = 0xec;
    order_two[31] = 0x7f;
    for point in [neutral, order_two, [0; 32]] {
        assert!(TrustedKey::new(&point).is_err());
    }
}

#[test]
fn refuses_another_keyspace_and_another_environment() {
    let bytes = small().sign(&["k1"]);
    let key = || TrustedKey::new(&signer("k1").public_key()).expect("strong");
    for audience in [
        Audience { keyspace: KEYSPACE + 1, ..AUDIENCE },
        Audience { environment: Environment::Live, ..AUDIENCE },
        Audience { environment: Environment::Test, ..AUDIENCE },
    ] {
        let trust = Trust::new(audience, vec![key()]);
        assert_eq!(verify(&bytes, &trust).err(), Some(Refusal::AudienceMismatch));
    }
}

#[test]
fn refuses_times_that_contradict_each_other_or_reach_too_far() {
    type Change = fn(&mut Head);
    let cases: [(Change, Refusal); 5] = [
        (|head| head.fresh_until = head.issued_at - 1, Refusal::TimesInvalid),
        (|head| head.valid_until = head.fresh_until - 1, Refusal::TimesInvalid),
        (|head| head.valid_until = head.issued_at + limits::VALIDITY_SECONDS + 1, Refusal::TimesInvalid),
        (|head| head.valid_until = u64::MAX, Refusal::TimesInvalid),
        (
            |head| {
                head.issued_at = NOW + limits::CLOCK_SKEW_SECONDS + 1;
                head.fresh_until = head.issued_at;
                head.valid_until = head.issued_at;
            },
            Refusal::IssuedInFuture,
        ),
    ];
    for (change, refusal) in cases {
        assert_eq!(verify(&signed(change), &trust_in(&["k1"])).err(), Some(refusal));
    }
}

#[test]
fn refuses_what_is_not_strictly_newer() {
    let head = small().verified();
    let mark = |epoch, seq| Some(HighWater { epoch, seq });
    assert_eq!(head.require_newer(None), Ok(()));
    assert_eq!(head.require_newer(mark(1, 6)), Ok(()));
    assert_eq!(head.require_newer(mark(0, u64::MAX)), Ok(()), "a raised epoch outranks any seq");
    for held in [mark(1, 7), mark(1, 8), mark(2, 0)] {
        assert_eq!(head.require_newer(held), Err(Refusal::NotNewer));
    }
    let held = small().snapshot();
    assert_eq!(Loader::new(small().verified(), Some(&held)).err(), Some(Refusal::NotNewer));
}

/// Nothing outranks what a thief signs with the last epoch, so it must not bind for longer than the thief's key is trusted.
#[test]
fn a_head_beyond_the_epochs_that_publishers_begin_binds_only_while_its_signer_is_trusted() {
    let of_epoch = |epoch| signed(|head| head.epoch = epoch);
    let held_by = |bytes: &[u8], trusted: &[&str]| {
        UnverifiedHead::parse(bytes).unwrap().high_water_under(&trust_in(trusted)).map(|mark| mark.epoch)
    };
    for epoch in [1, LAST_BINDING_EPOCH] {
        assert_eq!(held_by(&of_epoch(epoch), &["k1"]), Some(epoch));
        assert_eq!(held_by(&of_epoch(epoch), &["k2"]), Some(epoch), "rolling back is for nobody");
    }
    for epoch in [LAST_BINDING_EPOCH + 1, u32::MAX] {
        assert_eq!(held_by(&of_epoch(epoch), &["k1"]), Some(epoch));
        assert_eq!(held_by(&of_epoch(epoch), &["k1", "k2"]), Some(epoch));
        assert_eq!(held_by(&of_epoch(epoch), &["k2"]), None);
        // A second signature that names the key of later and does not verify must not make it bind again.
        let mut both = signed_by(&["k1", "k2"], |head| head.epoch = epoch);
        let end = both.len();
        both[end - 1] ^= 1;
        both[end - 65] ^= 1;
        assert_eq!(held_by(&both, &["k2"]), None);
    }
}

#[test]
fn a_holder_refuses_an_expired_head_on_arrival() {
    let head = small().verified();
    assert_eq!(head.require_valid(NOW + 86_400), Ok(()));
    assert_eq!(head.require_valid(NOW + 86_401), Err(Refusal::Expired));
}

#[test]
fn a_trusted_key_reads_its_text_form_and_nothing_else() {
    let text = public_key_text(&signer("k1").public_key());
    let bytes = small().sign(&["k1"]);
    let verdict = |text: &str| {
        let key = text.parse::<TrustedKey>()?;
        verify(&bytes, &Trust::new(AUDIENCE, vec![key])).map(|_| ())
    };
    assert_eq!(verdict(&text), Ok(()));
    assert_eq!(verdict(&format!("{text};not_before={NOW};not_after={NOW}")), Ok(()));
    assert_eq!(verdict(&format!("{text};not_after={}", NOW - 1)), Err(Refusal::KeyNotTrusted));
    let rsa = text.replace("ed25519", "rsa");
    let padded = format!("{text}=");
    let typo = format!("{text};not_befor=1");
    for bad in
        ["", "ed25519:", &text[..text.len() - 4], &text[8..], &rsa, &padded, &typo, &format!("{text};")]
    {
        assert!(bad.parse::<TrustedKey>().is_err(), "{bad}");
    }
}

#[test]
fn the_encoder_refuses_what_no_verifier_would_take() {
    let head = small().head;
    let k1 = signer("k1");
    assert_eq!(encode_head(&head, &[]).err(), Some(Refusal::NotCanonical));
    assert_eq!(encode_head(&head, &[&k1, &k1]).err(), Some(Refusal::NotCanonical));
    let three = [signer("k1"), signer("k2"), signer("k3")];
    assert_eq!(encode_head(&head, &three.iter().collect::<Vec<_>>()).err(), Some(Refusal::LimitExceeded));
    let mut many = head.clone();
    many.segments = vec![head.segments[0]; 9];
    assert_eq!(encode_head(&many, &[&k1]).err(), Some(Refusal::LimitExceeded));
}
