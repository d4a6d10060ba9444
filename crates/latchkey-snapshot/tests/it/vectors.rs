//! `spec/vectors/snapshot.json`: written from the fixture, compared here, and read again by the Wasm in Node.

use std::path::Path;

use latchkey_snapshot::bundle::{Intent, UnverifiedBundle, encode};
use latchkey_snapshot::{
    Audience, Environment, HashedBody, HighWater, Loader, Lookup, RateLimitMode, Refusal, Trust,
    UnverifiedHead, public_key_text,
};
use serde_json::{Value, json};

use crate::bundles::ordered;
use crate::fixture::{AUDIENCE, KEYSPACE, NOW, Unsigned, signer, small, tag};
use crate::restrictions::{REFUSED, demanding_policy, restricted};

/// A bundle, what its receiver is set to, and the answer.
struct Case {
    name: &'static str,
    bundle: Vec<u8>,
    audience: Audience,
    trusted: &'static [&'static str],
    held: Option<HighWater>,
    now: u64,
    expected: Result<(), Refusal>,
}

impl Case {
    fn new(name: &'static str, bundle: Vec<u8>, expected: Result<(), Refusal>) -> Self {
        Self { name, bundle, audience: AUDIENCE, trusted: &["k1"], held: None, now: NOW, expected }
    }

    fn trust(&self) -> Trust {
        let texts = self.trusted.iter().map(|name| public_key_text(&signer(name).public_key()));
        Trust::new(self.audience, texts.map(|text| text.parse().expect("a key's text")).collect())
    }

    fn to_json(&self, number: usize) -> Value {
        json!({
            "number": number,
            "name": self.name,
            "audience": self.audience.to_string(),
            "trusted_keys": self.trusted.iter().map(|name| public_key_text(&signer(name).public_key())).collect::<Vec<_>>(),
            "held": self.held.map(|mark| json!({ "epoch": mark.epoch, "seq": mark.seq })),
            "now": self.now,
            "expected": self.expected.map_or_else(|refusal| refusal.code(), |()| "OK"),
            "bundle": hex::encode(&self.bundle),
        })
    }

    fn receive(&self) -> Result<(), Refusal> {
        let bundle = UnverifiedBundle::parse(&self.bundle)?;
        let head = UnverifiedHead::parse(bundle.head)?.verify(&self.trust(), self.now)?;
        head.require_newer(self.held)?;
        let mut loader = Loader::new(head, None)?;
        for body in bundle.bodies {
            loader.supply(HashedBody::compute(body.to_vec()))?;
        }
        loader.install(&mut None)
    }
}

fn pack(head: &[u8], bodies: &[Vec<u8>]) -> Vec<u8> {
    encode(Intent::Commit, head, bodies.iter().map(Vec::as_slice)).expect("small")
}

fn signed(unsigned: &Unsigned, signers: &[&str]) -> Vec<u8> {
    pack(&unsigned.sign(signers), &ordered(unsigned))
}

fn changed(change: impl FnOnce(&mut Unsigned)) -> Vec<u8> {
    let mut unsigned = small();
    change(&mut unsigned);
    signed(&unsigned, &["k1"])
}

/// The bundle of the fixture with one byte of its head, counted from the head's start, replaced.
fn head_byte(at: usize, value: u8) -> Vec<u8> {
    let mut head = small().sign(&["k1"]);
    head[at] = value;
    pack(&head, &ordered(&small()))
}

fn cases() -> Vec<Case> {
    use Refusal as R;
    let good = || signed(&small(), &["k1"]);
    let new = Case::new;
    let mut swapped = small();
    swapped.head.segments.swap(0, 1);
    let last = swapped.head.segments[0].last_seq;
    swapped.head.segments[0].last_seq = swapped.head.segments[1].last_seq;
    swapped.head.segments[1].last_seq = last;
    let mut missing = ordered(&small());
    missing.retain(|body| !body.starts_with(b"LKPO"));
    let mut damaged = ordered(&small());
    if let Some(byte) = damaged.last_mut().and_then(|body| body.last_mut()) {
        *byte ^= 1;
    }
    let other_environment = Audience { environment: Environment::Live, ..AUDIENCE };
    let other_keyspace = Audience { keyspace: 1, ..AUDIENCE };
    let held = |epoch, seq| Some(HighWater { epoch, seq });
    vec![
        new("the fixture, one signature", good(), Ok(())),
        Case {
            trusted: &["k1", "k2"],
            ..new("two signatures by two trusted keys", signed(&small(), &["k1", "k2"]), Ok(()))
        },
        new("two signatures, one by a key that is not trusted here", signed(&small(), &["k1", "k2"]), Ok(())),
        Case { held: held(1, 6), ..new("newer than what is held", good(), Ok(())) },
        Case { held: held(0, 99), ..new("a raised epoch outranks a higher seq", good(), Ok(())) },
        Case { now: NOW + 86_401, ..new("expired: well-formed all the same", good(), Ok(())) },
        Case { now: NOW - 300, ..new("issued just within the clock skew", good(), Ok(())) },
        new("signed by a stranger", signed(&small(), &["stranger"]), Err(R::KeyNotTrusted)),
        Case { trusted: &[], ..new("no key is trusted", good(), Err(R::KeyNotTrusted)) },
        new("one bit of the seq flipped", head_byte(20, 8), Err(R::SignatureInvalid)),
        new(
            "one bit of the signature flipped",
            {
                let mut head = small().sign(&["k1"]);
                *head.last_mut().expect("not empty") ^= 1;
                pack(&head, &ordered(&small()))
            },
            Err(R::SignatureInvalid),
        ),
        Case { audience: other_keyspace, ..new("another keyspace", good(), Err(R::AudienceMismatch)) },
        Case { audience: other_environment, ..new("another environment", good(), Err(R::AudienceMismatch)) },
        Case { held: held(1, 7), ..new("the same head again", good(), Err(R::NotNewer)) },
        Case { held: held(1, 8), ..new("an older head", good(), Err(R::NotNewer)) },
        Case { held: held(2, 0), ..new("an older epoch", good(), Err(R::NotNewer)) },
        Case { now: NOW - 301, ..new("issued in the future", good(), Err(R::IssuedInFuture)) },
        new(
            "valid for more than 30 days",
            changed(|u| u.head.valid_until = NOW + 2_592_001),
            Err(R::TimesInvalid),
        ),
        new(
            "fresh for longer than valid",
            changed(|u| u.head.fresh_until = NOW + 86_401),
            Err(R::TimesInvalid),
        ),
        new("head of an unknown version", head_byte(4, 2), Err(R::UnknownVersion)),
        new("head with another magic", head_byte(0, b'X'), Err(R::BadMagic)),
        new("a pepper version without a pepper", head_byte(6, 1), Err(R::NotCanonical)),
        new("segments out of order", signed(&swapped, &["k1"]), Err(R::NotCanonical)),
        new(
            "a body that is not the signed one",
            pack(&small().sign(&["k1"]), &damaged),
            Err(R::BodyHashMismatch),
        ),
        new("a body is missing", pack(&small().sign(&["k1"]), &missing), Err(R::BodyMissing)),
        new("the last byte is missing", good()[..good().len() - 1].to_vec(), Err(R::Truncated)),
        new("a byte too many", [good(), vec![0]].concat(), Err(R::TrailingBytes)),
        new("nothing at all", vec![], Err(R::Truncated)),
    ]
}

/// What the fixture says of tags, so that other readers of the format can compare.
fn lookups() -> Value {
    let snapshot = small().snapshot();
    let numbers = [0, 1, 3, 4, 9, 19, 39, 40, 100, 101, 102];
    let look = |number: u64| {
        let answer = match snapshot.lookup(&tag(number)) {
            Lookup::Row(row) => json!({
                "key_number": row.key_number(),
                "expires_at": row.expires_at(),
                "live": row.is_live(),
                "disabled": row.is_disabled(),
                "owner": row.profile().owner(),
            }),
            Lookup::Revoked(_) => json!("revoked"),
            Lookup::NotFound => json!("not found"),
            Lookup::Needs(_) => unreachable!("the fixture is loaded whole"),
        };
        json!({ "tag": hex::encode(tag(number)), "answer": answer })
    };
    numbers.map(look).into_iter().collect()
}

/// Profiles alone, for other readers and writers of the format.
fn profiles() -> Value {
    let restricted = restricted();
    let fields = json!({
        "owner": restricted.owner,
        "ip_rules": restricted.ip_rules.iter().map(|rule| {
            json!({ "action": if rule.allow { "allow" } else { "deny" }, "cidr": rule.net.to_string() })
        }).collect::<Vec<_>>(),
        "constraints": restricted.constraints,
        "rate_limits": restricted.rate_limits.iter().map(|limit| json!({
            "name": limit.name,
            "limit": limit.limit,
            "window_seconds": limit.window_seconds,
            "mode": if limit.mode == RateLimitMode::Exact { "exact" } else { "local" },
        })).collect::<Vec<_>>(),
        "credits": restricted.credits.as_ref().map(|credits| json!({
            "grant_seq": credits.grant_seq, "granted": credits.granted,
        })),
        "signing_keys": {
            "required": restricted.signing_keys.required,
            "keys": restricted.signing_keys.keys.iter().map(|(id, key)| (id.clone(), hex::encode(key).into()))
                .collect::<serde_json::Map<_, Value>>(),
        },
    });
    let good = json!({
        "name": "every restriction",
        "bytes": hex::encode(restricted.encode().expect("within limits")),
        "expected": "OK",
        "fields": fields,
    });
    let refused = REFUSED.iter().map(|(name, bytes, refusal)| {
        json!({ "name": name, "bytes": hex::encode(bytes), "expected": refusal.code() })
    });
    core::iter::once(good).chain(refused).collect()
}

/// A policy body that uses everything that routes may ask for.
fn demanding() -> Value {
    hex::encode(demanding_policy().encode(KEYSPACE).expect("within limits")).into()
}

fn document() -> String {
    let cases: Vec<Value> = cases().iter().zip(1..).map(|(case, number)| case.to_json(number)).collect();
    let document = json!({
        "format": "spec/snapshot.md",
        "note": "Each case is a bundle and a receiver with an audience, trusted keys, what it holds already (or null) and the time. `expected` is OK or the code of the refusal. `lookups` is what the first case's snapshot says of tags. `profiles` are profiles alone (section 4), `demanding_policy` is a policy body that uses every field of section 6. Signing keys have SHA-256 of their names (k1, k2, stranger) as seeds.",
        "cases": cases,
        "profiles": profiles(),
        "demanding_policy": demanding(),
        "lookups": lookups(),
    });
    format!("{document:#}\n")
}

#[test]
fn every_vector_gets_the_expected_answer() {
    for case in cases() {
        assert_eq!(case.receive(), case.expected, "{}", case.name);
    }
}

#[test]
fn the_vectors_are_those_that_the_specification_ships() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/snapshot.json");
    if std::env::var_os("LATCHKEY_WRITE_VECTORS").is_some() {
        std::fs::write(&file, document()).expect("the specification is writable");
    }
    let shipped = std::fs::read_to_string(&file).expect("spec/vectors/snapshot.json is there");
    assert!(
        shipped == document(),
        "spec/vectors/snapshot.json is out of step: if the format was meant to change, raise its version, then \
         LATCHKEY_WRITE_VECTORS=1 cargo test -p latchkey-snapshot vectors"
    );
}
