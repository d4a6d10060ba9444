//! Every answer that is not the upstream's: RFC 9457 problems. The one module that knows HTTP status codes.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_snapshot::Refusal;
use latchkey_validator::Code;
use serde_json::{Map, Value, json};
use worker::{Headers, Response, ResponseBuilder};

const TYPE_BASE: &str = "https://latchkey.dev/problems/";
const CONTENT_TYPE: &str = "application/problem+json";
/// Seconds until a gate without a usable snapshot is worth asking again.
const RETRY_AFTER: &str = "2";
/// Seconds until what counts requests and credits is worth asking again.
const LIMITS_RETRY_AFTER: &str = "1";
/// Seconds in which an address pays for some of the unknown keys that it sent.
const UNKNOWN_KEYS_RETRY_AFTER: &str = "5";
const CHALLENGE: &str = "Bearer realm=\"latchkey\"";
/// RFC 6750 section 3.1: only where a token was presented.
const CHALLENGE_INVALID: &str = "Bearer realm=\"latchkey\", error=\"invalid_token\"";
/// Longest request id taken over from a caller.
const REQUEST_ID_MAX: usize = 64;
/// Stands where the request's id belongs in a body that is rendered ahead.
const REQUEST_ID_SLOT: &str = "\u{1}";

/// A refusal to a caller.
#[derive(Debug)]
pub(crate) struct Problem {
    code: &'static str,
    status: u16,
    title: &'static str,
    detail: Cow<'static, str>,
    header: Option<(&'static str, &'static str)>,
    /// The head that the gate holds, in base64url.
    held: Option<String>,
}

impl Problem {
    const fn new(code: &'static str, status: u16, title: &'static str, detail: &'static str) -> Self {
        Self { code, status, title, detail: Cow::Borrowed(detail), header: None, held: None }
    }

    const fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    /// What a caller learns of a denial. A stranger cannot tell unknown, revoked and malformed keys apart: that would confirm guesses.
    pub(crate) const fn denial(code: Code) -> Self {
        let name = code.as_str();
        match code {
            Code::Valid => Self::new(name, 500, "Internal Error", "An allowed request was refused."),
            Code::MissingKey => {
                Self::new(name, 401, "API Key Missing", "Send an API key as a bearer token or in X-API-Key.")
                    .with("www-authenticate", CHALLENGE)
            }
            Code::MalformedKey | Code::NotFound | Code::Revoked => {
                Self::new(Code::NotFound.as_str(), 401, "API Key Not Valid", "The API key is not valid.")
                    .with("www-authenticate", CHALLENGE_INVALID)
            }
            Code::Disabled => Self::new(name, 401, "API Key Disabled", "The API key is switched off.")
                .with("www-authenticate", CHALLENGE_INVALID),
            Code::Expired => Self::new(name, 401, "API Key Expired", "The API key has expired.")
                .with("www-authenticate", CHALLENGE_INVALID),
            Code::EnvironmentMismatch => {
                Self::new(name, 403, "Wrong Environment", "The API key is for another environment.")
            }
            Code::IpDenied => {
                Self::new(name, 403, "Address Not Allowed", "The API key may not be used from this address.")
            }
            Code::RouteNotFound => Self::new(name, 404, "Route Not Found", "There is no such route."),
            Code::InsufficientPermissions => Self::new(
                name,
                403,
                "Permission Missing",
                "The API key lacks the permission that this route asks for.",
            ),
            Code::ConstraintDenied => Self::new(
                name,
                403,
                "Request Not Covered",
                "The API key does not cover the values in this request.",
            ),
            Code::SignatureRequired => {
                Self::new(name, 401, "Signature Missing", "The API key requires signed requests.")
                    .with("www-authenticate", CHALLENGE)
            }
            Code::SignatureInvalid => {
                Self::new(name, 401, "Signature Not Valid", "The request's signature does not verify.")
                    .with("www-authenticate", CHALLENGE)
            }
            Code::RateLimited => {
                Self::new(name, 429, "Too Many Requests", "The API key's rate limit is used up.")
            }
            Code::CreditsExhausted => {
                Self::new(name, 402, "Credits Exhausted", "The API key's credits are used up.")
            }
            Code::SnapshotUnavailable => {
                Self::new(name, 503, "Gate Not Ready", "The gate has no key data to decide from yet.")
                    .with("retry-after", RETRY_AFTER)
            }
            Code::SnapshotExpired => {
                Self::new(name, 503, "Gate Data Expired", "The gate's key data is too old to decide from.")
                    .with("retry-after", RETRY_AFTER)
            }
            Code::LimitsUnavailable => Self::new(
                name,
                503,
                "Limits Not Available",
                "The API key's limits cannot be checked at the moment; try again.",
            )
            .with("retry-after", LIMITS_RETRY_AFTER),
            // `Code` may grow: whatever this build cannot name is a denial.
            _ => Self::new(
                name,
                503,
                "Restriction Not Supported",
                "The API key or the route is restricted in a way that this gate does not enforce.",
            ),
        }
    }

    /// Too few credits of a unit. Its name comes from the policy, and the caller's requests show it anyway.
    pub(crate) fn credits_exhausted(unit: &str) -> Self {
        let mut problem = Self::denial(Code::CreditsExhausted);
        problem.detail = format!("The API key's credits of the unit `{unit}` are used up.").into();
        problem
    }

    /// Bytes that the gate would not take in.
    pub(crate) fn refusal(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::TooLong | Refusal::LimitExceeded => 413,
            Refusal::AudienceMismatch | Refusal::KeyNotTrusted | Refusal::SignatureInvalid => 403,
            Refusal::NotNewer => 409,
            Refusal::Truncated
            | Refusal::TrailingBytes
            | Refusal::BadMagic
            | Refusal::UnknownVersion
            | Refusal::NotCanonical => 400,
            _ => 422,
        };
        let mut problem = Self::new(refusal.code(), status, "Snapshot Refused", "");
        problem.detail =
            format!("The bundle was refused and nothing was changed: it {}.", refusal.message()).into();
        problem
    }

    /// A head that is not newer than the one that the gate holds.
    pub(crate) fn not_newer(held: &[u8]) -> Self {
        let mut problem = Self::refusal(Refusal::NotNewer);
        problem.held = Some(URL_SAFE_NO_PAD.encode(held));
        problem
    }

    pub(crate) fn unsupported_media_type(wanted: &'static str) -> Self {
        let mut problem = Self::new("UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported Media Type", "");
        problem.detail = format!("The content type must be {wanted}.").into();
        problem
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let mut problem = Self::new("METHOD_NOT_ALLOWED", 405, "Method Not Allowed", "");
        problem.detail = format!("This route takes {allow}.").into();
        problem.with("allow", allow)
    }

    pub(crate) const fn unknown_path() -> Self {
        Self::new("ROUTE_NOT_FOUND", 404, "Route Not Found", "The gate has no such route.")
    }

    /// The upstream gave no answer.
    pub(crate) const fn upstream_unreachable() -> Self {
        Self::new("UPSTREAM_UNREACHABLE", 502, "Upstream Unreachable", "The upstream could not be reached.")
    }

    /// The relay gave no answer, or none that makes sense.
    pub(crate) const fn relay_unavailable() -> Self {
        Self::new("RELAY_UNAVAILABLE", 503, "Relay Unavailable", "The relay could not be reached; try again.")
            .with("retry-after", RETRY_AFTER)
    }

    /// The route wants a credential for the upstream that this gate does not have. Which one is nobody's business.
    pub(crate) const fn upstream_credential_unavailable() -> Self {
        Self::new(
            "UPSTREAM_CREDENTIAL_UNAVAILABLE",
            503,
            "Upstream Not Available",
            "The gate cannot present itself to the upstream of this route.",
        )
        .with("retry-after", RETRY_AFTER)
    }

    /// So many unknown keys came from the caller's address that the gate looks no more of them up.
    pub(crate) const fn too_many_unknown_keys() -> Self {
        Self::new(
            "TOO_MANY_UNKNOWN_KEYS",
            429,
            "Too Many Unknown Keys",
            "Too many API keys that are not valid were sent from this address; try again later.",
        )
        .with("retry-after", UNKNOWN_KEYS_RETRY_AFTER)
    }

    /// A holder's wish that only the control plane could grant.
    pub(crate) const fn no_control_plane() -> Self {
        Self::new(
            "NO_CONTROL_PLANE",
            501,
            "Not Possible Here",
            "This gate does not know its control plane: LATCHKEY_CONTROL_PLANE_URL is not set.",
        )
    }

    /// The control plane gave no answer, or none that makes sense.
    pub(crate) const fn control_plane_unavailable() -> Self {
        Self::new(
            "CONTROL_PLANE_UNAVAILABLE",
            503,
            "Control Plane Unavailable",
            "The control plane could not be reached; nothing was changed, as far as is known. Try again.",
        )
        .with("retry-after", RETRY_AFTER)
    }

    /// A deployment that cannot work until somebody changes it. The message names the variable and holds no secret.
    pub(crate) fn misconfigured(message: &str) -> Self {
        let mut problem = Self::new("GATE_MISCONFIGURED", 500, "Gate Misconfigured", "");
        problem.detail = format!("The gate's configuration does not work: {message}.").into();
        problem
    }

    fn body(&self, request_id: &str) -> String {
        let mut body = json!({
            "type": format!("{TYPE_BASE}{}", self.code.to_ascii_lowercase().replace('_', "-")),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        });
        if let Some(head) = &self.held {
            body["held"] = json!({ "head": head });
        }
        body.to_string()
    }

    fn headers(&self) -> Vec<(&'static str, &'static str)> {
        let mut headers = vec![("content-type", CONTENT_TYPE), ("cache-control", "no-store")];
        headers.extend(self.header);
        headers
    }

    /// For the JavaScript entry, which keeps it and answers many requests with it:
    /// `{status, headers: {…}, before, after}`, where the request's id goes between the last two.
    pub(crate) fn template(&self) -> String {
        let body = self.body(REQUEST_ID_SLOT);
        // serde_json writes the slot's character as an escape.
        let (before, after) = body.split_once("\\u0001").unwrap_or((&body, ""));
        let headers: Map<String, Value> =
            self.headers().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        json!({ "status": self.status, "headers": headers, "before": before, "after": after }).to_string()
    }

    pub(crate) fn into_response(self, request_id: &str) -> worker::Result<Response> {
        let headers = Headers::new();
        for (name, value) in self.headers() {
            headers.set(name, value)?;
        }
        headers.set("x-request-id", request_id)?;
        let response = ResponseBuilder::new().with_status(self.status).with_headers(headers);
        Ok(response.fixed(self.body(request_id).into_bytes()))
    }
}

/// The caller's own id for the request if it has a usable one, else a new one.
pub(crate) fn request_id(headers: &Headers) -> String {
    let given = headers.get("x-request-id").ok().flatten();
    given.filter(|id| is_request_id(id)).unwrap_or_else(random_request_id)
}

fn is_request_id(id: &str) -> bool {
    (1..=REQUEST_ID_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn random_request_id() -> String {
    format!("req_{}", crate::isolate::random_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_cannot_tell_unknown_revoked_and_malformed_apart() {
        let unknown = Problem::denial(Code::NotFound).template();
        assert_eq!(Problem::denial(Code::Revoked).template(), unknown);
        assert_eq!(Problem::denial(Code::MalformedKey).template(), unknown);
    }

    #[test]
    fn no_denial_has_a_status_that_looks_like_success() {
        for code in Code::ALL {
            let problem = Problem::denial(code);
            assert!((400..600).contains(&problem.status), "{code}");
            let has_challenge = problem.header.is_some_and(|(name, _)| name == "www-authenticate");
            assert_eq!(problem.status == 401, has_challenge, "{code}");
        }
    }

    #[test]
    fn a_template_with_an_id_between_its_halves_is_the_body() {
        let problem = Problem::denial(Code::Expired);
        let template: Value = serde_json::from_str(&problem.template()).unwrap();
        let half = |name: &str| template[name].as_str().unwrap().to_owned();
        assert_eq!(half("before") + "req_1" + &half("after"), problem.body("req_1"));
    }

    #[test]
    fn request_ids_from_callers_are_short_and_plain() {
        assert!(is_request_id("a-B_9"));
        for bad in ["", "a b", "a\"", "é", &"a".repeat(65)] {
            assert!(!is_request_id(bad), "{bad}");
        }
    }
}
