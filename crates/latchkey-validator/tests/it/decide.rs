//! The order and meaning of the checks: spec/decision.md sections 1 and 2.

use latchkey_snapshot::{
    Changes, DefaultAccess, Environment, NewRow, OnExpired, Policy, Profile, Reason, Revoke, Role, Route,
    TagScheme, TokenShapes,
};
use latchkey_token::{Environment as TokenEnvironment, Pepper};
use latchkey_validator::{
    Age, Code, Credential, Decision, GateView, Loaded, RequestFacts, Rules, Verdict, check_policy, decide,
};

use crate::fixture::{FRESH_UNTIL, ISSUED_AT, Plan, VALID_UNTIL, peppered, row, token};

const NOW: u64 = ISSUED_AT + 10;
const KEY: u64 = 42;

fn test_token() -> String {
    token(TokenEnvironment::Test, 10)
}

fn live_token() -> String {
    token(TokenEnvironment::Live, 11)
}

fn route(method: &str, path: &str, permission: Option<&str>, environment: Environment) -> Route {
    Route {
        method: method.into(),
        path: path.into(),
        permission: permission.map(Into::into),
        environment,
        ..Route::default()
    }
}

fn policy() -> Policy {
    Policy {
        roles: vec![Role { number: 3, grants: vec!["hello:*".into()] }],
        routes: vec![
            route("GET", "/hello", Some("hello:read"), Environment::Any),
            route("GET", "/open", None, Environment::Any),
            route("GET", "/live", None, Environment::Live),
            route("*", "/admin/*", Some("admin:all"), Environment::Any),
        ],
        ..Policy::default()
    }
}

fn reader(token: &str) -> NewRow {
    let profile = Profile { grants: vec!["hello:read".into()], ..Profile::default() };
    NewRow { profile, ..row(token, KEY) }
}

/// A request that passes unless a test changes something.
struct Case<'a> {
    plan: Plan,
    token: String,
    credential: Option<Credential<'a>>,
    method: &'a str,
    path: &'a str,
    now: u64,
    peppers: Vec<Pepper>,
}

impl Default for Case<'_> {
    fn default() -> Self {
        let token = test_token();
        Self {
            plan: Plan { policy: policy(), rows: vec![reader(&token)], ..Plan::default() },
            token,
            credential: None,
            method: "GET",
            path: "/hello",
            now: NOW,
            peppers: Vec::new(),
        }
    }
}

/// What a decision says, without what it borrows.
#[derive(Debug, PartialEq)]
struct Outcome {
    code: Code,
    key: Option<u64>,
    route: Option<u16>,
    age: Option<Age>,
}

impl Case<'_> {
    fn outcome(self) -> Outcome {
        let (snapshot, rules) = self.plan.load();
        let loaded = Some(Loaded { snapshot: &snapshot, rules: &rules });
        let gate = GateView { peppers: &self.peppers, loaded };
        let credential = self.credential.unwrap_or(Credential::Token(self.token.as_bytes()));
        let facts = RequestFacts::new(credential, self.method, self.path.as_bytes());
        outcome(&decided(decide(&facts, &gate, self.now)))
    }

    fn code(self) -> Code {
        self.outcome().code
    }
}

fn decided(verdict: Verdict<'_>) -> Decision<'_> {
    match verdict {
        Verdict::Decided(decision) => decision,
        Verdict::Conditional(conditional) => panic!("left to do: {:?}", conditional.demands),
        Verdict::NeedsObject(object) => panic!("everything is loaded, but {object:?} is asked for"),
    }
}

fn outcome(decision: &Decision<'_>) -> Outcome {
    let key = decision.key.map(|key| key.number());
    Outcome { code: decision.code, key, route: decision.route, age: decision.age }
}

#[test]
fn a_good_request_passes_and_names_its_key_and_route() {
    let expected = Outcome { code: Code::Valid, key: Some(KEY), route: Some(0), age: Some(Age::Fresh) };
    assert_eq!(Case::default().outcome(), expected);
}

#[test]
fn a_request_without_a_credential_is_told_so_even_before_the_first_snapshot() {
    let gate = GateView { peppers: &[], loaded: None };
    for (credential, code) in [
        (Credential::Missing, Code::MissingKey),
        (Credential::Authorization(b"Basic bWFkZTp1cA=="), Code::MissingKey),
        (Credential::Authorization(b"Bearer "), Code::MissingKey),
        (Credential::Authorization(b"Bearer a b"), Code::MalformedKey),
        (Credential::Authorization(b"Bearer junk"), Code::MalformedKey),
        (Credential::Token(b""), Code::MalformedKey),
        (Credential::Conflicting, Code::MalformedKey),
        (Credential::Token(test_token().as_bytes()), Code::SnapshotUnavailable),
        // Perhaps an imported key: only the policy says whether the keyspace takes those.
        (Credential::Token(b"made-up-imported-key"), Code::SnapshotUnavailable),
        (Credential::Token(b"sixteen bytes \x01\x02"), Code::MalformedKey),
    ] {
        let facts = RequestFacts::new(credential, "GET", b"/hello");
        let decision = decided(decide(&facts, &gate, NOW));
        assert_eq!(outcome(&decision), Outcome { code, key: None, route: None, age: None });
    }
}

#[test]
fn a_bearer_token_is_taken_out_of_the_header() {
    let value = format!("bearer {}", test_token());
    let credential = Some(Credential::Authorization(value.as_bytes()));
    assert_eq!(Case { credential, ..Case::default() }.code(), Code::Valid);
}

#[test]
fn a_stale_snapshot_decides_and_an_expired_one_denies() {
    for (now, code, age) in [
        (ISSUED_AT, Code::Valid, Age::Fresh),
        (FRESH_UNTIL, Code::Valid, Age::Fresh),
        (FRESH_UNTIL + 1, Code::Valid, Age::Stale),
        (VALID_UNTIL, Code::Valid, Age::Stale),
        (VALID_UNTIL + 1, Code::SnapshotExpired, Age::Expired),
        (u64::MAX, Code::SnapshotExpired, Age::Expired),
    ] {
        let outcome = Case { now, ..Case::default() }.outcome();
        assert_eq!((outcome.code, outcome.age), (code, Some(age)), "{now}");
    }
}

#[test]
fn an_expired_snapshot_decides_where_the_policy_asks_for_it() {
    let mut case = Case { now: VALID_UNTIL + 1, ..Case::default() };
    case.plan.policy.on_expired = OnExpired::DecideFromExpired;
    let outcome = case.outcome();
    assert_eq!((outcome.code, outcome.age), (Code::Valid, Some(Age::Expired)));
}

#[test]
fn an_expired_snapshot_is_reported_before_anything_of_the_key() {
    let token = live_token();
    assert_eq!(Case { token, now: VALID_UNTIL + 1, ..Case::default() }.code(), Code::SnapshotExpired);
}

#[test]
fn rules_of_another_policy_are_not_mixed_with_a_snapshot() {
    let (snapshot, _) = Case::default().plan.load();
    let (_, other_rules) = Plan::default().load();
    let loaded = Some(Loaded { snapshot: &snapshot, rules: &other_rules });
    let gate = GateView { peppers: &[], loaded };
    let token = test_token();
    let facts = RequestFacts::new(Credential::Token(token.as_bytes()), "GET", b"/hello");
    assert_eq!(decided(decide(&facts, &gate, NOW)).code, Code::SnapshotUnavailable);
}

#[test]
fn an_unknown_token_is_not_found() {
    let token = token(TokenEnvironment::Test, 12);
    let expected = Outcome { code: Code::NotFound, key: None, route: None, age: Some(Age::Fresh) };
    assert_eq!(Case { token, ..Case::default() }.outcome(), expected);
}

#[test]
fn a_revoked_row_and_a_revoked_tag_are_refused() {
    let mut flagged = Case::default();
    flagged.plan.rows[0].revoked = true;
    assert_eq!(flagged.code(), Code::Revoked);

    let mut marked = Case::default();
    let prefix = marked.plan.rows[0].tag[..8].try_into().expect("8 bytes");
    let revokes = vec![Revoke { prefix, seq: 2, reason: Reason::Leaked }];
    marked.plan.changes = Some(Changes { revokes, ..Changes::default() });
    assert_eq!(marked.code(), Code::Revoked);
}

#[test]
fn a_killed_keyspace_refuses_every_key_of_its_base() {
    let mut case = Case::default();
    case.plan.changes = Some(Changes { keyspace_kill: true, ..Changes::default() });
    assert_eq!(case.code(), Code::Revoked);
}

#[test]
fn a_disabled_key_is_reported_as_disabled_even_when_it_is_expired() {
    let mut case = Case::default();
    case.plan.rows[0].disabled = true;
    case.plan.rows[0].expires_at = Some(1);
    let expected = Outcome { code: Code::Disabled, key: Some(KEY), route: None, age: Some(Age::Fresh) };
    assert_eq!(case.outcome(), expected);
}

#[test]
fn a_key_expires_to_the_second() {
    for (expires_at, code) in [(NOW + 1, Code::Valid), (NOW, Code::Expired), (NOW - 1, Code::Expired)] {
        let mut case = Case::default();
        case.plan.rows[0].expires_at = Some(expires_at);
        assert_eq!(case.code(), code, "{expires_at}");
    }
}

#[test]
fn a_deployment_takes_the_keys_of_its_environment_only() {
    for (environment, token, code) in [
        (Environment::Any, test_token(), Code::Valid),
        (Environment::Any, live_token(), Code::Valid),
        (Environment::Test, test_token(), Code::Valid),
        (Environment::Test, live_token(), Code::EnvironmentMismatch),
        (Environment::Live, test_token(), Code::EnvironmentMismatch),
        (Environment::Live, live_token(), Code::Valid),
    ] {
        let plan = Plan { environment, policy: policy(), rows: vec![reader(&token)], ..Plan::default() };
        assert_eq!(Case { plan, token: token.clone(), ..Case::default() }.code(), code, "{environment:?}");
    }
}

#[test]
fn a_test_token_never_stands_for_a_live_row() {
    let mut case = Case::default();
    case.plan.rows[0].live = true;
    assert_eq!(case.code(), Code::EnvironmentMismatch);
}

#[test]
fn a_test_key_never_passes_a_live_route() {
    let expected =
        Outcome { code: Code::EnvironmentMismatch, key: Some(KEY), route: Some(2), age: Some(Age::Fresh) };
    assert_eq!(Case { path: "/live", ..Case::default() }.outcome(), expected);
    let token = live_token();
    let plan = Plan { policy: policy(), rows: vec![reader(&token)], ..Plan::default() };
    assert_eq!(Case { plan, token, path: "/live", ..Case::default() }.code(), Code::Valid);
}

#[test]
fn an_unmatched_route_is_denied_unless_the_policy_lets_any_key_pass() {
    let unmatched = || Case { path: "/elsewhere", ..Case::default() };
    let expected = Outcome { code: Code::RouteNotFound, key: Some(KEY), route: None, age: Some(Age::Fresh) };
    assert_eq!(unmatched().outcome(), expected);

    let mut open = unmatched();
    open.plan.policy.default = DefaultAccess::AllowAnyKey;
    let expected = Outcome { code: Code::Valid, key: Some(KEY), route: None, age: Some(Age::Fresh) };
    assert_eq!(open.outcome(), expected);
}

#[test]
fn a_path_that_is_not_canonical_is_denied_even_where_any_key_passes() {
    for path in ["//hello", "/x/../hello", "/%68ello", "/hello;x", "/a%2fb", "hello", ""] {
        let mut case = Case { path, ..Case::default() };
        case.plan.policy.default = DefaultAccess::AllowAnyKey;
        assert_eq!(case.code(), Code::RouteNotFound, "{path}");
    }
}

#[test]
fn a_query_is_not_part_of_the_path() {
    assert_eq!(Case { path: "/hello?to=../%2f", ..Case::default() }.code(), Code::Valid);
}

#[test]
fn a_key_without_grants_passes_only_where_nothing_is_asked_for() {
    for (path, code) in [("/open", Code::Valid), ("/hello", Code::InsufficientPermissions)] {
        let mut case = Case { path, ..Case::default() };
        case.plan.rows[0].profile = Profile::default();
        assert_eq!(case.code(), code, "{path}");
    }
}

#[test]
fn grants_come_from_the_key_and_from_its_roles() {
    let with = |roles: &[u16], grants: &[&str]| {
        let mut case = Case::default();
        let grants = grants.iter().map(|grant| String::from(*grant)).collect();
        case.plan.rows[0].profile = Profile { roles: roles.into(), grants, ..Profile::default() };
        case.code()
    };
    assert_eq!(with(&[3], &[]), Code::Valid);
    assert_eq!(with(&[1, 3, 9], &["other:*"]), Code::Valid);
    assert_eq!(with(&[], &["*:read"]), Code::Valid);
    assert_eq!(with(&[], &["hello:write", "hello"]), Code::InsufficientPermissions);
    // A role that the policy does not define.
    assert_eq!(with(&[4], &[]), Code::InsufficientPermissions);
}

#[test]
fn a_key_with_a_restriction_that_this_build_does_not_enforce_is_denied() {
    for kind in [0x80, 0x86, 0xff_u8] {
        let mut case = Case { path: "/open", ..Case::default() };
        let mut restricted = case.plan.rows.remove(0);
        restricted.profile.metadata = Some(format!("{{\"restriction\":{kind}}}"));
        case.plan.changes = Some(Changes { upserts: vec![restricted], ..Changes::default() });
        // Turns the metadata into a critical field of the same length.
        case.plan.edit_segment = |mut bytes| {
            let value =
                bytes.windows(15).position(|w| w == b"{\"restriction\":").expect("the metadata is there");
            let end = bytes[value..].iter().position(|byte| *byte == b'}').expect("it ends") + value;
            let kind =
                std::str::from_utf8(&bytes[value + 15..end]).expect("digits").parse().expect("a number");
            bytes[value - 3] = kind;
            bytes
        };
        let outcome = case.outcome();
        assert_eq!((outcome.code, outcome.key), (Code::RestrictionUnsupported, Some(KEY)), "{kind:#x}");
    }
}

#[test]
fn a_route_with_a_restriction_that_this_build_does_not_enforce_is_denied() {
    let mut case = Case { path: "/admin/x", ..Case::default() };
    case.plan.rows[0].profile.grants = vec!["*".into()];
    case.plan.edit_policy = |mut bytes| {
        // The last route's extensions and the policy's own are both empty; give the route a critical one.
        bytes.truncate(bytes.len() - 4);
        bytes.extend_from_slice(&[3, 0, 0x80, 0, 0, 0, 0]);
        bytes
    };
    let outcome = case.outcome();
    assert_eq!((outcome.code, outcome.route), (Code::RestrictionUnsupported, Some(3)));
}

#[test]
fn peppered_tags_are_found_with_the_pepper_that_the_head_names() {
    let pepper = |version| Pepper::new(version, &[version; 32]);
    let case = |held: &[u8]| {
        let mut case = Case { peppers: held.iter().copied().map(pepper).collect(), ..Case::default() };
        case.plan.tag_scheme = TagScheme::HmacSha256 { pepper_version: 2 };
        case.plan.rows = vec![peppered(reader(&case.token), &case.token, &pepper(2))];
        case.code()
    };
    assert_eq!(case(&[2]), Code::Valid);
    assert_eq!(case(&[1, 2, 3]), Code::Valid);
    assert_eq!(case(&[1]), Code::SnapshotUnavailable);
    assert_eq!(case(&[]), Code::SnapshotUnavailable);
}

#[test]
fn foreign_tokens_pass_only_where_the_keyspace_takes_them() {
    for (tokens, code) in
        [(TokenShapes::OnlyLatchkey, Code::MalformedKey), (TokenShapes::AlsoForeign, Code::Valid)]
    {
        let token = String::from("made-up-imported-key");
        let policy = Policy { tokens, ..policy() };
        let plan = Plan { policy, rows: vec![reader(&token)], ..Plan::default() };
        assert_eq!(Case { plan, token, ..Case::default() }.code(), code);
    }
}

#[test]
fn a_shard_that_is_not_loaded_is_asked_for_and_then_decides() {
    // More rows than a base that is loaded whole has.
    let mut rows: Vec<NewRow> =
        (0..40_000).map(|number| row(&format!("made-up-{number:08}"), number)).collect();
    rows.push(reader(&test_token()));
    let encoded = Plan { policy: policy(), rows, ..Plan::default() }.encode();
    let mut snapshot = encoded.load_without_shards(Environment::Any);
    let rules = Rules::compile(snapshot.policy()).expect("an enforceable policy");
    let token = test_token();
    let facts = RequestFacts::new(Credential::Token(token.as_bytes()), "GET", b"/hello");
    for step in ["leaf page", "shard"] {
        let gate = |loaded| GateView { peppers: &[], loaded: Some(loaded) };
        let wanted = match decide(&facts, &gate(Loaded { snapshot: &snapshot, rules: &rules }), NOW) {
            Verdict::NeedsObject(object) => object,
            other => panic!("{other:?} without the shard"),
        };
        let body = encoded.bodies.iter().find(|body| latchkey_snapshot::sha256(body) == wanted.sha256);
        let body = latchkey_snapshot::HashedBody::compute(body.expect(step).clone());
        snapshot.supply(body).expect("it was asked for");
    }
    let loaded = Some(Loaded { snapshot: &snapshot, rules: &rules });
    let gate = GateView { peppers: &[], loaded };
    assert_eq!(decided(decide(&facts, &gate, NOW)).code, Code::Valid);
}

#[test]
fn a_policy_that_cannot_be_enforced_is_refused_with_the_place_of_the_fault() {
    let faulty = |change: fn(&mut Policy)| {
        let mut policy = policy();
        change(&mut policy);
        check_policy(&policy).expect_err("the policy is faulty").to_string()
    };
    assert_eq!(check_policy(&policy()), Ok(()));
    assert!(faulty(|policy| policy.routes[1].path = "/a/".into()).starts_with("route 1: "));
    assert!(faulty(|policy| policy.routes[2].method = "get".into()).starts_with("route 2: "));
    assert!(faulty(|policy| policy.routes[3].permission = Some("a:*".into())).starts_with("route 3: "));
    assert!(
        faulty(|policy| policy.routes[3] = policy.routes[0].clone())
            .ends_with("route 0, so it is never reached")
    );
    assert!(faulty(|policy| policy.roles[0].grants = vec!["A".into()]).starts_with("role 3, grant \"A\": "));
}

#[test]
fn the_specification_lists_every_code_with_its_number() {
    let specification = include_str!("../../../../spec/decision.md");
    let rows = specification.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let number = cells.next()?.parse::<u8>().ok()?;
        Some((number, cells.next()?.strip_prefix('`')?.strip_suffix('`')?))
    });
    let codes = Code::ALL.map(|code| (code.number(), code.as_str()));
    assert_eq!(rows.collect::<Vec<_>>(), codes);
    assert!(codes.iter().all(|(number, _)| Code::from_number(*number).is_some()));
    assert_eq!(Code::from_number(0), None);
}
