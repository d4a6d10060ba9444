//! Address rules, constraints, and what is left to be done: spec/decision.md sections 1 and 8 to 10.

use std::collections::BTreeMap;
use std::net::IpAddr;

use latchkey_snapshot::ip::IpRule;
use latchkey_snapshot::{
    ConstraintSource, Credits, DefaultAccess, NewRow, Policy, Profile, RateLimit, RateLimitMode, Route,
    RouteSignature, SigningKeys, Snapshot, UpstreamCredential,
};
use latchkey_token::Environment;
use latchkey_validator::{
    Code, Conditional, Credential, GateView, Loaded, RequestFacts, RuleError, Rules, Verdict, check_policy,
    decide,
};

use crate::fixture::{ISSUED_AT, Plan, row, token};

const GET: &str = "GET";

/// A gate with one key and one policy.
struct Gate {
    token: String,
    snapshot: Snapshot,
    rules: Rules,
}

impl Gate {
    fn new(profile: Profile, policy: Policy) -> Self {
        let token = token(Environment::Test, 10);
        let (snapshot, rules) =
            Plan { policy, rows: vec![NewRow { profile, ..row(&token, 42) }], ..Plan::default() }.load();
        Self { token, snapshot, rules }
    }

    fn ask<T>(&self, facts: RequestFacts<'_>, read: impl FnOnce(Verdict<'_>) -> T) -> T {
        let loaded = Some(Loaded { snapshot: &self.snapshot, rules: &self.rules });
        read(decide(&facts, &GateView { peppers: &[], loaded }, ISSUED_AT))
    }

    fn facts<'a>(&'a self, target: &'a str) -> RequestFacts<'a> {
        RequestFacts::new(Credential::Token(self.token.as_bytes()), GET, target.as_bytes())
    }

    fn code(&self, facts: RequestFacts<'_>) -> Code {
        self.ask(facts, |verdict| match verdict {
            Verdict::Decided(decision) => decision.code,
            other => panic!("undecided: {other:?}"),
        })
    }

    fn left<T>(&self, target: &str, read: impl FnOnce(Conditional<'_>) -> T) -> T {
        self.ask(self.facts(target), |verdict| match verdict {
            Verdict::Conditional(conditional) => read(conditional),
            other => panic!("nothing is left: {other:?}"),
        })
    }
}

fn open_policy() -> Policy {
    Policy { default: DefaultAccess::AllowAnyKey, ..Policy::default() }
}

fn route(path: &str) -> Route {
    Route { method: "GET".into(), path: path.into(), ..Route::default() }
}

fn policy_of(routes: Vec<Route>) -> Policy {
    Policy { routes, ..Policy::default() }
}

fn rule(allow: bool, net: &str) -> IpRule {
    IpRule { allow, net: net.parse().expect("a network") }
}

#[test]
fn a6_a_key_with_address_rules_is_good_only_where_they_allow_it() {
    let profile = Profile {
        ip_rules: vec![rule(false, "192.0.2.64/26"), rule(true, "192.0.2.0/24"), rule(true, "2001:db8::/32")],
        ..Profile::default()
    };
    let gate = Gate::new(profile, open_policy());
    for (address, code) in [
        ("192.0.2.1", Code::Valid),
        ("::ffff:192.0.2.1", Code::Valid),
        ("192.0.2.64", Code::IpDenied),
        ("198.51.100.1", Code::IpDenied),
        ("2001:db8::1", Code::Valid),
        ("2001:db9::1", Code::IpDenied),
        ("::1", Code::IpDenied),
    ] {
        let address_text = Some(address.as_bytes());
        let address: IpAddr = address.parse().expect("an address");
        assert_eq!(gate.code(gate.facts("/").with_address(Some(address))), code, "{address}");
        assert_eq!(gate.code(gate.facts("/").with_address_text(address_text)), code, "{address}");
    }
}

#[test]
fn a6_without_an_address_a_key_with_rules_is_denied_even_if_they_allow_everything() {
    let ip_rules = vec![rule(true, "0.0.0.0/0"), rule(true, "::/0")];
    let gate = Gate::new(Profile { ip_rules, ..Profile::default() }, open_policy());
    assert_eq!(gate.code(gate.facts("/")), Code::IpDenied);
    for text in
        ["", "unknown", "_hidden", "192.0.2.1:80", "192.0.2.1, 192.0.2.2", "192.0.2.01", "[::1]", "\u{e9}"]
    {
        let facts = gate.facts("/").with_address_text(Some(text.as_bytes()));
        assert_eq!(gate.code(facts), Code::IpDenied, "{text:?}");
    }
    let unrestricted = Gate::new(Profile::default(), open_policy());
    assert_eq!(unrestricted.code(unrestricted.facts("/")), Code::Valid);
}

#[test]
fn a6_the_address_is_checked_before_anything_of_the_route() {
    let gate = Gate::new(
        Profile { ip_rules: vec![rule(false, "0.0.0.0/0")], ..Profile::default() },
        Policy::default(),
    );
    let facts = gate.facts("/").with_address_text(Some(b"192.0.2.1"));
    assert_eq!(gate.code(facts), Code::IpDenied);
}

fn network_policy() -> Policy {
    let reads = |source| BTreeMap::from([(String::from("network"), source)]);
    policy_of(vec![
        Route { constraints: reads(ConstraintSource::Path("net".into())), ..route("/path/{x}/{net}") },
        Route { constraints: reads(ConstraintSource::Header("x-network".into())), ..route("/header") },
        Route { constraints: reads(ConstraintSource::Query("network".into())), ..route("/query") },
        route("/free"),
    ])
}

fn limited_to(values: &[&str]) -> Profile {
    let values = values.iter().map(|value| String::from(*value)).collect();
    Profile { constraints: BTreeMap::from([("network".into(), values)]), ..Profile::default() }
}

#[test]
fn a4_a_key_keeps_to_its_values_in_path_header_and_query() {
    let gate = Gate::new(limited_to(&["Mainnet", "a b"]), network_policy());
    for (target, header, code) in [
        ("/path/1/Mainnet", None, Code::Valid),
        ("/path/1/Mainnet/", None, Code::Valid),
        ("/path/1/a%20b", None, Code::Valid),
        ("/path/1/a+b", None, Code::ConstraintDenied),
        ("/path/1/mainnet", None, Code::ConstraintDenied),
        ("/path/Mainnet/1", None, Code::ConstraintDenied),
        ("/path/1/Mainnet%20", None, Code::ConstraintDenied),
        ("/header", Some("Mainnet"), Code::Valid),
        ("/header", Some("a b"), Code::Valid),
        ("/header", Some("a+b"), Code::ConstraintDenied),
        ("/header", Some("Mainnet, Mainnet"), Code::ConstraintDenied),
        ("/header", Some(""), Code::ConstraintDenied),
        ("/header", None, Code::ConstraintDenied),
        ("/query?network=Mainnet", None, Code::Valid),
        ("/query?a=b&network=a+b", None, Code::Valid),
        ("/query?network=a%20b", None, Code::Valid),
        ("/query?network=Mainnet&network=Mainnet", None, Code::ConstraintDenied),
        ("/query?network=Mainnet&network%5b%5d=Preprod", None, Code::ConstraintDenied),
        ("/query?network=Preprod", None, Code::ConstraintDenied),
        ("/query?network=", None, Code::ConstraintDenied),
        ("/query", None, Code::ConstraintDenied),
        ("/free?network=Preprod", Some("Preprod"), Code::Valid),
    ] {
        let named: Vec<(&str, &[u8])> = header.iter().map(|value| ("X-Network", value.as_bytes())).collect();
        assert_eq!(gate.code(gate.facts(target).with_headers(&named)), code, "{target} {header:?}");
        let in_order = [header.map(str::as_bytes)];
        assert_eq!(
            gate.code(gate.facts(target).with_headers_in_order(&in_order)),
            code,
            "{target} {header:?}"
        );
    }
}

#[test]
fn a4_a_key_without_the_constraint_may_send_any_value_and_none() {
    let gate = Gate::new(Profile::default(), network_policy());
    for target in ["/path/1/x", "/header", "/query", "/query?network=a&network=b"] {
        assert_eq!(gate.code(gate.facts(target)), Code::Valid, "{target}");
    }
}

#[test]
fn a4_a_key_limited_to_nothing_is_denied_wherever_the_value_is_read() {
    let gate = Gate::new(limited_to(&[]), network_policy());
    assert_eq!(gate.code(gate.facts("/query?network=Mainnet")), Code::ConstraintDenied);
    assert_eq!(gate.code(gate.facts("/free")), Code::Valid);
}

#[test]
fn a4_a_header_that_comes_twice_has_no_value() {
    let gate = Gate::new(limited_to(&["Mainnet"]), network_policy());
    let twice: [(&str, &[u8]); 2] = [("x-network", b"Mainnet"), ("X-Network", b"Mainnet")];
    assert_eq!(gate.code(gate.facts("/header").with_headers(&twice)), Code::ConstraintDenied);
}

#[test]
fn a4_a_query_past_the_bound_is_denied_where_it_is_read_and_nowhere_else() {
    let gate = Gate::new(limited_to(&["Mainnet"]), network_policy());
    let padding = "x".repeat(latchkey_validator::MAX_QUERY_LEN - "network=Mainnet&".len());
    for (route, more, code) in
        [("/query", "", Code::Valid), ("/query", "x", Code::ConstraintDenied), ("/free", "xxx", Code::Valid)]
    {
        let target = format!("{route}?network=Mainnet&{padding}{more}");
        assert_eq!(gate.code(gate.facts(&target)), code, "{route} {more}");
    }
}

#[test]
fn a4_every_constraint_of_a_route_counts() {
    let reads = ["a", "b", "c"].map(|name| (String::from(name), ConstraintSource::Query(name.into())));
    let route = Route { constraints: BTreeMap::from(reads), ..route("/") };
    let limits = ["b", "c", "d"].map(|name| (String::from(name), vec![String::from("1")]));
    let profile = Profile { constraints: BTreeMap::from(limits), ..Profile::default() };
    let gate = Gate::new(profile, policy_of(vec![route]));
    for (target, code) in [
        ("/?b=1&c=1", Code::Valid),
        ("/?a=9&b=1&c=1", Code::Valid),
        ("/?b=1&c=2", Code::ConstraintDenied),
        ("/?b=2&c=1", Code::ConstraintDenied),
        ("/?b=1", Code::ConstraintDenied),
    ] {
        assert_eq!(gate.code(gate.facts(target)), code, "{target}");
    }
}

fn everything_left() -> (Profile, Policy) {
    let limit =
        RateLimit { name: "minute".into(), limit: 10, window_seconds: 60, mode: RateLimitMode::Local };
    let profile = Profile {
        rate_limits: vec![limit],
        credits: Some(Credits { grant_seq: 3, granted: BTreeMap::from([("requests".into(), 5)]) }),
        signing_keys: SigningKeys { required: false, keys: BTreeMap::from([("sk".into(), [7; 32])]) },
        ..limited_to(&["Mainnet"])
    };
    let signature = RouteSignature {
        required: true,
        nonce: true,
        max_age_seconds: 60,
        components: vec!["content-digest".into()],
    };
    let paid = Route {
        constraints: BTreeMap::from([("network".into(), ConstraintSource::Query("network".into()))]),
        cost: BTreeMap::from([("requests".into(), 2)]),
        rate_cost: 3,
        signature: Some(signature),
        upstream_credential: Some("node-{network}".into()),
        ..route("/paid")
    };
    let credential = |name: &str| UpstreamCredential {
        name: name.into(),
        header: "authorization".into(),
        value_prefix: "Bearer ".into(),
        sealed: vec![1],
    };
    let upstream_credentials = vec![credential("node-Mainnet"), credential("node-Preprod")];
    let quiet = Route { rate_cost: 0, ..route("/quiet") };
    (profile, Policy { upstream_credentials, ..policy_of(vec![paid, quiet, route("/usual")]) })
}

#[test]
fn what_memory_cannot_settle_is_left_to_the_caller_and_is_no_answer() {
    let (profile, policy) = everything_left();
    let gate = Gate::new(profile, policy);
    gate.left("/paid?network=Mainnet", |conditional| {
        let demands = conditional.demands;
        let signature = demands.signature.expect("the route asks for one");
        assert!(signature.required && signature.nonce);
        assert_eq!((signature.max_age_seconds, signature.components), (60, &["content-digest".into()][..]));
        assert_eq!(signature.keys.get("sk"), Some(&[7; 32]));
        let rate = demands.rate.expect("the key has a limit");
        assert_eq!((rate.cost, rate.limits.iter().count()), (3, 1));
        let credits = demands.credits.expect("the key is usage-limited");
        assert_eq!(credits.costs, [("requests".to_string(), 2)]);
        assert_eq!(credits.grants.grant_seq(), 3);
        assert_eq!(demands.upstream_credential.expect("the route asks for one").name, "node-Mainnet");
        let denied = conditional.settle(Err(Code::RateLimited));
        assert_eq!((denied.code, denied.route), (Code::RateLimited, Some(0)));
        assert_eq!(conditional.settle(Ok(())).code, Code::Valid);
    });
}

#[test]
fn a_route_that_says_nothing_still_verifies_and_counts_for_the_key() {
    let (profile, policy) = everything_left();
    let gate = Gate::new(profile, policy);
    gate.left("/usual", |Conditional { demands, .. }| {
        let signature = demands.signature.expect("the key has public keys");
        assert!(!signature.required && !signature.nonce && signature.components.is_empty());
        assert_eq!(signature.max_age_seconds, 300);
        assert_eq!(demands.rate.expect("the key has a limit").cost, 1);
        assert!(demands.credits.is_none() && demands.upstream_credential.is_none());
    });
    gate.left("/quiet", |Conditional { demands, .. }| assert!(demands.rate.is_none()));
}

#[test]
fn what_was_never_granted_is_denied_without_asking_anybody() {
    let route =
        Route { cost: BTreeMap::from([("requests".into(), 2), ("tokens".into(), 1)]), ..route("/paid") };
    let code = |granted: &[(&str, u64)]| {
        let granted = granted.iter().map(|(unit, amount)| (String::from(*unit), *amount)).collect();
        let profile = Profile { credits: Some(Credits { grant_seq: 1, granted }), ..Profile::default() };
        let gate = Gate::new(profile, policy_of(vec![route.clone()]));
        gate.ask(gate.facts("/paid"), |verdict| match verdict {
            Verdict::Decided(decision) => Some(decision.code),
            _ => None,
        })
    };
    assert_eq!(code(&[]), Some(Code::CreditsExhausted));
    assert_eq!(code(&[("requests", 2)]), Some(Code::CreditsExhausted));
    assert_eq!(code(&[("requests", 1), ("tokens", 9)]), Some(Code::CreditsExhausted));
    assert_eq!(code(&[("requests", 2), ("tokens", 1)]), None);
    let unlimited = Gate::new(Profile::default(), policy_of(vec![route.clone()]));
    assert_eq!(unlimited.code(unlimited.facts("/paid")), Code::Valid);
}

#[test]
fn a8_what_must_be_signed_is_denied_for_a_key_that_cannot_sign() {
    let signed = Route {
        signature: Some(RouteSignature { required: true, ..RouteSignature::default() }),
        ..route("/signed")
    };
    let policy = policy_of(vec![signed, route("/open")]);
    let without = Gate::new(Profile::default(), policy.clone());
    assert_eq!(without.code(without.facts("/signed")), Code::SignatureRequired);
    assert_eq!(without.code(without.facts("/open")), Code::Valid);
    let signing_keys = SigningKeys { required: true, ..SigningKeys::default() };
    let required = Gate::new(Profile { signing_keys, ..Profile::default() }, policy);
    assert_eq!(required.code(required.facts("/open")), Code::SignatureRequired);
}

#[test]
fn u1_an_upstream_credential_that_is_not_there_denies() {
    let (_, mut policy) = everything_left();
    policy.routes[0].signature = None;
    let fixed = Route { upstream_credential: Some("gone".into()), ..route("/fixed") };
    policy.routes.push(fixed);
    let gate = Gate::new(Profile::default(), policy);
    for (target, code) in [
        ("/paid?network=Other", Code::ConstraintDenied),
        ("/paid", Code::ConstraintDenied),
        ("/paid?network=", Code::ConstraintDenied),
        ("/paid?network=Mainnet&network=Preprod", Code::ConstraintDenied),
        ("/paid?network=Main", Code::ConstraintDenied),
        ("/fixed", Code::RestrictionUnsupported),
    ] {
        assert_eq!(gate.code(gate.facts(target)), code, "{target}");
    }
    gate.left("/paid?network=Prepro%64", |Conditional { demands, .. }| {
        assert_eq!(demands.upstream_credential.expect("it is there").name, "node-Preprod");
    });
}

#[test]
fn a_policy_whose_routes_cannot_be_enforced_is_refused() {
    let fault = |change: fn(&mut Route)| {
        let mut changed = route("/a/{id}");
        change(&mut changed);
        match check_policy(&policy_of(vec![changed])) {
            Err(RuleError::Route { fault, .. }) => fault.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert!(
        fault(|r| drop(r.constraints.insert("n".into(), ConstraintSource::Path("no".into()))))
            .contains("{no}")
    );
    assert!(
        fault(|r| drop(r.constraints.insert("n".into(), ConstraintSource::Header("X-A".into()))))
            .contains("lower case")
    );
    for template in ["{n}", "a{", "a}b", "a b", ""] {
        let changed = Route { upstream_credential: Some(template.into()), ..route("/a/{id}") };
        assert!(check_policy(&policy_of(vec![changed])).is_err(), "{template:?}");
    }
    let reading = |number: usize| Route {
        constraints: BTreeMap::from([("n".into(), ConstraintSource::Header(format!("x-{number}")))]),
        ..route(&format!("/{number}"))
    };
    assert_eq!(check_policy(&policy_of((0..8).map(reading).chain([reading(8)]).skip(1).collect())), Ok(()));
    assert!(check_policy(&policy_of((0..9).map(reading).collect())).is_err());
}

#[test]
fn a_gate_is_told_which_headers_to_look_at_and_whether_to_look_at_queries() {
    let gate = Gate::new(Profile::default(), network_policy());
    assert_eq!(gate.rules.headers(), ["x-network"]);
    assert!(gate.rules.reads_queries());
    let plain = Gate::new(Profile::default(), policy_of(vec![route("/")]));
    assert!(plain.rules.headers().is_empty() && !plain.rules.reads_queries());
}
