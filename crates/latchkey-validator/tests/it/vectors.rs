//! `spec/vectors/decision.json`: written from the table below, compared here, decided from the file alone, and read again by
//! the Wasm in Node. The expected answers are stated by hand, case by case.

use std::collections::BTreeMap;
use std::path::Path;

use latchkey_snapshot::bundle::{Intent, UnverifiedBundle, encode};
use latchkey_snapshot::id::Id;
use latchkey_snapshot::{
    Changes, DefaultAccess, Environment, NewRow, OnExpired, Policy, Profile, Reason, Revoke, Role, Route,
    Snapshot, TokenShapes,
};
use latchkey_token::Environment as TokenEnvironment;
use latchkey_validator::{Age, Code, Credential, GateView, Loaded, RequestFacts, Rules, Verdict, decide};
use serde_json::{Value, json};

use crate::fixture::{Encoded, FRESH_UNTIL, ISSUED_AT, KEYSPACE, Plan, VALID_UNTIL, row, token};

const NOW: u64 = ISSUED_AT + 10;

/// A key of the vectors: what the file says of it in words, and its row.
struct Key {
    token: String,
    row: NewRow,
}

fn key(number: u64, environment: TokenEnvironment, secret: u8, change: impl FnOnce(&mut NewRow)) -> Key {
    let token = token(environment, secret);
    let mut row = row(&token, number);
    change(&mut row);
    Key { token, row }
}

fn reader() -> Key {
    key(1, TokenEnvironment::Test, 10, |row| row.profile = granting(&[3], &[]))
}

fn granting(roles: &[u16], grants: &[&str]) -> Profile {
    let grants = grants.iter().map(|grant| String::from(*grant)).collect();
    Profile {
        owner: Some("made-up owner".into()),
        roles: roles.into(),
        grants,
        metadata: Some("{\"plan\":\"a\"}".into()),
        ..Profile::default()
    }
}

fn keys() -> Vec<Key> {
    use TokenEnvironment::{Live, Test};
    vec![
        reader(),
        key(2, Live, 11, |row| row.profile = granting(&[3], &["admin:*"])),
        key(3, Test, 12, |row| row.disabled = true),
        key(4, Test, 13, |row| row.expires_at = Some(NOW + 5)),
        key(5, Test, 14, |row| row.revoked = true),
        key(6, Test, 15, |_| ()),
        key(7, Test, 16, |row| row.profile = granting(&[], &["*:read"])),
        Key { token: "made-up-imported-key".into(), row: row("made-up-imported-key", 8) },
        key(9, Test, 17, |row| row.profile = granting(&[], &["items:read"])),
    ]
}

fn policy() -> Policy {
    let route = |method: &str, path: &str, permission: Option<&str>, environment| Route {
        method: method.into(),
        path: path.into(),
        permission: permission.map(Into::into),
        environment,
        ..Route::default()
    };
    Policy {
        roles: vec![Role { number: 3, grants: vec!["hello:*".into(), "items:read".into()] }],
        routes: vec![
            route("GET", "/hello", Some("hello:read"), Environment::Any),
            route("GET", "/open", None, Environment::Any),
            route("GET", "/live", None, Environment::Live),
            route("*", "/admin/*", Some("admin:all"), Environment::Any),
            route("GET", "/items/{id}", Some("items:read"), Environment::Any),
            route("GET", "/items/special", Some("admin:all"), Environment::Any),
            route("POST", "/items/{id}/files/*", Some("items:files:write"), Environment::Any),
        ],
        ..Policy::default()
    }
}

/// Revokes key 6 by its tag and adds nothing.
fn changes() -> Changes {
    let tag = keys()[5].row.tag;
    let prefix = tag[..8].try_into().expect("8 bytes");
    Changes { revokes: vec![Revoke { prefix, seq: 2, reason: Reason::Leaked }], ..Changes::default() }
}

fn plans() -> Vec<(&'static str, Plan)> {
    let plan = || Plan {
        policy: policy(),
        rows: keys().into_iter().map(|key| key.row).collect(),
        changes: Some(changes()),
        ..Plan::default()
    };
    let with_policy = |change: fn(&mut Policy)| {
        let mut plan = plan();
        change(&mut plan.policy);
        plan
    };
    vec![
        ("usual", plan()),
        ("default allow", with_policy(|policy| policy.default = DefaultAccess::AllowAnyKey)),
        ("decides when expired", with_policy(|policy| policy.on_expired = OnExpired::DecideFromExpired)),
        ("takes foreign tokens", with_policy(|policy| policy.tokens = TokenShapes::AlsoForeign)),
        ("live deployment", Plan { environment: Environment::Live, ..plan() }),
        ("killed", Plan { changes: Some(Changes { keyspace_kill: true, ..Changes::default() }), ..plan() }),
    ]
}

/// One request and its answer.
struct Case {
    name: &'static str,
    snapshot: Option<&'static str>,
    now: u64,
    credential: Value,
    method: &'static str,
    path: &'static str,
    code: &'static str,
    key: Option<u64>,
    route: Option<u16>,
    age: Option<&'static str>,
}

/// By the first key, at a fresh snapshot.
fn case(
    name: &'static str,
    path: &'static str,
    code: &'static str,
    key: Option<u64>,
    route: Option<u16>,
) -> Case {
    Case {
        name,
        snapshot: Some("usual"),
        now: NOW,
        credential: json!({ "token": reader().token }),
        method: "GET",
        path,
        code,
        key,
        route,
        age: Some("fresh"),
    }
}

impl Case {
    fn token(self, index: usize) -> Self {
        self.credential(json!({ "token": keys()[index].token }))
    }

    fn credential(self, credential: Value) -> Self {
        Self { credential, ..self }
    }

    fn at(self, now: u64, age: &'static str) -> Self {
        Self { now, age: Some(age), ..self }
    }

    fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    fn with(self, snapshot: &'static str) -> Self {
        Self { snapshot: Some(snapshot), ..self }
    }

    fn to_json(&self, number: usize) -> Value {
        json!({
            "number": number,
            "name": self.name,
            "snapshot": self.snapshot,
            "now": self.now,
            "credential": self.credential,
            "method": self.method,
            "path": self.path,
            "expected": {
                "code": self.code,
                "key_id": self.key.map(|number| Id::new("key", number).to_string()),
                "route": self.route,
                "age": self.age,
            },
        })
    }
}

fn cases() -> Vec<Case> {
    let mut cases = credential_cases();
    cases.extend(snapshot_cases());
    cases.extend(key_cases());
    cases.extend(route_cases());
    cases.extend(path_cases());
    cases
}

fn credential_cases() -> Vec<Case> {
    let hello = |name, code, credential| case(name, "/hello", code, None, None).credential(credential);
    let known = reader().token;
    vec![
        case("a key that may", "/hello", "VALID", Some(1), Some(0)),
        Case {
            key: Some(1),
            route: Some(0),
            ..hello("bearer header", "VALID", json!({ "authorization": format!("Bearer {known}") }))
        },
        hello("no credential", "MISSING_KEY", json!({ "missing": true })),
        hello("another scheme", "MISSING_KEY", json!({ "authorization": "Basic bWFkZTp1cA==" })),
        hello("scheme without a token", "MISSING_KEY", json!({ "authorization": "Bearer" })),
        hello("two different tokens", "MALFORMED_KEY", json!({ "conflicting": true })),
        hello(
            "two tokens in one header",
            "MALFORMED_KEY",
            json!({ "authorization": format!("Bearer {known}, Bearer {known}") }),
        ),
        hello("empty token", "MALFORMED_KEY", json!({ "token": "" })),
        hello(
            "wrong checksum",
            "MALFORMED_KEY",
            json!({ "token": format!("{}0", &known[..known.len() - 1]) }),
        ),
        hello(
            "well formed but never issued",
            "NOT_FOUND",
            json!({ "token": token(TokenEnvironment::Test, 20) }),
        ),
        hello("foreign token where none are taken", "MALFORMED_KEY", json!({ "token": keys()[7].token })),
        Case {
            key: Some(8),
            route: Some(1),
            path: "/open",
            ..hello("foreign token where they are taken", "VALID", json!({ "token": keys()[7].token }))
        }
        .with("takes foreign tokens"),
    ]
}

fn snapshot_cases() -> Vec<Case> {
    let hello = |name, code, key, route| case(name, "/hello", code, key, route);
    vec![
        Case { snapshot: None, age: None, ..hello("no snapshot", "SNAPSHOT_UNAVAILABLE", None, None) },
        Case {
            snapshot: None,
            age: None,
            ..hello("no snapshot and no credential", "MISSING_KEY", None, None)
        }
        .credential(json!({ "missing": true })),
        Case {
            snapshot: None,
            age: None,
            ..hello("no snapshot and perhaps a foreign token", "SNAPSHOT_UNAVAILABLE", None, None)
        }
        .credential(json!({ "token": keys()[7].token })),
        Case {
            snapshot: None,
            age: None,
            ..hello("no snapshot and a text that no keyspace takes", "MALFORMED_KEY", None, None)
        }
        .credential(json!({ "token": "junk" })),
        hello("last fresh second", "VALID", Some(1), Some(0)).at(FRESH_UNTIL, "fresh"),
        hello("first stale second", "VALID", Some(1), Some(0)).at(FRESH_UNTIL + 1, "stale"),
        hello("last valid second", "VALID", Some(1), Some(0)).at(VALID_UNTIL, "stale"),
        hello("past valid_until", "SNAPSHOT_EXPIRED", None, None).at(VALID_UNTIL + 1, "expired"),
        hello("past valid_until, never issued", "SNAPSHOT_EXPIRED", None, None)
            .at(VALID_UNTIL + 1, "expired")
            .credential(json!({ "token": token(TokenEnvironment::Test, 20) })),
        hello("past valid_until where the policy goes on", "VALID", Some(1), Some(0))
            .at(VALID_UNTIL + 1, "expired")
            .with("decides when expired"),
        hello("killed keyspace", "REVOKED", None, None).with("killed"),
    ]
}

fn key_cases() -> Vec<Case> {
    let hello = |name, code, key, route| case(name, "/hello", code, key, route);
    vec![
        hello("disabled", "DISABLED", Some(3), None).token(2),
        hello("last second before expiry", "INSUFFICIENT_PERMISSIONS", Some(4), Some(0))
            .token(3)
            .at(NOW + 4, "fresh"),
        hello("first expired second", "EXPIRED", Some(4), None).token(3).at(NOW + 5, "fresh"),
        hello("revoked in the base", "REVOKED", None, None).token(4),
        hello("revoked in a segment", "REVOKED", None, None).token(5),
        hello("live key at a live deployment", "VALID", Some(2), Some(0)).token(1).with("live deployment"),
        hello("test key at a live deployment", "ENVIRONMENT_MISMATCH", Some(1), None).with("live deployment"),
        case("test key at a live route", "/live", "ENVIRONMENT_MISMATCH", Some(1), Some(2)),
        case("live key at a live route", "/live", "VALID", Some(2), Some(2)).token(1),
    ]
}

fn route_cases() -> Vec<Case> {
    vec![
        case("nothing asked for", "/open", "VALID", Some(9), Some(1)).token(8),
        case("permission missing", "/hello", "INSUFFICIENT_PERMISSIONS", Some(9), Some(0)).token(8),
        case("star for one segment", "/hello", "VALID", Some(7), Some(0)).token(6),
        case("star is one segment only", "/admin/x", "INSUFFICIENT_PERMISSIONS", Some(7), Some(3)).token(6),
        case("star at the end", "/admin/x/y", "VALID", Some(2), Some(3)).token(1),
        case("a wildcard guards its own path", "/admin", "INSUFFICIENT_PERMISSIONS", Some(1), Some(3)),
        case("a slash at the end does not count", "/admin/", "INSUFFICIENT_PERMISSIONS", Some(1), Some(3)),
        case("parameter", "/items/17", "VALID", Some(1), Some(4)),
        case("literal before parameter", "/items/special", "INSUFFICIENT_PERMISSIONS", Some(1), Some(5)),
        case("HEAD is read as GET", "/items/17", "VALID", Some(1), Some(4)).method("HEAD"),
        case("another method", "/items/17", "ROUTE_NOT_FOUND", Some(1), None).method("DELETE"),
        case("method in lower case", "/items/17", "ROUTE_NOT_FOUND", Some(1), None).method("get"),
        case(
            "wildcard below a parameter",
            "/items/17/files/a/b",
            "INSUFFICIENT_PERMISSIONS",
            Some(1),
            Some(6),
        )
        .method("POST"),
        case("no route", "/elsewhere", "ROUTE_NOT_FOUND", Some(1), None),
        case("no route where any key passes", "/elsewhere", "VALID", Some(1), None).with("default allow"),
    ]
}

fn path_cases() -> Vec<Case> {
    let refused = |name, path| case(name, path, "ROUTE_NOT_FOUND", Some(1), None).with("default allow");
    vec![
        case("query is cut off", "/hello?a=/../b//%2f", "VALID", Some(1), Some(0)),
        case("escaped parameter", "/items/a%40b%20c", "VALID", Some(1), Some(4)),
        refused("empty path", ""),
        refused("no leading slash", "hello"),
        refused("doubled slash", "/items//17"),
        refused("doubled slash in front", "//hello"),
        refused("dot segment", "/items/./17"),
        refused("two dots", "/items/../hello"),
        refused("two dots at the end", "/items/.."),
        refused("escaped dots", "/items/%2e%2e/hello"),
        refused("escaped slash", "/items%2f17"),
        refused("escaped slash in upper case", "/items%2F17"),
        refused("escaped backslash", "/items%5c17"),
        refused("backslash", "/items\\17"),
        refused("escaped letter", "/%68ello"),
        refused("escaped percent sign", "/%2568ello"),
        refused("matrix parameter", "/hello;a=b"),
        refused("escaped null byte", "/items/%00"),
        refused("control byte", "/items/\u{1}"),
        refused("space", "/items/a b"),
        refused("byte above ASCII", "/items/\u{e9}"),
        refused("incomplete escape", "/items/%4"),
        refused("escape without digits", "/items/%zz"),
    ]
}

fn document() -> String {
    let snapshots: serde_json::Map<String, Value> =
        plans().into_iter().map(|(name, plan)| (name.to_owned(), snapshot_json(plan))).collect();
    let cases: Vec<Value> = cases().iter().zip(1..).map(|(case, number)| case.to_json(number)).collect();
    let keys: Vec<Value> = keys().iter().map(key_json).collect();
    let codes: serde_json::Map<String, Value> =
        Code::ALL.into_iter().map(|code| (code.as_str().to_owned(), code.number().into())).collect();
    let note = "Each case is a request to a gate that holds one of the snapshots (or none). Paths and tokens are byte strings: each \
                character stands for one byte (Latin-1). `route` is the position in the policy. Every snapshot has the keys of `keys`; its bundle \
                was issued at 1800000000 and is loaded at that time.";
    let document = json!({ "format": "spec/decision.md", "note": note, "codes": codes, "keys": keys, "snapshots": snapshots, "cases": cases });
    serde_json::to_string_pretty(&document).expect("it is JSON") + "\n"
}

fn snapshot_json(plan: Plan) -> Value {
    let audience = latchkey_snapshot::Audience { keyspace: KEYSPACE, environment: plan.environment };
    let policy = plan.policy.clone();
    let Encoded { trusted_key, head, bodies } = plan.encode();
    let bundle = encode(Intent::Commit, &head, bodies.iter().map(Vec::as_slice)).expect("a small bundle");
    let routes = policy.routes.iter().map(|route| {
        json!({ "method": route.method, "path": route.path, "permission": route.permission, "environment": route.environment.as_str() })
    });
    json!({
        "audience": audience.to_string(),
        "trusted_keys": [trusted_key],
        "default": if policy.default == DefaultAccess::Deny { "deny" } else { "allow" },
        "on_expired": if policy.on_expired == OnExpired::Deny { "deny" } else { "allow" },
        "tokens": if policy.tokens == TokenShapes::OnlyLatchkey { "latchkey" } else { "also foreign" },
        "roles": policy.roles.iter().map(|role| json!({ "number": role.number, "grants": role.grants })).collect::<Vec<_>>(),
        "routes": routes.collect::<Vec<_>>(),
        "bundle": hex::encode(bundle),
    })
}

fn key_json(Key { token, row }: &Key) -> Value {
    json!({
        "key_id": Id::new("key", row.key_number).to_string(),
        "token": token,
        "environment": if row.live { "live" } else { "test" },
        "disabled": row.disabled,
        "revoked": row.revoked,
        "expires_at": row.expires_at,
        "roles": row.profile.roles,
        "grants": row.profile.grants,
    })
}

fn shipped() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/decision.json");
    if std::env::var_os("LATCHKEY_WRITE_VECTORS").is_some() {
        std::fs::write(&file, document()).expect("the specification is writable");
    }
    std::fs::read_to_string(&file).expect("spec/vectors/decision.json is there")
}

#[test]
fn the_shipped_vectors_are_those_of_the_table() {
    assert!(
        shipped() == document(),
        "run `LATCHKEY_WRITE_VECTORS=1 cargo test -p latchkey-validator vectors`"
    );
}

#[test]
fn requests_are_decided_as_the_vectors_say() {
    let document: Value = serde_json::from_str(&shipped()).expect("it is JSON");
    let snapshots = document["snapshots"].as_object().expect("an object");
    let snapshots: BTreeMap<&str, (Snapshot, Rules)> =
        snapshots.iter().map(|(name, snapshot)| (name.as_str(), load(snapshot))).collect();
    for case in document["cases"].as_array().expect("a list") {
        let loaded = case["snapshot"].as_str().map(|name| {
            let (snapshot, rules) = &snapshots[name];
            Loaded { snapshot, rules }
        });
        let answer = answer(case, &GateView { peppers: &[], loaded });
        assert_eq!(answer, case["expected"], "{} {}", case["number"], case["name"]);
    }
}

fn answer(case: &Value, gate: &GateView<'_>) -> Value {
    let presented = ["token", "authorization"].map(|name| case["credential"][name].as_str().map(latin1));
    let credential = match &presented {
        [Some(token), _] => Credential::Token(token),
        [_, Some(value)] => Credential::Authorization(value),
        _ if case["credential"]["conflicting"] == true => Credential::Conflicting,
        _ => Credential::Missing,
    };
    let path = latin1(case["path"].as_str().expect("a path"));
    let facts = RequestFacts::new(credential, case["method"].as_str().expect("a method"), &path);
    let Verdict::Decided(decision) = decide(&facts, gate, case["now"].as_u64().expect("a time")) else {
        panic!("the bundles are complete");
    };
    json!({
        "code": decision.code.as_str(),
        "key_id": decision.key.map(|key| Id::new("key", key.number()).to_string()),
        "route": decision.route,
        "age": decision.age.map(|age| match age {
            Age::Fresh => "fresh",
            Age::Stale => "stale",
            Age::Expired => "expired",
        }),
    })
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).expect("Latin-1")).collect()
}

fn load(snapshot: &Value) -> (Snapshot, Rules) {
    let bundle = hex::decode(snapshot["bundle"].as_str().expect("hex")).expect("hex");
    let bundle = UnverifiedBundle::parse(&bundle).expect("a bundle");
    let audience: latchkey_snapshot::Audience =
        snapshot["audience"].as_str().expect("text").parse().expect("an audience");
    let trusted_key = snapshot["trusted_keys"][0].as_str().expect("text").to_owned();
    let bodies = bundle.bodies.into_iter().map(<[u8]>::to_vec).collect();
    Encoded { trusted_key, head: bundle.head.to_vec(), bodies }.load(audience.environment)
}
