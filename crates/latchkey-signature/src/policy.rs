//! What a signature must be like to count: spec/signing.md section 3.

use crate::input::SignatureParameters;
use crate::request::{Body, Request};
use crate::structured::InnerList;
use crate::{Refusal, limits};

/// The only algorithm that counts.
pub(crate) const ALGORITHM: &str = "ed25519";
/// What a signature that has a `tag` must be tagged with. Another one says that it was made for another application.
pub(crate) const TAG: &str = "latchkey";
const CONTENT_DIGEST: &str = "content-digest";

/// Whether a request may come without a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It may not.
    Always,
    /// It may; one that is there counts, and is refused if it is wrong.
    IfPresent,
}

/// What a key and a route ask of signatures.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// Whether a request may come unsigned.
    pub asked: Asked,
    /// Seconds after `created` for which a signature counts.
    pub max_age_seconds: u32,
    /// Whether a `nonce` must be there. That it is new is for the caller to see to.
    pub needs_nonce: bool,
    /// Components that must be covered beyond those that always must. `content-digest` only where there is a body.
    pub components: &'a [&'a str],
}

impl Policy<'_> {
    /// The value of an `Accept-Signature` field (RFC 9421 section 5.1) that asks for a signature which counts. The RFC has no way to ask for a nonce
    /// of the client's own choice.
    pub fn accept_signature(&self) -> String {
        let always = ["@method", "@target-uri"];
        let more = self.components.iter().copied().filter(|name| !always.contains(name));
        let quoted: Vec<String> = always.into_iter().chain(more).map(|name| format!("\"{name}\"")).collect();
        format!("{TAG}=({});created;alg=\"{ALGORITHM}\";tag=\"{TAG}\"", quoted.join(" "))
    }

    /// Steps 3 and 4 of spec/signing.md section 4. `now` in seconds since the epoch.
    pub(crate) fn check_parameters(
        &self,
        parameters: &SignatureParameters<'_>,
        now: u64,
    ) -> Result<u64, Refusal> {
        if parameters.algorithm.is_some_and(|algorithm| algorithm != ALGORITHM) {
            return Err(Refusal::AlgorithmUnsupported);
        }
        let created = parameters.created.ok_or(Refusal::CreatedMissing)?;
        // Before 1970 is too old for any policy.
        let created = u64::try_from(created).map_err(|_| Refusal::TooOld)?;
        if created > now.saturating_add(limits::CLOCK_SKEW_SECONDS) {
            return Err(Refusal::CreatedInFuture);
        }
        if now > self.last_second(created) {
            return Err(Refusal::TooOld);
        }
        if parameters.expires.is_some_and(|expires| has_passed(expires, now)) {
            return Err(Refusal::Expired);
        }
        if self.needs_nonce && parameters.nonce.is_none() {
            return Err(Refusal::NonceMissing);
        }
        Ok(created)
    }

    /// The last second in which a signature of this age counts.
    pub(crate) fn last_second(&self, created: u64) -> u64 {
        created.saturating_add(self.max_age_seconds.into())
    }

    /// Step 5: whoever changes what is not covered makes another request of it.
    pub(crate) fn check_covered(&self, request: &Request<'_>, list: &InnerList) -> Result<(), Refusal> {
        let covers = |name: &str| covers(list, name);
        let covers_target =
            covers("@target-uri") || (covers("@authority") && covers_path_and_query(request, list));
        let covers_rest = self.components.iter().all(|name| {
            let is_moot = *name == CONTENT_DIGEST && request.body == Body::Absent;
            is_moot || covers(name)
        });
        if covers("@method") && covers_target && covers_rest {
            Ok(())
        } else {
            Err(Refusal::ComponentNotCovered)
        }
    }
}

fn has_passed(expires: i64, now: u64) -> bool {
    u64::try_from(expires).map_or(true, |expires| now >= expires)
}

/// `@query` has the same value for `/path` and `/path?`, so it does not cover the second.
fn covers_path_and_query(request: &Request<'_>, list: &InnerList) -> bool {
    let query = match request.query() {
        None => true,
        Some("") => false,
        Some(_) => covers(list, "@query"),
    };
    covers(list, "@request-target") || (covers(list, "@path") && query)
}

/// Only the component itself: with a parameter it is a part of it, or another.
pub(crate) fn covers(list: &InnerList, name: &str) -> bool {
    list.items.iter().any(|item| item.text.as_str() == name && item.parameters.0.is_empty())
}

pub(crate) fn covers_body(list: &InnerList) -> bool {
    covers(list, CONTENT_DIGEST)
}
