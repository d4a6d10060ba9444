//! The decision itself: spec/decision.md section 1, step by step.

use latchkey_snapshot::{Environment, Lookup, ObjectRef, ProfileView, RowView};
use latchkey_token::credential::{CredentialError, bearer};
use latchkey_token::{
    Environment as TokenEnvironment, Pepper, PresentedToken, Tag, TagScheme, TokenShapes, parse_presented,
    tag,
};

use crate::rules::Matched;
use crate::{Age, Code, Credential, Decision, GateView, KeyView, Loaded, RequestFacts, Verdict};

/// Decides a request. `now` in seconds since the epoch.
///
/// Allocates nothing, and takes time linear in the length of the credential and the path. The same arguments give the
/// same verdict.
pub fn decide<'s>(facts: &RequestFacts<'_>, gate: &GateView<'s>, now: u64) -> Verdict<'s> {
    let mut learned = Learned { age: gate.loaded.map(|loaded| loaded.age(now)), ..Learned::default() };
    let code = match check(facts, gate, now, &mut learned) {
        Ok(()) => Code::Valid,
        Err(Stop::Deny(code)) => code,
        Err(Stop::Needs(object)) => return Verdict::NeedsObject(object),
    };
    Verdict::Decided(Decision { code, key: learned.key, route: learned.route, age: learned.age })
}

/// What is known when the checks end, early or not.
#[derive(Default)]
struct Learned<'s> {
    age: Option<Age>,
    key: Option<KeyView<'s>>,
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
) -> Result<(), Stop> {
    // Step 1: a credential is present and well formed.
    let token = presented_token(facts.credential, gate.tokens())?;

    // Step 2: the snapshot is usable.
    let loaded = gate.loaded.ok_or(Code::SnapshotUnavailable)?;
    loaded.check_usable(now)?;
    let tag = tag_of(&token, &loaded, gate.peppers)?;

    // Step 3: the tag is known and not revoked.
    let row = find_row(&loaded, &tag)?;
    learned.key = Some(KeyView { row });

    // Step 4: the key is enabled and not expired.
    if row.is_disabled() {
        return Err(Code::Disabled.into());
    }
    if row.expires_at().is_some_and(|at| now >= at) {
        return Err(Code::Expired.into());
    }

    // Step 5: the key's environment is the token's and the deployment's.
    check_environments(&row, &token, loaded.snapshot.head().head().audience.environment)?;

    // Step 6: this build enforces every restriction of the key.
    let profile = row.profile();
    if profile.has_unknown_restriction || has_restriction(&profile) {
        return Err(Code::RestrictionUnsupported.into());
    }

    // Step 7, address rules: none in this build, so step 6 has denied every key that has some.

    // Step 8: a route matches, or the policy lets any valid key pass.
    if let Matched::Route(index, demands) =
        loaded.rules.find(facts.method, facts.path).ok_or(Code::RouteNotFound)?
    {
        learned.route = Some(index);
        if demands.unknown_restriction {
            return Err(Code::RestrictionUnsupported.into());
        }
        check_serves(demands.environment, &row)?;

        // Step 9: the key has the permission that the route asks for.
        if !loaded.rules.permits(&profile, demands) {
            return Err(Code::InsufficientPermissions.into());
        }
    }

    // Steps 10 to 13, constraints, signature, rate limit, credits: none in this build, see step 7.
    Ok(())
}

/// Restrictions that the format has and this build does not enforce yet.
fn has_restriction(profile: &ProfileView<'_>) -> bool {
    profile.ip_ranges.is_some()
        || !profile.constraints.is_empty()
        || !profile.rate_limits.is_empty()
        || profile.credits.is_some()
        || profile.signing_keys.is_some()
}

fn presented_token(credential: Credential<'_>, shapes: TokenShapes) -> Result<PresentedToken<'_>, Code> {
    let text = match credential {
        Credential::Missing => return Err(Code::MissingKey),
        Credential::Conflicting => return Err(Code::MalformedKey),
        Credential::Token(text) => text,
        Credential::Authorization(value) => bearer(value).map_err(|error| match error {
            CredentialError::OtherScheme | CredentialError::NoToken => Code::MissingKey,
            _ => Code::MalformedKey,
        })?,
    };
    parse_presented(text, shapes).map_err(|_| Code::MalformedKey)
}

/// Without the pepper that the head names nothing can be looked up, so the snapshot is of no use here.
fn tag_of(token: &PresentedToken<'_>, loaded: &Loaded<'_>, peppers: &[Pepper]) -> Result<Tag, Code> {
    let scheme = loaded.snapshot.head().head().tag_scheme;
    let pepper = match scheme {
        TagScheme::Sha256 => None,
        TagScheme::HmacSha256 { pepper_version } => {
            peppers.iter().find(|pepper| pepper.version() == pepper_version)
        }
    };
    tag(scheme, pepper, &token.digest()).map_err(|_| Code::SnapshotUnavailable)
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
    token: &PresentedToken<'_>,
    served: Environment,
) -> Result<(), Code> {
    let claims_live = token.environment().map(|environment| environment == TokenEnvironment::Live);
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
