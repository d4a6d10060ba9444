//! What keys and routes are restricted to: every field comes back as it was written, and nothing else is read.

use std::collections::BTreeMap;

use latchkey_snapshot::ip::IpRule;
use latchkey_snapshot::{
    Changes, ConstraintSource, Credits, HashedBody, NewRow, ObjectRef, Policy, Profile, RateLimit,
    RateLimitMode, Refusal, Route, RouteSignature, SigningKeys, UpstreamCredential, VerifiedPolicy,
    VerifiedSegment, limits,
};

use crate::fixture::{KEYSPACE, policy, row};

/// A profile with every restriction.
pub(crate) fn restricted() -> Profile {
    let rule = |allow, net: &str| IpRule { allow, net: net.parse().expect("a network") };
    let limit = |name: &str, limit, window_seconds, mode| RateLimit {
        name: name.into(),
        limit,
        window_seconds,
        mode,
    };
    Profile {
        owner: Some("acme".into()),
        ip_rules: vec![rule(false, "192.0.2.64/26"), rule(true, "192.0.2.0/24"), rule(true, "2001:db8::/32")],
        constraints: BTreeMap::from([
            ("currency".into(), vec!["EUR".into(), "CHF".into()]),
            ("network".into(), vec!["Mainnet".into()]),
        ]),
        rate_limits: vec![
            limit("second", 10, 1, RateLimitMode::Local),
            limit("day", 10_000, 86_400, RateLimitMode::Exact),
        ],
        credits: Some(Credits {
            grant_seq: 7,
            granted: BTreeMap::from([("requests".into(), 1_000), ("tokens".into(), 0)]),
        }),
        signing_keys: SigningKeys {
            required: true,
            keys: BTreeMap::from([("sk_1".into(), [1; 32]), ("sk_2".into(), [2; 32])]),
        },
        ..Profile::default()
    }
}

pub(crate) fn segment_with(profile: Profile) -> Result<VerifiedSegment, Refusal> {
    let changes = Changes { upserts: vec![NewRow { profile, ..row(1) }], ..Changes::default() };
    verify_segment(changes.encode(KEYSPACE, 1, 2)?)
}

fn verify_segment(body: Vec<u8>) -> Result<VerifiedSegment, Refusal> {
    let object = ObjectRef::to(&body)?;
    VerifiedSegment::verify(&object, HashedBody::compute(body), KEYSPACE)
}

/// A segment whose only profile is these very bytes.
pub(crate) fn segment_of_bytes(profile: &[u8]) -> Result<VerifiedSegment, Refusal> {
    let changes =
        Changes { upserts: vec![NewRow { profile: Profile::default(), ..row(1) }], ..Changes::default() };
    let mut body = changes.encode(KEYSPACE, 1, 2).expect("small");
    body.extend_from_slice(profile);
    // profiles_length, the u32 at 44.
    body[44..48].copy_from_slice(&(profile.len() as u32).to_le_bytes());
    verify_segment(body)
}

#[test]
fn every_restriction_of_a_key_is_read_as_it_was_written() {
    let segment = segment_with(restricted()).expect("within limits");
    let profile = segment.upsert(0).expect("one row").profile();
    assert!(!profile.has_unknown_restriction);
    let ranges = profile.ip_ranges.expect("there are rules");
    for (address, allowed) in
        [("192.0.2.1", true), ("192.0.2.65", false), ("2001:db8::1", true), ("198.51.100.1", false)]
    {
        assert_eq!(ranges.allows(address.parse().expect("an address")), allowed, "{address}");
    }
    let constraints: Vec<(&str, Vec<&str>)> =
        profile.constraints.iter().map(|(name, values)| (name, values.iter().collect())).collect();
    assert_eq!(constraints, [("currency", vec!["CHF", "EUR"]), ("network", vec!["Mainnet"])]);
    assert!(profile.constraints.get("network").is_some() && profile.constraints.get("net").is_none());
    let limits: Vec<_> = profile
        .rate_limits
        .iter()
        .map(|limit| (limit.name, limit.limit, limit.window_seconds, limit.mode))
        .collect();
    assert_eq!(
        limits,
        [("day", 10_000, 86_400, RateLimitMode::Exact), ("second", 10, 1, RateLimitMode::Local)]
    );
    let credits = profile.credits.expect("usage-limited");
    assert_eq!((credits.grant_seq(), credits.granted("requests")), (7, Some(1_000)));
    assert_eq!((credits.granted("tokens"), credits.granted("other")), (Some(0), None));
    let keys = profile.signing_keys.expect("there are keys");
    assert!(keys.required());
    assert_eq!(keys.iter().collect::<Vec<_>>(), [("sk_1", &[1; 32]), ("sk_2", &[2; 32])]);
    assert_eq!(keys.get("sk_2"), Some(&[2; 32]));
}

#[test]
fn a_key_without_restrictions_has_none_and_its_profile_is_empty() {
    assert_eq!(Profile::default().encode(), Ok(vec![]));
    let segment = segment_with(Profile::default()).expect("small");
    let profile = segment.upsert(0).expect("one row").profile();
    assert!(profile.ip_ranges.is_none() && profile.constraints.is_empty() && profile.rate_limits.is_empty());
    assert!(profile.credits.is_none() && profile.signing_keys.is_none());
}

#[test]
fn a_usage_limited_key_may_have_no_grant_and_a_signing_key_no_public_keys() {
    let profile = Profile {
        credits: Some(Credits::default()),
        signing_keys: SigningKeys { required: true, keys: BTreeMap::new() },
        constraints: BTreeMap::from([("network".into(), vec![])]),
        ..Profile::default()
    };
    let segment = segment_with(profile).expect("small");
    let profile = segment.upsert(0).expect("one row").profile();
    assert_eq!(profile.credits.expect("usage-limited").iter().count(), 0);
    assert!(profile.signing_keys.expect("required").is_empty());
    assert_eq!(profile.constraints.get("network").expect("limited").iter().count(), 0);
}

#[test]
fn refuses_every_truncation_and_most_flips_of_a_restricted_profile_and_never_panics() {
    let good = restricted().encode().expect("within limits");
    segment_of_bytes(&good).expect("unchanged, it verifies");
    for length in 1..good.len() {
        let cut = segment_of_bytes(&good[..length]);
        // Cut between two fields it is another profile: that is what hashes are for.
        if let Ok(segment) = cut {
            assert_ne!(segment.upsert(0).expect("one row").profile().owner(), None, "{length} bytes");
        }
    }
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        if let Ok(segment) = segment_of_bytes(&bad) {
            let profile = segment.upsert(0).expect("one row").profile();
            profile.constraints.iter().for_each(|(_, values)| assert!(values.iter().count() <= 64));
            assert!(profile.rate_limits.iter().count() <= 8);
        }
    }
}

#[test]
fn the_encoder_refuses_restrictions_that_no_reader_would_take() {
    type Change = fn(&mut Profile);
    let cases: [(&str, Change, Refusal); 12] = [
        ("too many rules", |p| p.ip_rules = vec![p.ip_rules[0]; 257], Refusal::LimitExceeded),
        (
            "a constraint's name",
            |p| drop(p.constraints.insert("Network".into(), vec![])),
            Refusal::NotCanonical,
        ),
        (
            "an empty value",
            |p| drop(p.constraints.insert("a".into(), vec![String::new()])),
            Refusal::LimitExceeded,
        ),
        (
            "a long value",
            |p| drop(p.constraints.insert("a".into(), vec!["x".repeat(65)])),
            Refusal::LimitExceeded,
        ),
        (
            "too many values",
            |p| drop(p.constraints.insert("a".into(), (0..65).map(|n| n.to_string()).collect())),
            Refusal::LimitExceeded,
        ),
        (
            "too many constraints",
            |p| p.constraints = (0..17).map(|n| (format!("c{n}"), vec![])).collect(),
            Refusal::LimitExceeded,
        ),
        ("two limits of one name", |p| p.rate_limits[0].name = "day".into(), Refusal::NotCanonical),
        ("a limit of nothing", |p| p.rate_limits[0].limit = 0, Refusal::LimitExceeded),
        ("no window", |p| p.rate_limits[0].window_seconds = 0, Refusal::LimitExceeded),
        (
            "a long window",
            |p| p.rate_limits[0].window_seconds = limits::WINDOW_SECONDS + 1,
            Refusal::LimitExceeded,
        ),
        (
            "a unit's name",
            |p| p.credits.iter_mut().for_each(|c| c.granted = BTreeMap::from([(String::new(), 1)])),
            Refusal::NotCanonical,
        ),
        (
            "too many keys",
            |p| p.signing_keys.keys = (0..9).map(|n| (n.to_string(), [0; 32])).collect(),
            Refusal::LimitExceeded,
        ),
    ];
    for (name, change, refusal) in cases {
        let mut profile = restricted();
        change(&mut profile);
        assert_eq!(profile.encode().err(), Some(refusal), "{name}");
    }
    let wide = (0..16).map(|n| (format!("c{n}"), (0..64).map(|v| format!("{v:0>60}")).collect()));
    let profile = Profile { constraints: wide.collect(), ..Profile::default() };
    assert_eq!(profile.encode().err(), Some(Refusal::TooLong), "more than a profile may hold");
}

/// Profiles that no encoder writes, and why.
pub(crate) const REFUSED: [(&str, &[u8], Refusal); 10] = [
    ("no address rules", &[0x81, 0, 0], Refusal::Truncated),
    ("no constraints", &[0x82, 0, 0], Refusal::NotCanonical),
    ("values out of order", &[0x82, 7, 0, 1, b'a', 2, 1, b'z', 1, b'y'], Refusal::NotCanonical),
    ("a repeated constraint", &[0x82, 6, 0, 1, b'a', 0, 1, b'a', 0], Refusal::NotCanonical),
    ("no rate limits", &[0x83, 0, 0], Refusal::NotCanonical),
    ("an unknown mode", &[0x83, 11, 0, 1, b'a', 1, 0, 0, 0, 1, 0, 0, 0, 2], Refusal::NotCanonical),
    ("credits without a sequence", &[0x84, 0, 0], Refusal::Truncated),
    ("signing keys that say nothing", &[0x85, 2, 0, 0, 0], Refusal::NotCanonical),
    ("an unknown flag of signing keys", &[0x85, 2, 0, 3, 0], Refusal::NotCanonical),
    ("a byte behind the signing keys", &[0x85, 3, 0, 1, 0, 0], Refusal::TrailingBytes),
];

#[test]
fn refuses_restrictions_that_could_be_written_otherwise() {
    for (name, bytes, refusal) in REFUSED {
        assert_eq!(segment_of_bytes(bytes).err(), Some(refusal), "{name}");
    }
    assert!(segment_of_bytes(&[0x83, 11, 0, 1, b'a', 1, 0, 0, 0, 1, 0, 0, 0, 1]).is_ok());
}

/// A policy that uses everything that routes may ask for.
pub(crate) fn demanding_policy() -> Policy {
    let mut policy = policy();
    policy.routes[0] = Route {
        constraints: BTreeMap::from([
            ("currency".into(), ConstraintSource::Header("x-currency".into())),
            ("network".into(), ConstraintSource::Query("network".into())),
            ("order".into(), ConstraintSource::Path("id".into())),
        ]),
        cost: BTreeMap::from([("requests".into(), 1), ("tokens".into(), 50)]),
        rate_cost: 5,
        signature: Some(RouteSignature {
            required: true,
            nonce: true,
            max_age_seconds: 60,
            components: vec!["content-digest".into(), "content-type".into()],
        }),
        upstream_credential: Some("blockfrost-{network}".into()),
        ..policy.routes[0].clone()
    };
    let credential = |name: &str| UpstreamCredential {
        name: name.into(),
        header: "authorization".into(),
        value_prefix: "Bearer ".into(),
        sealed: vec![9; 80],
    };
    policy.upstream_credentials = vec![credential("blockfrost-Mainnet"), credential("blockfrost-Preprod")];
    policy
}

fn read_policy(body: Vec<u8>) -> Result<Policy, Refusal> {
    let object = ObjectRef::to(&body)?;
    Ok(VerifiedPolicy::verify(&object, HashedBody::compute(body), KEYSPACE)?.policy().clone())
}

#[test]
fn everything_that_a_route_asks_for_is_read_as_it_was_written() {
    let policy = demanding_policy();
    assert_eq!(read_policy(policy.encode(KEYSPACE).expect("within limits")), Ok(policy));
    let quiet = Route { rate_cost: 0, ..policy_route() };
    let policy = Policy { routes: vec![quiet], ..Policy::default() };
    assert_eq!(read_policy(policy.encode(KEYSPACE).expect("within limits")), Ok(policy));
}

fn policy_route() -> Route {
    policy().routes[2].clone()
}

#[test]
fn the_encoder_refuses_routes_that_no_reader_would_take() {
    type Change = fn(&mut Route);
    let signature = |change: fn(&mut RouteSignature)| {
        let mut signature = RouteSignature::default();
        change(&mut signature);
        signature
    };
    let cases: [(&str, Change, Refusal); 5] = [
        (
            "too many constraints",
            |r| {
                let source = |n: u8| (format!("c{n}"), ConstraintSource::Query("q".into()));
                r.constraints = (0..9).map(source).collect();
            },
            Refusal::LimitExceeded,
        ),
        (
            "a source without a name",
            |r| drop(r.constraints.insert("a".into(), ConstraintSource::Path(String::new()))),
            Refusal::LimitExceeded,
        ),
        ("a cost of nothing", |r| r.cost = BTreeMap::from([("requests".into(), 0)]), Refusal::NotCanonical),
        ("a unit's name", |r| r.cost = BTreeMap::from([("Requests".into(), 1)]), Refusal::NotCanonical),
        ("an empty template", |r| r.upstream_credential = Some(String::new()), Refusal::LimitExceeded),
    ];
    for (name, change, refusal) in cases {
        let mut route = policy_route();
        change(&mut route);
        let policy = Policy { routes: vec![route], ..Policy::default() };
        assert_eq!(policy.encode(KEYSPACE).err(), Some(refusal), "{name}");
    }
    for bad in [signature(|s| s.max_age_seconds = 0), signature(|s| s.max_age_seconds = 3_601)] {
        let routes = vec![Route { signature: Some(bad), ..policy_route() }];
        let policy = Policy { routes, ..Policy::default() };
        assert_eq!(policy.encode(KEYSPACE).err(), Some(Refusal::LimitExceeded));
    }
}

#[test]
fn upstream_credentials_have_names_that_differ_and_headers_that_end_nowhere() {
    let with = |change: fn(&mut UpstreamCredential)| {
        let mut policy = demanding_policy();
        change(&mut policy.upstream_credentials[0]);
        policy.encode(KEYSPACE).map(|_| ())
    };
    assert_eq!(with(|_| ()), Ok(()));
    assert!(with(|c| c.name = "blockfrost-Preprod".into()).is_err());
    assert!(with(|c| c.name = "a{b}".into()).is_err());
    assert!(with(|c| c.header = "Authorization".into()).is_err());
    assert!(with(|c| c.header = "a\r\nb".into()).is_err());
    assert!(with(|c| c.value_prefix = "a\r\nb: ".into()).is_err());
    assert!(with(|c| c.sealed.clear()).is_err());
}
