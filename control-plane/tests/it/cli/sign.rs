use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use latchkey_signature::{Asked, Body, Outcome, Policy, Request, SigningKey as PublicKey, verify};

use super::shell::run;

const ID: &str = "sk_06nd5xbm0q3tz";
const URL: &str = "https://api.example.com:8443/v1/items?page=2";
const TARGET: &str = "/v1/items?page=2";
const POLICY: Policy<'static> = Policy {
    asked: Asked::Always,
    max_age_seconds: 60,
    needs_nonce: true,
    components: &["content-digest", "x-a"],
};

fn pair() -> (SigningKey, tempfile::TempDir, String) {
    let pair = SigningKey::from_bytes(&[5; 32]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pair.pem");
    std::fs::write(&file, pair.to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes()).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (pair, folder, file)
}

#[test]
fn a8_what_is_signed_verifies_with_the_digest_of_the_body_and_a_nonce() {
    let (pair, folder, file) = pair();
    let body = folder.path().join("body");
    std::fs::write(&body, "a body").unwrap();
    let body = body.to_str().unwrap();
    let options = ["--id", ID, "--private-key", &file, "--body", body, "--header", "X-A: 1", "--nonce"];
    let signed = run(&[&["sign", "POST", URL], &options[..]].concat(), &[], "").ok();

    let lines: Vec<(String, &str)> = signed
        .stdout
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let mut fields: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    fields.push(("x-a", "1"));
    let public_key = pair.verifying_key().to_bytes();
    let keys = [PublicKey { id: ID, public_key: &public_key }];
    let fields = fields.as_slice();
    let request = Request {
        method: "POST",
        scheme: "https",
        authority: "api.example.com:8443",
        target: TARGET,
        fields: &fields,
        body: Body::Present,
    };
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let Ok(Outcome::Pending(pending)) = verify(&request, &keys, &POLICY, now) else { panic!("{signed:?}") };
    let computed = pending.digests().compute_same(b"a body");
    let verified = pending.finish(&computed).unwrap();
    assert_eq!(verified.key_id, ID);
    assert_eq!(verified.nonce.unwrap().len(), 22);
}

#[test]
fn what_cannot_be_signed_is_refused_without_showing_the_private_key() {
    let (_, folder, file) = pair();
    run(&["sign", "GET", "no url", "--id", ID, "--private-key", &file], &[], "").ends(2).says(&["URL"]);
    run(&["sign", "GET", URL, "--id", "nonsense", "--private-key", &file], &[], "").ends(2);
    run(&["sign", "GET", URL, "--id", ID, "--private-key", "/nowhere"], &[], "").ends(2);
    let headers = ["--header", "x-a: é"];
    let arguments = [&["sign", "GET", URL, "--id", ID, "--private-key", &file], &headers[..]].concat();
    run(&arguments, &[], "").ends(2).says(&["VALUE_UNUSABLE"]);
    let broken = folder.path().join("broken.pem");
    std::fs::write(&broken, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n").unwrap();
    let refused = run(&["sign", "GET", URL, "--id", ID, "--private-key", broken.to_str().unwrap()], &[], "");
    assert!(!refused.ends(2).stderr.contains("c2VjcmV0"));
}
