use latchkey_snapshot::{NewRow, Policy, Profile, Role, Route, TokenShapes};
use latchkey_token::{Environment, Pepper};
use latchkey_validator::{Code, Credential, GateView, Loaded, RequestFacts, Verdict, decide};

use crate::fixture::{ISSUED_AT, Plan, peppered, row, token};

#[test]
fn deciding_allocates_nothing() {
    let known = token(Environment::Test, 10);
    let pepper = Pepper::new(1, &[1; 32]);
    let profile = Profile {
        owner: Some("made-up".into()),
        roles: vec![1, 2],
        grants: vec!["other:*".into(), "hello:*".into()],
        metadata: Some("{}".into()),
        ..Profile::default()
    };
    let known_row = peppered(NewRow { profile, ..row(&known, 1) }, &known, &pepper);
    let route = Route {
        method: "GET".into(),
        path: "/hello/{name}".into(),
        permission: Some("hello:read".into()),
        environment: latchkey_snapshot::Environment::Any,
        ..Route::default()
    };
    let roles = vec![Role { number: 2, grants: vec!["nothing:here".into()] }];
    let policy = Policy { roles, routes: vec![route], tokens: TokenShapes::AlsoForeign, ..Policy::default() };
    let tag_scheme = latchkey_snapshot::TagScheme::HmacSha256 { pepper_version: 1 };
    let (snapshot, rules) = Plan { policy, tag_scheme, rows: vec![known_row], ..Plan::default() }.load();
    let loaded = Some(Loaded { snapshot: &snapshot, rules: &rules });
    let gate = GateView { peppers: &[pepper], loaded };

    let bearer = format!("Bearer {known}");
    for (credential, path, code) in [
        (Credential::Authorization(bearer.as_bytes()), "/hello/b%40b?x=y", Code::Valid),
        (Credential::Authorization(bearer.as_bytes()), "/else/where", Code::RouteNotFound),
        (Credential::Authorization(b"Bearer made-up-and-unknown"), "/hello/b", Code::NotFound),
        (Credential::Token(b"junk"), "/hello/b", Code::MalformedKey),
        (Credential::Missing, "/hello/b", Code::MissingKey),
    ] {
        let facts = RequestFacts::new(credential, "GET", path.as_bytes());
        let mut decided = None;
        let allocations = allocation_counter::measure(|| {
            if let Verdict::Decided(decision) = decide(&facts, &gate, ISSUED_AT) {
                decided = Some((
                    decision.code,
                    decision.key.and_then(|key| key.owner()),
                    decision.key.map(|key| key.number()),
                ));
            }
        });
        assert_eq!(decided.map(|(code, ..)| code), Some(code));
        assert_eq!(allocations.count_total, 0, "{code}");
    }
}
