//! `explain` is `decide` with words.

use std::fmt::Write;

use latchkey_snapshot::ip::IpRule;
use latchkey_snapshot::{
    ConstraintSource, Credits, NewRow, Policy, Profile, RateLimit, RateLimitMode, Route, SigningKeys,
    Snapshot,
};
use latchkey_token::{Environment, digest};
use latchkey_validator::{
    Check, Credential, Explanation, GateView, Loaded, RequestFacts, Rules, Verdict, decide, explain,
};
use proptest::prelude::*;

use crate::fixture::{ISSUED_AT, Plan, VALID_UNTIL, row, token};

fn plan() -> Plan {
    let limited = Profile {
        grants: vec!["a:read".into()],
        ip_rules: vec![IpRule { allow: true, net: "192.0.2.0/25".parse().expect("a network") }],
        constraints: [("network".into(), vec!["Mainnet".into()])].into(),
        ..Profile::default()
    };
    let counted = Profile {
        rate_limits: vec![RateLimit {
            name: "day".into(),
            limit: 9,
            window_seconds: 86_400,
            mode: RateLimitMode::Exact,
        }],
        credits: Some(Credits { grant_seq: 1, granted: [("requests".into(), 5)].into() }),
        signing_keys: SigningKeys { required: false, keys: [("sk_1".into(), [1; 32])].into() },
        ..Profile::default()
    };
    let route = |path: &str, permission: Option<&str>| Route {
        method: "GET".into(),
        path: path.into(),
        permission: permission.map(Into::into),
        ..Route::default()
    };
    let routes = vec![
        Route {
            constraints: [("network".into(), ConstraintSource::Query("network".into()))].into(),
            ..route("/a", Some("a:read"))
        },
        Route { cost: [("requests".into(), 2)].into(), ..route("/paid", None) },
        Route { cost: [("requests".into(), 6)].into(), ..route("/dear", None) },
        route("/open", None),
    ];
    let rows = [limited, counted, Profile::default(), Profile::default()].into_iter().zip(0..);
    let rows = rows.map(|(profile, number)| NewRow {
        profile,
        disabled: number == 3,
        ..row(&key(number), u64::from(number))
    });
    Plan { policy: Policy { routes, ..Policy::default() }, rows: rows.collect(), ..Plan::default() }
}

fn key(number: u8) -> String {
    token(Environment::Test, 10 + number)
}

fn with_gate<T>((snapshot, rules): &(Snapshot, Rules), work: impl FnOnce(&GateView<'_>) -> T) -> T {
    work(&GateView { peppers: &[], loaded: Some(Loaded { snapshot, rules }) })
}

/// All that a verdict says.
fn said(verdict: &Verdict<'_>) -> String {
    let mut said = String::new();
    let written = match verdict {
        Verdict::Decided(decision) => {
            let key = decision.key.map(|key| key.number());
            write!(said, "{} {key:?} {:?} {:?}", decision.code, decision.route, decision.age)
        }
        Verdict::Conditional(conditional) => write!(
            said,
            "{} {:?} {:?} {:?}",
            conditional.key.number(),
            conditional.route,
            conditional.age,
            conditional.demands
        ),
        Verdict::NeedsObject(object) => write!(said, "{object:?}"),
    };
    written.expect("a string takes everything");
    said
}

fn checks_of(number: u8, target: &str, address: Option<&str>) -> Vec<Check> {
    let token = key(number);
    let facts = RequestFacts::new(Credential::Token(token.as_bytes()), "GET", target.as_bytes())
        .with_address_text(address.map(str::as_bytes));
    with_gate(&plan().load(), |gate| explain(&facts, gate, ISSUED_AT).checks)
}

#[test]
fn e6_every_check_is_named_with_what_it_looked_at() {
    let checks = checks_of(0, "/a?network=Mainnet", Some("192.0.2.1"));
    let names: Vec<&str> = checks.iter().map(|check| check.name).collect();
    assert_eq!(
        names,
        [
            "credential",
            "snapshot",
            "token",
            "enabled",
            "expiry",
            "environment",
            "restrictions",
            "address",
            "route",
            "permission",
            "constraints"
        ]
    );
    assert!(checks.iter().all(|check| check.passed && !check.input.is_empty()), "{checks:#?}");
    assert_eq!(checks[7].input, "192.0.2.1");
    assert_eq!(checks[8].detail, "route 0: GET /a");
    assert_eq!(checks[10].input, "network is \"Mainnet\" (query parameter network)");
}

#[test]
fn e6_the_last_check_says_why_a_request_is_denied() {
    let last = |number, target, address| {
        let check = checks_of(number, target, address).pop().expect("there are checks");
        assert!(!check.passed, "{check:?}");
        (check.name, check.detail)
    };
    assert_eq!(last(0, "/a?network=Mainnet", Some("192.0.2.200")).0, "address");
    assert_eq!(
        last(0, "/a?network=Preprod", Some("192.0.2.1")),
        ("constraints", "the key is limited to network in [Mainnet]".into())
    );
    assert_eq!(last(1, "/dear", None), ("credits", "too few credits of requests were ever granted".into()));
    assert_eq!(last(2, "/a", None).0, "permission");
    assert_eq!(last(2, "/elsewhere", None).0, "route");
    assert_eq!(last(3, "/open", None).0, "enabled");
    assert_eq!(last(9, "/open", None), ("token", "no such token was issued".into()));
}

#[test]
fn e6_what_is_left_to_do_is_named() {
    let checks = checks_of(1, "/paid", None);
    let left: Vec<&str> = checks
        .iter()
        .filter(|check| check.detail.starts_with("to be settled"))
        .map(|check| check.name)
        .collect();
    assert_eq!(left, ["signature", "rate_limits", "credits"]);
}

#[test]
fn e6_a_digest_stands_for_its_token() {
    let token = key(2);
    let digest = digest(token.as_bytes()).0;
    let facts = |credential| RequestFacts::new(credential, "GET", b"/open");
    with_gate(&plan().load(), |gate| {
        let by_token = decide(&facts(Credential::Token(token.as_bytes())), gate, ISSUED_AT);
        let by_digest = decide(&facts(Credential::Digest(&digest)), gate, ISSUED_AT);
        assert_eq!(said(&by_token), said(&by_digest));
    });
}

fn credential() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..6_u8).prop_map(|number| format!("Bearer {}", key(number))),
        "(Bearer|Basic|bearer) ?[ -~]{0,40}",
        Just(String::new()),
    ]
}

proptest! {
    #[test]
    fn e6_deciding_and_explaining_agree(
        requests in proptest::collection::vec(
            (
                credential(),
                "(GET|POST|HEAD)",
                "(/a|/paid|/dear|/open|/x|//)(\\?(network=(Mainnet|Preprod)|[a-c=&;%]{0,9}))?",
                proptest::option::of("(192\\.0\\.2\\.(1|200)|::1|x)"),
                prop_oneof![Just(ISSUED_AT), Just(VALID_UNTIL + 1)],
            ),
            40,
        ),
    ) {
        let loaded = plan().load();
        for (credential, method, target, address, now) in requests {
            let facts = RequestFacts::new(
                Credential::Authorization(credential.as_bytes()), &method, target.as_bytes(),
            )
            .with_address_text(address.as_deref().map(str::as_bytes));
            with_gate(&loaded, |gate| {
                let verdict = decide(&facts, gate, now);
                let Explanation { verdict: explained, checks } = explain(&facts, gate, now);
                prop_assert_eq!(said(&verdict), said(&explained));
                let is_denied = matches!(verdict, Verdict::Decided(decision) if !decision.code.is_allowed());
                let failed = checks.iter().position(|check| !check.passed);
                prop_assert_eq!(failed, is_denied.then(|| checks.len() - 1), "{:?}", checks);
                Ok(())
            })?;
        }
    }
}
