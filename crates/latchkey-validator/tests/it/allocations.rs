use latchkey_snapshot::ip::IpRule;
use latchkey_snapshot::{
    ConstraintSource, Credits, NewRow, Policy, Profile, RateLimit, RateLimitMode, Role, Route, SigningKeys,
    TokenShapes, UpstreamCredential,
};
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
        ip_rules: vec![IpRule { allow: true, net: "192.0.2.0/24".parse().expect("a network") }],
        constraints: ["a", "b", "c"].map(|name| (name.into(), vec!["1".into(), "2 3".into()])).into(),
        rate_limits: vec![RateLimit {
            name: "day".into(),
            limit: 1,
            window_seconds: 86_400,
            mode: RateLimitMode::Exact,
        }],
        credits: Some(Credits { grant_seq: 1, granted: [("requests".into(), 10)].into() }),
        signing_keys: SigningKeys { required: true, keys: [("sk".into(), [1; 32])].into() },
    };
    let known_row = peppered(NewRow { profile, ..row(&known, 1) }, &known, &pepper);
    let route = Route {
        method: "GET".into(),
        path: "/hello/{name}".into(),
        permission: Some("hello:read".into()),
        constraints: [
            ("a".into(), ConstraintSource::Path("name".into())),
            ("b".into(), ConstraintSource::Header("x-b".into())),
            ("c".into(), ConstraintSource::Query("c".into())),
        ]
        .into(),
        cost: [("requests".into(), 1)].into(),
        upstream_credential: Some("node-{a}".into()),
        environment: latchkey_snapshot::Environment::Any,
        ..Route::default()
    };
    let roles = vec![Role { number: 2, grants: vec!["nothing:here".into()] }];
    let upstream_credentials = vec![UpstreamCredential {
        name: "node-1".into(),
        header: "authorization".into(),
        value_prefix: "Bearer ".into(),
        sealed: vec![1],
    }];
    let tokens = TokenShapes::AlsoForeign;
    let policy = Policy { roles, routes: vec![route], tokens, upstream_credentials, ..Policy::default() };
    let tag_scheme = latchkey_snapshot::TagScheme::HmacSha256 { pepper_version: 1 };
    let (snapshot, rules) = Plan { policy, tag_scheme, rows: vec![known_row], ..Plan::default() }.load();
    let loaded = Some(Loaded { snapshot: &snapshot, rules: &rules });
    let gate = GateView { peppers: &[pepper], loaded };

    let bearer = format!("Bearer {known}");
    for (credential, path, code) in [
        (Credential::Authorization(bearer.as_bytes()), "/hello/1?x=y&c=2%203", Code::Valid),
        (Credential::Authorization(bearer.as_bytes()), "/hello/%40?x=y&c=2%203", Code::ConstraintDenied),
        (Credential::Authorization(bearer.as_bytes()), "/else/where", Code::RouteNotFound),
        (Credential::Authorization(b"Bearer made-up-and-unknown"), "/hello/1", Code::NotFound),
        (Credential::Token(b"junk"), "/hello/1", Code::MalformedKey),
        (Credential::Missing, "/hello/1", Code::MissingKey),
    ] {
        let headers = [Some(&b"1"[..])];
        let facts = RequestFacts::new(credential, "GET", path.as_bytes())
            .with_address_text(Some(b"192.0.2.1"))
            .with_headers_in_order(&headers);
        let mut decided = None;
        let allocations = allocation_counter::measure(|| {
            let decision = match decide(&facts, &gate, ISSUED_AT) {
                Verdict::Decided(decision) => Some(decision),
                Verdict::Conditional(conditional) => {
                    assert!(!conditional.demands.is_empty());
                    Some(conditional.settle(Ok(())))
                }
                Verdict::NeedsObject(_) => None,
            };
            if let Some(decision) = decision {
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
