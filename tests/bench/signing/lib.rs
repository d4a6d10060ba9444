//! What verifying a signed request costs in Wasm: the whole of it, with parsing and building what was signed, and the Ed25519 verification alone.

use std::hint::black_box;

use ed25519_dalek::{Signature, Signer, SigningKey as KeyPair};
use latchkey_signature::{
    Asked, Body, Digests, Outcome, Policy, Request, Signed, Signing, SigningKey, verify,
};

const NOW: u64 = 1_700_000_000;
const INPUT: &str =
    r#"("@method" "@authority" "@path" "@query" "content-type");created=1700000000;keyid="sk_0000000000001""#;
const POLICY: Policy<'static> =
    Policy { asked: Asked::Always, max_age_seconds: 300, needs_nonce: false, components: &["content-type"] };

/// Verifies a signed request `calls` times and returns how often it was right.
#[unsafe(no_mangle)]
pub extern "C" fn verify_requests(calls: u32) -> u32 {
    let pair = KeyPair::from_bytes(&[1; 32]);
    let public_key = pair.verifying_key().to_bytes();
    let keys = [SigningKey { id: "sk_0000000000001", public_key: &public_key }];
    let unsigned: &[(&str, &str)] = &[("content-type", "application/json")];
    let signing = Signing { label: "sig1", input: INPUT };
    let Ok(Signed { signature_input, signature }) = signing.sign(&request(&unsigned), &pair) else {
        return 0;
    };
    let fields: &[(&str, &str)] = &[
        ("content-type", "application/json"),
        ("signature-input", &signature_input),
        ("signature", &signature),
    ];
    (0..calls)
        .filter(|_| {
            matches!(verify(&black_box(request(&fields)), &keys, &POLICY, NOW), Ok(Outcome::Verified(_)))
        })
        .count() as u32
}

/// The same with the Ed25519 verification alone, of a message as long as that request's.
#[unsafe(no_mangle)]
pub extern "C" fn verify_bytes(calls: u32) -> u32 {
    let pair = KeyPair::from_bytes(&[1; 32]);
    let message = [7; 250];
    let signature: Signature = pair.sign(&message);
    let public_key = pair.verifying_key();
    (0..calls).filter(|_| public_key.verify_strict(black_box(&message), &signature).is_ok()).count() as u32
}

/// SHA-256 over a megabyte, as a body's digest is computed where the host offers none.
#[unsafe(no_mangle)]
pub extern "C" fn digest_megabytes(calls: u32) -> u32 {
    let body = vec![7; 1 << 20];
    let wanted = Digests { sha256: Some([0; 32]), sha512: None };
    (0..calls).filter(|_| wanted.compute_same(black_box(&body)) != wanted).count() as u32
}

fn request<'a>(fields: &'a dyn latchkey_signature::Fields) -> Request<'a> {
    Request {
        method: "POST",
        scheme: "https",
        authority: "api.example.com",
        target: "/v1/networks/mainnet/items?page=2&order=asc",
        fields,
        body: Body::Present,
    }
}
