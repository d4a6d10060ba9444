//! The decision itself: spec/decision.md section 1, step by step.

use latchkey_snapshot::{Environment, Lookup, ObjectRef, ProfileView, RowView};
use latchkey_token::credential::{CredentialError, bearer};
use latchkey_token::{
    Digest, Environment as TokenEnvironment, Pepper, PresentedToken, Tag, TagScheme, TokenShapes,
    parse_presented, tag,
};

use crate::demands::demands_of;
use crate::describe;
use crate::explain::{Description, Observer, Unobserved};
use crate::reads;
use crate::rules::{Matched, RouteRules};
use crate::{
    Age, Code, Conditional, Credential, Decision, Demands, GateView, KeyView, Loaded, RequestFacts, Rules,
    Verdict,
};

/// Decides a request. `now` in seconds since the epoch.
///
/// Allocates nothing, and takes time linear in the length of the credential and the target. The same arguments give the
/// same verdict.
pub fn decide<'s>(facts: &RequestFacts<'_>, gate: &GateView<'s>, now: u64) -> Verdict<'s> {
    run(facts, gate, now, &mut Unobserved)
}

pub(crate) fn run<'s>(
    facts: &RequestFacts<'_>,
    gate: &GateView<'s>,
    now: u64,
    observer: &mut impl Observer,
) -> Verdict<'s> {
    let mut learned = Learned { age: gate.loaded.map(|loaded| loaded.age(now)), ..Learned::default() };
    let outcome = check(facts, gate, now, &mut learned, observer);
    let Learned { age, key, tag, route } = learned;
    match (outcome, key, age) {
        (Ok(demands), Some(key), Some(age)) if !demands.is_empty() => {
            Verdict::Conditional(Conditional { key, route, age, demands })
        }
        (Ok(_), Some(_), Some(_)) => Verdict::Decided(Decision { code: Code::Valid, key, tag, route, age }),
        (Err(Stop::Needs(object)), ..) => Verdict::NeedsObject(object),
        (Err(Stop::Deny(code)), ..) => Verdict::Decided(Decision { code, key, tag, route, age }),
        // Passed, but nobody's or from nothing: there is no such request, and it would not pass if there were.
        (Ok(_), ..) => Verdict::Decided(Decision { code: Code::SnapshotUnavailable, key, tag, route, age }),
    }
}

/// What is known when the checks end, early or not.
#[derive(Default)]
struct Learned<'s> {
    age: Option<Age>,
    key: Option<KeyView<'s>>,
    tag: Option<Tag>,
    route: Option<u16>,
}

enum Stop {
    Deny(Code),
    Needs(ObjectRef),
}

impl From<Code> for Stop {
    fn from(code: Code) -> Self {
        Self::Deny(code)
    }
}

fn check<'s>(
    facts: &RequestFacts<'_>,
    gate: &GateView<'s>,
    now: u64,
    learned: &mut Learned<'s>,
    observer: &mut impl Observer,
) -> Result<Demands<'s>, Stop> {
    // Step 1: a credential is present and well formed.
    let presented = presented(facts.credential, gate.tokens());
    observer.see("credential", presented.as_ref().err().copied(), || describe::credential(facts, &presented));
    let presented = presented?;

    // Step 2: the snapshot is usable.
    let usable = usable(gate, &presented, now);
    observer.see("snapshot", usable.as_ref().err().copied(), || describe::snapshot(gate, now));
    let (loaded, tag) = usable?;
    learned.tag = Some(tag);

    // Step 3: the tag is known and not revoked.
    let row = find_row(&loaded, &tag);
    if let Ok(_) | Err(Stop::Deny(_)) = row {
        let failed = if let Err(Stop::Deny(code)) = row { Some(code) } else { None };
        observer.see("token", failed, || describe::token(&tag, row.as_ref().ok()));
    }
    let row = row?;
    learned.key = Some(KeyView { row });
    let profile = row.profile();

    check_key(&row, &profile, &presented, &loaded, now, observer)?;

    // Step 7: the caller's address is allowed.
    let address = check_address(facts, &profile);
    observer.see("address", address.err(), || describe::address(facts, &profile));
    address?;

    // Step 8: a route matches, or the policy lets any valid key pass.
    let matched = loaded.rules.find(facts.method, facts.target).ok_or(Code::RouteNotFound);
    learned.route = matched.as_ref().ok().and_then(|matched| matched.route).map(|(index, _)| index);
    let matched = matched.and_then(|matched| check_route(matched, &row));
    observer.see("route", matched.as_ref().err().copied(), || describe::route(facts, &loaded, learned.route));
    let matched = matched?;

    if let Some((_, route)) = matched.route {
        check_request(facts, &matched, route, loaded.rules, &profile, observer)?;
    }

    // Steps 11 to 13: what memory alone cannot settle.
    Ok(demands_of(facts, &loaded, &matched, &profile, observer)?)
}

/// Steps 4 to 6: what stands in the key alone.
fn check_key(
    row: &RowView<'_>,
    profile: &ProfileView<'_>,
    presented: &Presented<'_>,
    loaded: &Loaded<'_>,
    now: u64,
    observer: &mut impl Observer,
) -> Result<(), Code> {
    // Step 4: the key is enabled and not expired.
    let enabled = require(!row.is_disabled(), Code::Disabled);
    observer.see("enabled", enabled.err(), || {
        Description::of(if row.is_disabled() { "disabled" } else { "enabled" })
    });
    enabled?;
    let unexpired = require(row.expires_at().is_none_or(|at| now < at), Code::Expired);
    observer.see("expiry", unexpired.err(), || describe::expiry(row, now));
    unexpired?;

    // Step 5: the key's environment is the token's and the deployment's.
    let served = loaded.snapshot.head().head().audience.environment;
    let environment = check_environments(row, presented.environment(), served);
    observer.see("environment", environment.err(), || describe::environment(row, served));
    environment?;

    // Step 6: this build enforces every restriction of the key.
    let known = require(!profile.has_unknown_restriction, Code::RestrictionUnsupported);
    observer.see("restrictions", known.err(), || Description::of("the fields of the key"));
    known
}

/// Steps 9 and 10: what the route asks of the key and the request.
fn check_request(
    facts: &RequestFacts<'_>,
    matched: &Matched<'_, '_>,
    route: &RouteRules,
    rules: &Rules,
    profile: &ProfileView<'_>,
    observer: &mut impl Observer,
) -> Result<(), Code> {
    // Step 9: the key has the permission that the route asks for.
    let permitted = require(rules.permits(profile, route), Code::InsufficientPermissions);
    observer.see("permission", permitted.err(), || describe::permission(rules, route, profile));
    permitted?;

    // Step 10: the request keeps to the values that the key is limited to.
    if route.reads.is_empty() || profile.constraints.is_empty() {
        return Ok(());
    }
    let broken = reads::broken(&route.reads, &profile.constraints, facts, matched.path);
    let kept = broken.map_or(Ok(()), |_| Err(Code::ConstraintDenied));
    observer.see("constraints", kept.err(), || {
        describe::constraints(&route.reads, &profile.constraints, facts, matched.path, broken)
    });
    kept
}

pub(crate) fn require(holds: bool, code: Code) -> Result<(), Code> {
    if holds { Ok(()) } else { Err(code) }
}

/// A credential that is well formed, nothing more.
pub(crate) enum Presented<'a> {
    Token(PresentedToken<'a>),
    Digest(Digest),
}

impl Presented<'_> {
    fn digest(&self) -> Digest {
        match self {
            Self::Token(token) => token.digest(),
            Self::Digest(digest) => *digest,
        }
    }

    /// Where one is written in the credential.
    fn environment(&self) -> Option<TokenEnvironment> {
        match self {
            Self::Token(token) => token.environment(),
            Self::Digest(_) => None,
        }
    }
}

fn presented(credential: Credential<'_>, shapes: TokenShapes) -> Result<Presented<'_>, Code> {
    let text = match credential {
        Credential::Missing => return Err(Code::MissingKey),
        Credential::Conflicting => return Err(Code::MalformedKey),
        Credential::Digest(digest) => return Ok(Presented::Digest(Digest(*digest))),
        Credential::Token(text) => text,
        Credential::Authorization(value) => bearer(value).map_err(|error| match error {
            CredentialError::OtherScheme | CredentialError::NoToken => Code::MissingKey,
            _ => Code::MalformedKey,
        })?,
    };
    parse_presented(text, shapes).map(Presented::Token).map_err(|_| Code::MalformedKey)
}

fn usable<'s>(gate: &GateView<'s>, presented: &Presented<'_>, now: u64) -> Result<(Loaded<'s>, Tag), Code> {
    let loaded = gate.loaded.ok_or(Code::SnapshotUnavailable)?;
    loaded.check_usable(now)?;
    Ok((loaded, tag_of(presented, &loaded, gate.peppers)?))
}

/// Without the pepper that the head names nothing can be looked up, so the snapshot is of no use here.
fn tag_of(presented: &Presented<'_>, loaded: &Loaded<'_>, peppers: &[Pepper]) -> Result<Tag, Code> {
    let scheme = loaded.snapshot.head().head().tag_scheme;
    let pepper = match scheme {
        TagScheme::Sha256 => None,
        TagScheme::HmacSha256 { pepper_version } => {
            peppers.iter().find(|pepper| pepper.version() == pepper_version)
        }
    };
    tag(scheme, pepper, &presented.digest()).map_err(|_| Code::SnapshotUnavailable)
}

fn find_row<'s>(loaded: &Loaded<'s>, tag: &Tag) -> Result<RowView<'s>, Stop> {
    match loaded.snapshot.lookup(&tag.0) {
        Lookup::Row(row) => Ok(row),
        Lookup::Revoked(_) => Err(Code::Revoked.into()),
        Lookup::NotFound => Err(Code::NotFound.into()),
        Lookup::Needs(object) => Err(Stop::Needs(object)),
    }
}

fn check_environments(
    row: &RowView<'_>,
    claimed: Option<TokenEnvironment>,
    served: Environment,
) -> Result<(), Code> {
    let claims_live = claimed.map(|environment| environment == TokenEnvironment::Live);
    if claims_live.is_some_and(|live| live != row.is_live()) {
        return Err(Code::EnvironmentMismatch);
    }
    check_serves(served, row)
}

fn check_serves(served: Environment, row: &RowView<'_>) -> Result<(), Code> {
    match (served, row.is_live()) {
        (Environment::Any, _) | (Environment::Live, true) | (Environment::Test, false) => Ok(()),
        _ => Err(Code::EnvironmentMismatch),
    }
}

/// Who has rules wants to know whence a request comes; one from nowhere is denied.
fn check_address(facts: &RequestFacts<'_>, profile: &ProfileView<'_>) -> Result<(), Code> {
    let Some(ranges) = &profile.ip_ranges else { return Ok(()) };
    require(facts.address().is_some_and(|address| ranges.allows(address)), Code::IpDenied)
}

fn check_route<'r, 'a>(matched: Matched<'r, 'a>, row: &RowView<'_>) -> Result<Matched<'r, 'a>, Code> {
    if let Some((_, route)) = matched.route {
        require(!route.unknown_restriction, Code::RestrictionUnsupported)?;
        check_serves(route.environment, row)?;
    }
    Ok(matched)
}
