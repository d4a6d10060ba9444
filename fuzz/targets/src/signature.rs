//! Signed requests: nobody without the private key makes a signature that counts, and one that was made counts for its request alone.

use std::sync::OnceLock;

use ed25519_dalek::SigningKey as PrivateKey;
use latchkey_signature::{
    Asked, Body, Digests, Outcome, Policy, Request, Signed, Signing, SigningKey, verify,
};

use crate::fixture::NOW;

const TARGET: &str = "/orders/17?expand=items";
const DIGEST: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";

/// `Signature-Input`, `Signature`, `Content-Digest` and the target, a line each.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (input, signature, digest, target) = (line(), line(), line(), line());
    let fields: &[(&str, &str)] =
        &[("signature-input", input), ("signature", signature), ("content-digest", digest)];
    let public_key = private_key().verifying_key().to_bytes();
    let keys = [SigningKey { id: "k1", public_key: &public_key }];
    for asked in [Asked::Always, Asked::IfPresent] {
        let policy =
            Policy { asked, max_age_seconds: 300, needs_nonce: false, components: &["content-digest"] };
        match verify(&request(&fields, target), &keys, &policy, NOW) {
            Ok(Outcome::Unsigned) => assert_eq!(asked, Asked::IfPresent, "what must be signed is signed"),
            Ok(Outcome::Verified(_)) => panic!("a body whose digest must be covered is looked at"),
            Ok(Outcome::Pending(pending)) => {
                assert_eq!(target, TARGET, "a signature counts for its own request");
                assert_eq!(Ok(pending.digests()), Digests::parse(DIGEST).as_ref(), "and for its own body");
            }
            Err(_) => {}
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let Signed { signature_input, signature } = genuine();
    let unsigned = format!("\n\n{DIGEST}\n{TARGET}");
    let other = format!(
        "proxy=(\"@method\");keyid=\"other\", {signature_input}\nproxy=:AAAA:, {signature}\n{DIGEST}\n{TARGET}"
    );
    vec![
        format!("{signature_input}\n{signature}\n{DIGEST}\n{TARGET}").into_bytes(),
        other.into_bytes(),
        unsigned.into_bytes(),
    ]
}

fn genuine() -> &'static Signed {
    static GENUINE: OnceLock<Signed> = OnceLock::new();
    GENUINE.get_or_init(|| {
        let input = format!(
            "(\"@method\" \"@target-uri\" \"content-digest\");created={NOW};keyid=\"k1\";alg=\"ed25519\";tag=\"latchkey\""
        );
        let fields: &[(&str, &str)] = &[("content-digest", DIGEST)];
        let signing = Signing { label: "latchkey", input: &input };
        signing.sign(&request(&fields, TARGET), &private_key()).expect("a request that can be signed")
    })
}

fn request<'a>(fields: &'a &'a [(&'a str, &'a str)], target: &'a str) -> Request<'a> {
    Request { method: "POST", scheme: "https", authority: "example.com", target, fields, body: Body::Present }
}

fn private_key() -> PrivateKey {
    PrivateKey::from_bytes(&[0x5e; 32])
}
