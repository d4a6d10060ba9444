//! Steps 11 to 13 of spec/decision.md section 1: what a request still has to do, and what memory alone already denies.

use alloc::string::String;

use latchkey_snapshot::{
    CreditsView, ProfileView, RateLimits, RouteSignature, SigningKeysView, UpstreamCredential,
};

use crate::decide::require;
use crate::describe;
use crate::explain::Observer;
use crate::rules::{Matched, RouteRules};
use crate::{Code, Loaded, RequestFacts};

/// What is still to be done before a request passes: what needs more than memory.
///
/// In the order in which it is settled: signature, rate limits, credits (spent last), then the upstream's credential. The first that fails
/// is the answer.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Demands<'s> {
    /// Check the request's signature.
    pub signature: Option<SignatureDemand<'s>>,
    /// Count the request in the key's rate limits.
    pub rate: Option<RateDemand<'s>>,
    /// Spend credits.
    pub credits: Option<CreditDemand<'s>>,
    /// Add this credential to the request for the upstream.
    pub upstream_credential: Option<&'s UpstreamCredential>,
}

impl Demands<'_> {
    /// Whether nothing is left to do.
    pub fn is_empty(&self) -> bool {
        self.signature.is_none()
            && self.rate.is_none()
            && self.credits.is_none()
            && self.upstream_credential.is_none()
    }

    /// What is left to do, by the names of [`crate::Check`]: `signature`, `rate_limits`, `credits`, `upstream_credential`.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let demands = [
            ("signature", self.signature.is_some()),
            ("rate_limits", self.rate.is_some()),
            ("credits", self.credits.is_some()),
            ("upstream_credential", self.upstream_credential.is_some()),
        ];
        demands.into_iter().filter_map(|(name, is_left)| is_left.then_some(name))
    }
}

/// How a request has to be signed.
#[derive(Clone, Copy, Debug)]
pub struct SignatureDemand<'s> {
    /// The key's public keys; at least one.
    pub keys: SigningKeysView<'s>,
    /// Whether a request without a signature is denied. A signature that is there must verify in any case.
    pub required: bool,
    /// Whether a nonce must be signed, and not have been used before.
    pub nonce: bool,
    /// How old a signature may be, in seconds.
    pub max_age_seconds: u32,
    /// What must be covered beyond the minimum, ascending.
    pub components: &'s [String],
}

/// Which rate limits count a request, and how much.
#[derive(Clone, Copy, Debug)]
pub struct RateDemand<'s> {
    /// At least one.
    pub limits: RateLimits<'s>,
    /// At least 1.
    pub cost: u32,
}

/// Which credits a request costs.
#[derive(Clone, Copy, Debug)]
pub struct CreditDemand<'s> {
    /// What the key was granted. Every unit of the costs has at least as much as is asked for.
    pub grants: CreditsView<'s>,
    /// (unit, amount), ascending by unit; at least one, each at least 1.
    pub costs: &'s [(String, u32)],
}

pub(crate) fn demands_of<'s>(
    facts: &RequestFacts<'_>,
    loaded: &Loaded<'s>,
    matched: &Matched<'s, '_>,
    profile: &ProfileView<'s>,
    observer: &mut impl Observer,
) -> Result<Demands<'s>, Code> {
    let mut demands = Demands::default();
    let route = matched.route.map(|(_, route)| route);

    // Step 11: the request is signed where the key or the route asks for it.
    let wanted = route.and_then(|route| route.signature.as_ref());
    if profile.signing_keys.is_some() || wanted.is_some_and(|wanted| wanted.required) {
        let signature = signature(profile, wanted);
        observer.see("signature", signature.as_ref().err().copied(), || describe::signature(profile, wanted));
        demands.signature = signature?;
    }

    // Step 12: the key's rate limits allow one more request.
    let cost = matched.rate_cost();
    if !profile.rate_limits.is_empty() && cost > 0 {
        demands.rate = Some(RateDemand { limits: profile.rate_limits, cost });
        observer.see("rate_limits", None, || describe::rate_limits(profile, cost));
    }

    // Step 13: the key's credits cover the route's cost.
    let Some(route) = route else { return Ok(demands) };
    if profile.credits.is_some() && !route.costs.is_empty() {
        let credits = credits(profile, route);
        observer.see("credits", credits.as_ref().err().copied(), || describe::credits(profile, route));
        demands.credits = credits?;
    }

    if let Some(template) = &route.upstream_credential {
        let credentials = &loaded.snapshot.policy().policy().upstream_credentials;
        let found = template.find(credentials, &route.reads, facts, matched.path);
        // What is missing is the request's doing if it chooses, else the policy's.
        let missing =
            if template.has_values() { Code::ConstraintDenied } else { Code::RestrictionUnsupported };
        observer.see("upstream_credential", found.is_none().then_some(missing), || {
            describe::upstream_credential(found)
        });
        demands.upstream_credential = Some(found.ok_or(missing)?);
    }
    Ok(demands)
}

/// Without public keys no signature verifies, so what must be signed is denied here.
fn signature<'s>(
    profile: &ProfileView<'s>,
    wanted: Option<&'s RouteSignature>,
) -> Result<Option<SignatureDemand<'s>>, Code> {
    let by_key = profile.signing_keys.is_some_and(|keys| keys.required());
    let required = by_key || wanted.is_some_and(|wanted| wanted.required);
    let Some(keys) = profile.signing_keys.filter(|keys| !keys.is_empty()) else {
        return require(!required, Code::SignatureRequired).map(|()| None);
    };
    let usual = SignatureDemand { keys, required, nonce: false, max_age_seconds: USUAL_AGE, components: &[] };
    Ok(Some(wanted.map_or(usual, |wanted| SignatureDemand {
        nonce: wanted.nonce,
        max_age_seconds: wanted.max_age_seconds,
        components: &wanted.components,
        ..usual
    })))
}

/// Seconds, where the route says nothing.
const USUAL_AGE: u32 = RouteSignature::USUAL_AGE_SECONDS;

/// What was never granted cannot be left: nobody has to be asked.
fn credits<'s>(profile: &ProfileView<'s>, route: &'s RouteRules) -> Result<Option<CreditDemand<'s>>, Code> {
    let Some(grants) = profile.credits else { return Ok(None) };
    let covered = route.costs.iter().all(|(unit, amount)| grants.granted(unit) >= Some(u64::from(*amount)));
    require(covered, Code::CreditsExhausted)?;
    Ok(Some(CreditDemand { grants, costs: &route.costs }))
}
