//! `spec/vectors/restrictions.json`: addresses, constraints, spellings of paths and what is left to do, written from the tables below, decided
//! from the file alone, and read again by the Wasm in Node. The expected answers are stated by hand.

use std::collections::BTreeMap;
use std::path::Path;

use latchkey_snapshot::bundle::{Intent, UnverifiedBundle, encode};
use latchkey_snapshot::ip::IpRule;
use latchkey_snapshot::{
    Audience, ConstraintSource, Credits, Environment, NewRow, Policy, Profile, RateLimit, RateLimitMode,
    Route, RouteSignature, SigningKeys, Snapshot, UpstreamCredential,
};
use latchkey_token::Environment as TokenEnvironment;
use latchkey_validator::{
    Credential, Explanation, GateView, Loaded, RequestFacts, Rules, Verdict, decide, explain,
};
use serde_json::{Value, json};

use crate::fixture::{Encoded, ISSUED_AT, KEYSPACE, Plan, row, token};

const NOW: u64 = ISSUED_AT + 10;
const FILE: &str = "../../spec/vectors/restrictions.json";

fn text(text: &str) -> String {
    text.to_owned()
}

fn keys() -> Vec<(&'static str, Profile)> {
    let rule = |allow, net: &str| IpRule { allow, net: net.parse().expect("a network") };
    let limited = |values: &[&str]| Profile {
        constraints: [(text("network"), values.iter().map(|value| text(value)).collect())].into(),
        ..Profile::default()
    };
    vec![
        ("plain", Profile::default()),
        (
            "office",
            Profile {
                ip_rules: vec![
                    rule(false, "192.0.2.64/26"),
                    rule(true, "192.0.2.0/24"),
                    rule(true, "2001:db8::/32"),
                ],
                ..Profile::default()
            },
        ),
        ("not there", Profile { ip_rules: vec![rule(false, "192.0.2.0/24")], ..Profile::default() }),
        ("mainnet", limited(&["Mainnet", "Main net"])),
        ("no network", limited(&[])),
        (
            "counted",
            Profile {
                rate_limits: vec![RateLimit {
                    name: text("minute"),
                    limit: 60,
                    window_seconds: 60,
                    mode: RateLimitMode::Local,
                }],
                credits: Some(Credits { grant_seq: 1, granted: [(text("requests"), 5)].into() }),
                ..Profile::default()
            },
        ),
        (
            "signing",
            Profile {
                signing_keys: SigningKeys { required: true, keys: [(text("sk_1"), [1; 32])].into() },
                ..Profile::default()
            },
        ),
        (
            "cannot sign",
            Profile {
                signing_keys: SigningKeys { required: true, ..SigningKeys::default() },
                ..Profile::default()
            },
        ),
    ]
}

fn policy() -> Policy {
    let route = |path: &str| Route { method: text("GET"), path: text(path), ..Route::default() };
    let reads = |source| BTreeMap::from([(text("network"), source)]);
    let credential = |name: &str| UpstreamCredential {
        name: text(name),
        header: text("authorization"),
        value_prefix: text("Bearer "),
        sealed: vec![1],
    };
    Policy {
        routes: vec![
            route("/free"),
            Route {
                constraints: reads(ConstraintSource::Path(text("network"))),
                ..route("/path/{network}/tip")
            },
            Route { constraints: reads(ConstraintSource::Header(text("x-network"))), ..route("/header") },
            Route { constraints: reads(ConstraintSource::Query(text("network"))), ..route("/query") },
            Route { cost: [(text("requests"), 1)].into(), ..route("/paid") },
            Route { cost: [(text("requests"), 6)].into(), rate_cost: 0, ..route("/dear") },
            Route {
                signature: Some(RouteSignature { required: true, ..RouteSignature::default() }),
                ..route("/signed")
            },
            Route {
                constraints: reads(ConstraintSource::Query(text("network"))),
                upstream_credential: Some(text("node-{network}")),
                ..route("/node")
            },
            route("/files/*"),
            Route { permission: Some(text("files:private")), ..route("/files/private") },
        ],
        upstream_credentials: vec![credential("node-Mainnet")],
        ..Policy::default()
    }
}

/// A request and its answer: a code, or what is left to do.
struct Case {
    key: &'static str,
    target: &'static str,
    address: Option<&'static str>,
    headers: &'static [(&'static str, &'static str)],
    expected: Expected,
}

#[derive(Clone, Copy)]
enum Expected {
    Code(&'static str),
    Conditions(&'static [&'static str]),
}

use Expected::{Code, Conditions};

const VALID: Expected = Code("VALID");
const DENIED: Expected = Code("CONSTRAINT_DENIED");

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (key, address, expected) in ADDRESSES {
        cases.push(Case { key, target: "/free", address, headers: &[], expected });
    }
    for (key, target, headers, expected) in CONSTRAINTS {
        cases.push(Case { key, target, address: None, headers, expected });
    }
    for (key, target, expected) in DEMANDS {
        cases.push(Case { key, target, address: None, headers: &[], expected });
    }
    for (target, code) in SPELLINGS {
        cases.push(Case { key: "plain", target, address: None, headers: &[], expected: Code(code) });
    }
    cases
}

const ADDRESSES: [(&str, Option<&str>, Expected); 17] = [
    ("office", Some("192.0.2.1"), VALID),
    ("office", Some("192.0.2.63"), VALID),
    ("office", Some("192.0.2.64"), Code("IP_DENIED")),
    ("office", Some("192.0.2.127"), Code("IP_DENIED")),
    ("office", Some("192.0.2.128"), VALID),
    ("office", Some("192.0.3.0"), Code("IP_DENIED")),
    ("office", Some("::ffff:192.0.2.1"), VALID),
    ("office", Some("::ffff:c000:240"), Code("IP_DENIED")),
    ("office", Some("2001:db8:ffff::"), VALID),
    ("office", Some("2001:db9::"), Code("IP_DENIED")),
    ("office", Some("unknown"), Code("IP_DENIED")),
    ("office", Some("192.0.2.1:443"), Code("IP_DENIED")),
    ("office", None, Code("IP_DENIED")),
    ("not there", Some("192.0.2.1"), Code("IP_DENIED")),
    ("not there", Some("198.51.100.1"), VALID),
    ("not there", Some("2001:db8::"), VALID),
    ("not there", None, Code("IP_DENIED")),
];

type Headers = &'static [(&'static str, &'static str)];

const CONSTRAINTS: [(&str, &str, Headers, Expected); 29] = [
    ("mainnet", "/path/Mainnet/tip", &[], VALID),
    ("mainnet", "/path/Main%20net/tip", &[], VALID),
    ("mainnet", "/path/Main+net/tip", &[], DENIED),
    ("mainnet", "/path/mainnet/tip", &[], DENIED),
    ("mainnet", "/header", &[("X-Network", "Mainnet")], VALID),
    ("mainnet", "/header", &[("x-network", "Preprod")], DENIED),
    ("mainnet", "/header", &[("x-network", "Mainnet, Mainnet")], DENIED),
    ("mainnet", "/header", &[("x-network", "Mainnet"), ("X-NETWORK", "Mainnet")], DENIED),
    ("mainnet", "/header", &[], DENIED),
    ("mainnet", "/query?network=Mainnet", &[], VALID),
    ("mainnet", "/query?x=/../&network=Main+net&y", &[], VALID),
    ("mainnet", "/query?network=%4Dain%20net", &[], VALID),
    ("mainnet", "/query?networks=Preprod&network=Mainnet", &[], VALID),
    ("mainnet", "/query?network=Preprod", &[], DENIED),
    ("mainnet", "/query?network=", &[], DENIED),
    ("mainnet", "/query?network=Mainnet%00", &[], DENIED),
    ("mainnet", "/query?network=Mainnet%2", &[], DENIED),
    ("mainnet", "/query?network=Mainnet&network=Mainnet", &[], DENIED),
    ("mainnet", "/query?network=Mainnet&Network=Preprod", &[], DENIED),
    ("mainnet", "/query?network=Mainnet&network%5B%5D=Preprod", &[], DENIED),
    ("mainnet", "/query?network=Mainnet&+network=Preprod", &[], DENIED),
    ("mainnet", "/query?network=Mainnet&%256eetwork=Preprod", &[], DENIED),
    ("mainnet", "/query?a=b;network=Preprod&network=Mainnet", &[], DENIED),
    ("mainnet", "/query", &[], DENIED),
    ("mainnet", "/free?network=Preprod", &[("x-network", "Preprod")], VALID),
    ("no network", "/query?network=Mainnet", &[], DENIED),
    ("no network", "/free", &[], VALID),
    ("plain", "/query?network=a&network=b", &[], VALID),
    ("plain", "/header", &[], VALID),
];

const DEMANDS: [(&str, &str, Expected); 13] = [
    ("counted", "/free", Conditions(&["rate_limits"])),
    ("counted", "/paid", Conditions(&["rate_limits", "credits"])),
    ("counted", "/dear", Code("CREDITS_EXHAUSTED")),
    ("plain", "/paid", VALID),
    ("signing", "/free", Conditions(&["signature"])),
    ("signing", "/signed", Conditions(&["signature"])),
    ("plain", "/signed", Code("SIGNATURE_REQUIRED")),
    ("cannot sign", "/free", Code("SIGNATURE_REQUIRED")),
    ("plain", "/node?network=Mainnet", Conditions(&["upstream_credential"])),
    ("plain", "/node?network=Main%6eet", Conditions(&["upstream_credential"])),
    ("plain", "/node?network=Preprod", DENIED),
    ("plain", "/node", DENIED),
    ("plain", "/node?network=Mainnet&network=Mainnet", DENIED),
];

/// Spellings by which a request might get around `/files/private` while its upstream serves just that.
const SPELLINGS: [(&str, &str); 28] = [
    ("/files/public", "VALID"),
    ("/files/private", "INSUFFICIENT_PERMISSIONS"),
    ("/files/private/", "INSUFFICIENT_PERMISSIONS"),
    ("/files/private?x=/../", "INSUFFICIENT_PERMISSIONS"),
    ("/files//private", "ROUTE_NOT_FOUND"),
    ("//files/private", "ROUTE_NOT_FOUND"),
    ("/files/private//", "ROUTE_NOT_FOUND"),
    ("/./files/private", "ROUTE_NOT_FOUND"),
    ("/files/./private", "ROUTE_NOT_FOUND"),
    ("/files/x/../private", "ROUTE_NOT_FOUND"),
    ("/files/private/.", "ROUTE_NOT_FOUND"),
    ("/files/x/%2e%2e/private", "ROUTE_NOT_FOUND"),
    ("/files/x/.%2E/private", "ROUTE_NOT_FOUND"),
    ("/files/x/..%2fprivate", "ROUTE_NOT_FOUND"),
    ("/files/%70rivate", "ROUTE_NOT_FOUND"),
    ("/files/%2570rivate", "ROUTE_NOT_FOUND"),
    ("/files%2fprivate", "ROUTE_NOT_FOUND"),
    ("/files%2Fprivate", "ROUTE_NOT_FOUND"),
    ("/files\\private", "ROUTE_NOT_FOUND"),
    ("/files%5cprivate", "ROUTE_NOT_FOUND"),
    ("/files/private;x=y", "ROUTE_NOT_FOUND"),
    ("/files;x/private", "ROUTE_NOT_FOUND"),
    ("/files/private%3bx", "ROUTE_NOT_FOUND"),
    ("/files/private%00", "ROUTE_NOT_FOUND"),
    ("/files/private%0a", "ROUTE_NOT_FOUND"),
    ("/files/private#x", "ROUTE_NOT_FOUND"),
    ("/FILES/private", "ROUTE_NOT_FOUND"),
    ("http://gate/files/private", "ROUTE_NOT_FOUND"),
];

fn token_of(key: &str) -> String {
    let at = keys().iter().position(|(name, _)| *name == key).expect("a key of the vectors");
    token(TokenEnvironment::Test, 30 + at as u8)
}

fn document() -> String {
    let rows = keys().into_iter().zip(1..);
    let rows = rows.map(|((name, profile), number)| NewRow { profile, ..row(&token_of(name), number) });
    let Encoded { trusted_key, head, bodies } =
        Plan { policy: policy(), rows: rows.collect(), ..Plan::default() }.encode();
    let bundle = encode(Intent::Commit, &head, bodies.iter().map(Vec::as_slice)).expect("a small bundle");
    let keys: serde_json::Map<String, Value> =
        keys().iter().map(|(name, _)| ((*name).to_owned(), token_of(name).into())).collect();
    let cases: Vec<Value> = cases().iter().zip(1..).map(|(case, number)| case.to_json(number)).collect();
    let document = json!({
        "format": "spec/decision.md",
        "note": "Requests with GET and the token of `key` to a gate that holds the snapshot, at the time `now`. `expected` is the code, or for a conditional decision the list of what is left to do. A missing address is null.",
        "audience": Audience { keyspace: KEYSPACE, environment: Environment::Any }.to_string(),
        "trusted_keys": [trusted_key],
        "bundle": hex::encode(bundle),
        "now": NOW,
        "keys": keys,
        "cases": cases,
    });
    format!("{document:#}\n")
}

impl Case {
    fn to_json(&self, number: usize) -> Value {
        let headers: Vec<Value> = self.headers.iter().map(|(name, value)| json!([name, value])).collect();
        json!({
            "number": number,
            "key": self.key,
            "target": self.target,
            "address": self.address,
            "headers": headers,
            "expected": match self.expected {
                Code(code) => json!(code),
                Conditions(names) => json!(names),
            },
        })
    }
}

fn shipped() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("LATCHKEY_WRITE_VECTORS").is_some() {
        std::fs::write(&file, document()).expect("the specification is writable");
    }
    let shipped = std::fs::read_to_string(&file).expect("spec/vectors/restrictions.json is there");
    assert!(shipped == document(), "run `LATCHKEY_WRITE_VECTORS=1 cargo test -p latchkey-validator vectors`");
    serde_json::from_str(&shipped).expect("it is JSON")
}

fn load(document: &Value) -> (Snapshot, Rules) {
    let bundle = hex::decode(document["bundle"].as_str().expect("hex")).expect("hex");
    let bundle = UnverifiedBundle::parse(&bundle).expect("a bundle");
    let trusted_key = document["trusted_keys"][0].as_str().expect("text").to_owned();
    let bodies = bundle.bodies.into_iter().map(<[u8]>::to_vec).collect();
    Encoded { trusted_key, head: bundle.head.to_vec(), bodies }.load(Environment::Any)
}

fn answer(verdict: &Verdict<'_>) -> Value {
    match verdict {
        Verdict::Decided(decision) => json!(decision.code.as_str()),
        Verdict::Conditional(conditional) => conditional.demands.names().collect(),
        Verdict::NeedsObject(_) => panic!("the bundle is complete"),
    }
}

#[test]
fn restricted_requests_are_decided_as_the_vectors_say_and_explained_alike() {
    let document = shipped();
    let (snapshot, rules) = load(&document);
    let gate = GateView { peppers: &[], loaded: Some(Loaded { snapshot: &snapshot, rules: &rules }) };
    let now = document["now"].as_u64().expect("a time");
    for case in document["cases"].as_array().expect("a list") {
        let token = document["keys"][case["key"].as_str().expect("a name")].as_str().expect("a token");
        let headers: Vec<(&str, &[u8])> = case["headers"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|pair| (pair[0].as_str().expect("a name"), pair[1].as_str().expect("a value").as_bytes()))
            .collect();
        let target = case["target"].as_str().expect("a target");
        let facts = RequestFacts::new(Credential::Token(token.as_bytes()), "GET", target.as_bytes())
            .with_address_text(case["address"].as_str().map(str::as_bytes))
            .with_headers(&headers);
        assert_eq!(answer(&decide(&facts, &gate, now)), case["expected"], "{case}");
        let Explanation { verdict, checks } = explain(&facts, &gate, now);
        assert_eq!(answer(&verdict), case["expected"], "{case}");
        let failed: Vec<&str> = checks.iter().filter(|check| !check.passed).map(|check| check.name).collect();
        let passes = matches!(&verdict, Verdict::Conditional(_)) || case["expected"] == "VALID";
        assert_eq!(failed.len(), usize::from(!passes), "{case}: {checks:?}");
        assert!(checks.iter().all(|check| !check.input.contains(token) && !check.detail.contains(token)));
    }
}
