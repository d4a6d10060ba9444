//! `spec/vectors/signing.json`, made by `signing.mjs` with node:crypto: examples of RFC 9421 and cases of spec/signing.md.

use std::path::Path;

use latchkey_signature::{
    Asked, Body, Digests, Outcome, Policy, Refusal, Request, SigningKey, signature_base, verify,
};
use serde_json::Value;

fn vectors() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/signing.json");
    serde_json::from_str(&std::fs::read_to_string(file).expect("the vectors")).expect("JSON")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().map(|each| each.as_str().expect("a text")).collect()
}

fn with_request<T>(value: &Value, use_it: impl FnOnce(&Request<'_>) -> T) -> T {
    let pairs = value["fields"].as_array().expect("a list");
    let fields: Vec<(&str, &str)> = pairs
        .iter()
        .map(|pair| (pair[0].as_str().expect("a name"), pair[1].as_str().expect("a value")))
        .collect();
    use_it(&Request {
        method: text(value, "method"),
        scheme: text(value, "scheme"),
        authority: text(value, "authority"),
        target: text(value, "target"),
        fields: &fields.as_slice(),
        body: if value["body"].is_null() { Body::Absent } else { Body::Present },
    })
}

fn outcome(case: &Value, defaults: &Value) -> Result<&'static str, Refusal> {
    let get = |name: &str| case.get(name).unwrap_or(&defaults[name]);
    let policy = get("policy");
    let components = texts(&policy["components"]);
    let policy = Policy {
        asked: if text(policy, "asked") == "always" { Asked::Always } else { Asked::IfPresent },
        max_age_seconds: policy["max_age_seconds"]
            .as_u64()
            .and_then(|age| age.try_into().ok())
            .expect("an age"),
        needs_nonce: policy["needs_nonce"].as_bool().expect("a boolean"),
        components: &components,
    };
    let keys: Vec<(&str, [u8; 32])> = get("keys")
        .as_array()
        .expect("a list")
        .iter()
        .map(|key| {
            let bytes = hex::decode(text(key, "public_key")).expect("hex");
            (text(key, "id"), bytes.try_into().expect("32 bytes"))
        })
        .collect();
    let keys: Vec<SigningKey<'_>> =
        keys.iter().map(|(id, public_key)| SigningKey { id, public_key }).collect();
    let now = get("now").as_u64().expect("a time");
    match with_request(&case["request"], |request| verify(request, &keys, &policy, now))? {
        Outcome::Unsigned => Ok("UNSIGNED"),
        Outcome::Verified(_) => Ok("VERIFIED"),
        Outcome::Pending(pending) => {
            let body = case["request"]["body"].as_str().unwrap_or_default();
            let computed = pending.digests().compute_same(body.as_bytes());
            pending.finish(&computed).map(|_| "VERIFIED")
        }
    }
}

#[test]
fn every_signature_base_is_the_one_that_the_rfc_prints() {
    let vectors = vectors();
    for case in vectors["bases"].as_array().expect("a list") {
        let base = with_request(&case["request"], |request| {
            signature_base(request, text(case, "signature_input"), "sig1").expect("a base")
        });
        assert_eq!(base, text(case, "base"), "{}", text(case, "name"));
    }
}

#[test]
fn a8_every_case_ends_as_it_says() {
    let vectors = vectors();
    for case in vectors["cases"].as_array().expect("a list") {
        let found = outcome(case, &vectors["defaults"]).unwrap_or_else(Refusal::reason);
        assert_eq!(found, text(case, "expected"), "{}: {}", case["number"], text(case, "name"));
    }
}

/// Not of the verifier: said by whoever reads bodies and remembers nonces. `BASE_TOO_LONG` needs a header longer than a file of examples should hold.
const ELSEWHERE: [Refusal; 3] = [Refusal::NonceReused, Refusal::BodyTooLong, Refusal::BaseTooLong];

#[test]
fn every_refusal_has_a_case() {
    let vectors = vectors();
    let cases = vectors["cases"].as_array().expect("a list");
    for refusal in Refusal::ALL {
        let has_case = cases.iter().any(|case| text(case, "expected") == refusal.reason());
        assert_eq!(has_case, !ELSEWHERE.contains(&refusal), "{refusal}");
    }
}

#[test]
fn a_body_is_compared_by_exactly_the_digests_that_were_signed() {
    let wanted = Digests { sha256: None, sha512: Some([2; 64]) };
    let computed = wanted.compute_same(b"x");
    assert_eq!((computed.sha256, computed.sha512.is_some()), (None, true));
    assert_eq!(Digests::default().compute_same(b"x"), Digests::default());
}
