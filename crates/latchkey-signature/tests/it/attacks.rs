//! Each of these passes a verifier that leaves out one check, which the test shows first.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use latchkey_signature::{
    Asked, Body, Fields, Outcome, Policy, Refusal, Request, SigningKey, can_be_asked_for, limits, verify,
};

use crate::fixture::{KEY_ID, Message, NOW, POLICY, USUAL, key};

const PATH_ONLY: &str = r#"("@method" "@authority" "@path");created=1700000000;keyid="sk_1""#;
const PATH_AND_QUERY: &str = r#"("@method" "@authority" "@path" "@query");created=1700000000;keyid="sk_1""#;

fn moved_to(message: Message, target: &str) -> Message {
    Message { target: target.to_owned(), ..message }
}

#[test]
fn a_query_added_behind_a_covered_path_is_refused() {
    let signed = Message::get("/v1/items").signed(PATH_ONLY);
    assert!(matches!(signed.verify(), Ok(Outcome::Verified(_))));
    let replayed = moved_to(signed, "/v1/items?all=1");
    assert!(replayed.only_signature_counts(), "the bytes alone do not tell");
    assert_eq!(replayed.verify(), Err(Refusal::ComponentNotCovered));
}

#[test]
fn a_bare_question_mark_added_behind_a_covered_query_is_refused() {
    let signed = Message::get("/v1/items").signed(PATH_AND_QUERY);
    assert!(matches!(signed.verify(), Ok(Outcome::Verified(_))));
    let replayed = moved_to(signed, "/v1/items?");
    assert!(replayed.only_signature_counts(), "@query has one value for both");
    assert_eq!(replayed.verify(), Err(Refusal::ComponentNotCovered));
}

#[test]
fn a_signature_for_another_application_is_not_ours() {
    let other = USUAL.to_owned() + r#";tag="payments""#;
    let signed = Message::get("/v1/items").signed(&other);
    assert!(signed.only_signature_counts(), "the same key pair signed it");
    assert_eq!(signed.verify(), Err(Refusal::NotSigned));
}

#[test]
fn a_signature_by_the_pair_of_another_api_key_does_not_pass() {
    let signed = Message::get("/v1/items").signed(USUAL);
    let own = key().verifying_key().to_bytes();
    let others = ed25519_dalek::SigningKey::from_bytes(&[2; 32]).verifying_key().to_bytes();
    let other_key = [SigningKey { id: "sk_2", public_key: &others }];
    // Accepted by whoever looks a `keyid` up among all keys.
    let all_keys = [other_key[0], SigningKey { id: KEY_ID, public_key: &own }];
    assert!(matches!(signed.verify_with(&all_keys, &POLICY, NOW), Ok(Outcome::Verified(_))));
    assert_eq!(signed.verify_with(&other_key, &POLICY, NOW), Err(Refusal::NotSigned));
    // And when the other key's holder claims the id.
    let claimed = [SigningKey { id: KEY_ID, public_key: &others }];
    assert_eq!(signed.verify_with(&claimed, &POLICY, NOW), Err(Refusal::SignatureWrong));
}

#[test]
fn one_public_key_under_two_ids_gives_no_signature_for_the_other() {
    let signed = Message::get("/v1/items").signed(USUAL);
    let public_key = key().verifying_key().to_bytes();
    assert!(signed.only_signature_counts());
    let renamed = [SigningKey { id: "sk_9", public_key: &public_key }];
    assert_eq!(signed.verify_with(&renamed, &POLICY, NOW), Err(Refusal::NotSigned));
}

#[test]
fn a_small_order_public_key_signs_nothing() {
    // The neutral element as public key and as R, zero as s: R = s*B - h*A for every message.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    let text = format!("sig1=:AQ{}==:", "A".repeat(84));
    let forged =
        Message::get("/v1/items").with("signature-input", &format!("sig1={USUAL}")).with("signature", &text);
    assert!(forged.bytes_verify_leniently(&neutral, &signature), "verified without the strict rules");
    let keys = [SigningKey { id: KEY_ID, public_key: &neutral }];
    assert_eq!(forged.verify_with(&keys, &POLICY, NOW), Err(Refusal::SignatureWrong));
}

#[test]
fn another_algorithm_is_not_taken_from_the_message() {
    // With `alg` believed, the public key would be the secret of an HMAC.
    for algorithm in ["hmac-sha256", "rsa-pss-sha512", "ecdsa-p256-sha256", "none", ""] {
        let input = format!(r#"{USUAL};alg="{algorithm}""#);
        let signed = Message::get("/v1/items").signed(&input);
        assert!(signed.only_signature_counts(), "the bytes are a good Ed25519 signature");
        assert_eq!(signed.verify(), Err(Refusal::AlgorithmUnsupported), "{algorithm}");
    }
}

#[test]
fn of_two_members_with_one_label_none_is_chosen() {
    let signed = Message::get("/v1/items").signed(USUAL);
    assert!(matches!(signed.verify(), Ok(Outcome::Verified(_))));
    // RFC 8941 takes the last, a naive search the first: one of them covers what the other reader acts on.
    let other = r#"sig1=("@method");created=1700000000;keyid="sk_1""#;
    for in_front in [true, false] {
        let mut message = signed.clone();
        let value = &mut message.fields[0].1;
        *value = if in_front { format!("{other}, {value}") } else { format!("{value}, {other}") };
        assert_eq!(message.verify(), Err(Refusal::FieldMalformed));
    }
}

#[test]
fn a_second_line_of_a_covered_field_is_refused() {
    let input = r#"("@method" "@target-uri" "content-type");created=1700000000;keyid="sk_1""#;
    let signed = Message::get("/v1/items").with("content-type", "application/json").signed(input);
    assert!(matches!(signed.verify(), Ok(Outcome::Verified(_))));
    for value in ["text/plain", "", "application/json"] {
        let doubled = signed.clone().with("content-type", value);
        assert_eq!(doubled.verify(), Err(Refusal::SignatureWrong), "{value:?}");
    }
}

#[test]
fn a_line_break_cannot_bring_a_component_in() {
    // As one text, the field's value and what it pretends to be are alike.
    let input = r#"("@method" "@target-uri" "x-a" "x-b");created=1700000000;keyid="sk_1""#;
    let honest = Message::get("/v1/items").with("x-a", "1").with("x-b", "2").signed(input);
    assert!(matches!(honest.verify(), Ok(Outcome::Verified(_))));
    let folded = Message::get("/v1/items").with("x-a", "1\n\"x-b\": 2");
    let folded = Message { fields: [folded.fields, honest.fields[2..].to_vec()].concat(), ..folded };
    assert_eq!(folded.verify(), Err(Refusal::ValueUnusable));
}

#[test]
fn a_signature_counts_again_only_while_it_is_young_and_its_nonce_is_told() {
    let input = USUAL.to_owned() + r#";nonce="n-1""#;
    let signed = Message::get("/v1/items").signed(&input);
    let Ok(Outcome::Verified(first)) = signed.verify() else { panic!("it counts") };
    let Ok(Outcome::Verified(again)) = signed.verify_by(&POLICY, NOW + 300) else {
        panic!("it counts still")
    };
    assert_eq!((first.nonce.as_deref(), first.counts_until), (Some("n-1"), NOW + 300));
    assert_eq!(first, again, "whoever remembers nonces until `counts_until` has seen this one");
    assert_eq!(signed.verify_by(&POLICY, first.counts_until + 1), Err(Refusal::TooOld));
}

#[test]
fn a_nonce_is_in_the_signature() {
    let input = USUAL.to_owned() + r#";nonce="n-1""#;
    let mut signed = Message::get("/v1/items").signed(&input);
    for (_, value) in &mut signed.fields {
        *value = value.replace("n-1", "n-2");
    }
    assert_eq!(signed.verify(), Err(Refusal::SignatureWrong));
}

#[test]
fn fields_that_are_long_cost_nothing() {
    let giant = "x".repeat(10_000_000);
    let message = Message::get("/").with("signature-input", &giant).with("signature", "sig1=:AAAA:");
    let started = Instant::now();
    assert_eq!(message.verify(), Err(Refusal::FieldTooLong));
    assert!(started.elapsed() < Duration::from_secs(1));
}

/// Fields that are as long as their reader wishes.
struct Endless;

impl Fields for Endless {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match name {
            "signature-input" => {
                r#"sig1=("@method" "@target-uri" "x-a" "x-b" "x-c");created=1700000000;keyid="sk_1""#.into()
            }
            "signature" => "sig1=:AAAA:".into(),
            _ => "x".repeat(limits::BASE_BYTES / 2).into(),
        })
    }
}

#[test]
fn what_is_signed_is_bounded() {
    let public_key = key().verifying_key().to_bytes();
    let keys = [SigningKey { id: KEY_ID, public_key: &public_key }];
    let request = Request {
        method: "GET",
        scheme: "https",
        authority: "a",
        target: "/",
        fields: &Endless,
        body: Body::Absent,
    };
    assert_eq!(verify(&request, &keys, &POLICY, NOW), Err(Refusal::BaseTooLong));
}

#[test]
fn two_signatures_of_ours_are_tried_and_no_more() {
    let wrong = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
    let joined = |labels: &[&str]| {
        let mut message = Message::get("/v1/items");
        let parts: Vec<Message> = labels
            .iter()
            .map(|label| {
                let signer = if *label == "good" { key() } else { wrong.clone() };
                Message::get("/v1/items").signed_as(label, USUAL, &signer)
            })
            .collect();
        for part in parts {
            message.fields.extend(part.fields);
        }
        message
    };
    assert!(matches!(joined(&["good"]).verify(), Ok(Outcome::Verified(_))));
    assert!(matches!(joined(&["bad", "good"]).verify(), Ok(Outcome::Verified(_))));
    assert_eq!(joined(&["bad", "worse"]).verify(), Err(Refusal::SignatureWrong));
    assert_eq!(joined(&["bad", "worse", "good"]).verify(), Err(Refusal::TooManySignatures));
}

#[test]
fn nobody_needs_to_sign_where_nobody_asks_but_a_wrong_signature_is_refused() {
    let policy = Policy { asked: Asked::IfPresent, ..POLICY };
    assert_eq!(Message::get("/").verify_by(&policy, NOW), Ok(Outcome::Unsigned));
    let signed = Message::get("/").signed(USUAL);
    assert!(matches!(signed.verify_by(&policy, NOW), Ok(Outcome::Verified(_))));
    assert_eq!(moved_to(signed, "/x").verify_by(&policy, NOW), Err(Refusal::SignatureWrong));
}

#[test]
fn accept_signature_asks_for_what_counts() {
    let policy = Policy { components: &["content-digest", "@method"], ..POLICY };
    let asked = policy.accept_signature();
    assert_eq!(
        asked,
        r#"latchkey=("@method" "@target-uri" "content-digest");created;alg="ed25519";tag="latchkey""#
    );
    // What it names, with its parameters given their values, passes.
    let input =
        asked.strip_prefix("latchkey=").expect("the label").replace(";created", ";created=1700000000");
    let message = Message { has_body: true, ..Message::get("/v1/items") };
    let digest = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";
    let signed = message.with("content-digest", digest).signed(&(input + r#";keyid="sk_1""#));
    assert!(matches!(signed.verify_by(&policy, NOW), Ok(Outcome::Pending(_))));
}

#[test]
fn what_a_policy_can_ask_for_a_request_can_meet() {
    let derived = ["@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query"];
    for component in derived.into_iter().chain(["content-type", "x-a"]) {
        assert!(can_be_asked_for(component), "{component}");
        let input =
            format!(r#"("@method" "@target-uri" "x-b" "{component}");created=1700000000;keyid="sk_1""#);
        let input = if USUAL.contains(&format!("\"{component}\"")) { USUAL } else { &input };
        let message =
            Message::get("/v1/items?a=1").with("content-type", "a").with("x-a", "1").with("x-b", "2");
        let policy = Policy { components: &[component], ..POLICY };
        let outcome = message.signed(input).verify_by(&policy, NOW);
        assert!(matches!(outcome, Ok(Outcome::Verified(_))), "{component}: {outcome:?}");
    }
    for component in ["@status", "@query-param", "@signature-params", "@", "", "X-A", "x a", "signature", "é"]
    {
        assert!(!can_be_asked_for(component), "{component}");
    }
}
