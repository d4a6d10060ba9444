//! Errors as callers see them: RFC 9457 `application/problem+json`. The table in [`Failure::describe`] is the one place
//! where the errors of the domain and the store become status codes.

use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{DomainError, FieldErrors};
use crate::storage::StoreError;

/// Why a request fails.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// No admin key, or not a good one. The text says which to whoever holds it, never whether a key exists.
    Unauthorized(String),
    /// A good admin key without the right that is wanted. The text names the right.
    InsufficientScope(String),
    /// A cookie came along, and another site may have made the browser send it.
    CsrfRefused(String),
    /// Sign-in failed too often; the seconds to wait.
    SignInThrottled(u64),
    /// More requests than the admin key may make.
    RateLimited,
    /// A header that cannot be used.
    BadHeader(FieldErrors),
    /// The same request runs already, or was cut off.
    IdempotencyInFlight,
    /// The name stands for another request.
    IdempotencyKeyReused,
    /// The domain's rules forbid it.
    Refused(DomainError),
    NoSuchPath,
    NoSuchMethod(Method),
    /// An id in the path that is none.
    MalformedId(String),
    /// Wrong query parameters.
    BadQuery(FieldErrors),
    MalformedJson(String),
    NotJson,
    NotNdjson,
    /// The limit in bytes.
    BodyTooLarge(usize),
    BodyUnreadable,
    NotReady(String),
    /// There is no snapshot, or it is too large for one bundle.
    SnapshotNotExportable(String),
    /// A fault of ours or of the machine: the log has the details, under the request's id.
    Internal,
}

struct Description {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
}

impl Failure {
    fn describe(&self) -> Description {
        use StatusCode as S;
        let (status, code, title, detail) = match self {
            Self::Unauthorized(detail) => {
                (S::UNAUTHORIZED, "UNAUTHORIZED", "An admin key is needed", detail.clone())
            }
            Self::InsufficientScope(detail) => {
                (S::FORBIDDEN, "INSUFFICIENT_SCOPE", "The admin key may not do this", detail.clone())
            }
            Self::CsrfRefused(detail) => {
                (S::FORBIDDEN, "CSRF_REFUSED", "The request is not known to be meant", detail.clone())
            }
            Self::SignInThrottled(seconds) => {
                let detail = format!("too many attempts to sign in failed; try again in {seconds} s");
                (S::TOO_MANY_REQUESTS, "SIGN_IN_THROTTLED", "Too many attempts", detail)
            }
            Self::RateLimited => {
                let detail =
                    "the admin key has made all the requests that it may make in a second".to_owned();
                (S::TOO_MANY_REQUESTS, "RATE_LIMITED", "Too many requests", detail)
            }
            Self::BadHeader(errors) => (S::BAD_REQUEST, "INVALID_HEADER", "Wrong header", errors.to_string()),
            Self::IdempotencyInFlight => {
                let detail = "a request with this Idempotency-Key runs, or was cut off by a restart; wait, or look whether it was done \
                              and choose another key"
                    .to_owned();
                (S::CONFLICT, "IDEMPOTENCY_IN_FLIGHT", "The request is in flight", detail)
            }
            Self::IdempotencyKeyReused => {
                let detail =
                    "this Idempotency-Key was used for another request within 24 hours; choose another"
                        .to_owned();
                (S::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", "The Idempotency-Key is taken", detail)
            }
            Self::Refused(error) => return describe_refusal(error),
            // The path is not repeated: a caller may have put a token into it.
            Self::NoSuchPath => (
                S::NOT_FOUND,
                "NOT_FOUND",
                "Not found",
                "this is not a path of this API; see /openapi.json".to_owned(),
            ),
            Self::NoSuchMethod(method) => {
                let detail =
                    format!("{method} is no operation of this path; the Allow header lists those that are");
                (S::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "Method not allowed", detail)
            }
            Self::MalformedId(detail) => (S::BAD_REQUEST, "MALFORMED_ID", "Malformed id", detail.clone()),
            Self::BadQuery(errors) => {
                (S::BAD_REQUEST, "INVALID_QUERY", "Wrong query parameters", errors.to_string())
            }
            Self::MalformedJson(detail) => {
                (S::BAD_REQUEST, "MALFORMED_JSON", "The body is not the JSON that is wanted", detail.clone())
            }
            Self::NotJson => {
                let detail = "send the body with content-type: application/json".to_owned();
                (S::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type", detail)
            }
            Self::NotNdjson => {
                let detail = "send the body with content-type: application/x-ndjson".to_owned();
                (S::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type", detail)
            }
            Self::BodyTooLarge(limit) => {
                let detail = format!("a body may have at most {limit} bytes");
                (S::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", "Body too large", detail)
            }
            Self::BodyUnreadable => {
                let detail = "the body ended before it was complete".to_owned();
                (S::BAD_REQUEST, "BODY_UNREADABLE", "Body unreadable", detail)
            }
            Self::SnapshotNotExportable(detail) => {
                (S::CONFLICT, "SNAPSHOT_NOT_EXPORTABLE", "No bundle can be made", detail.clone())
            }
            Self::NotReady(detail) => (S::SERVICE_UNAVAILABLE, "NOT_READY", "Not ready", detail.clone()),
            Self::Internal => {
                let detail = "the request failed through no fault of its own; the log has more under its id"
                    .to_owned();
                (S::INTERNAL_SERVER_ERROR, "INTERNAL", "Internal error", detail)
            }
        };
        Description { status, code, title, detail }
    }

    /// The code and what is wrong, for answers that tell of many inputs: what concerns no field stands under `/`.
    pub(super) fn of_one_input(&self) -> (&'static str, Vec<FieldProblem>) {
        let Description { code, detail, .. } = self.describe();
        let errors = self.field_errors();
        match errors.is_empty() {
            true => (code, vec![FieldProblem { field: "/".to_owned(), message: detail }]),
            false => (code, errors),
        }
    }

    fn field_errors(&self) -> Vec<FieldProblem> {
        match self {
            Self::BadQuery(errors)
            | Self::BadHeader(errors)
            | Self::Refused(DomainError::Invalid(errors)) => errors
                .iter()
                .map(|error| FieldProblem { field: error.field.clone(), message: error.message.clone() })
                .collect(),
            _ => Vec::new(),
        }
    }
}

fn describe_refusal(error: &DomainError) -> Description {
    let (status, code, title) = match error {
        DomainError::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "INVALID_FIELDS", "Wrong fields"),
        DomainError::NotFound(_) => (StatusCode::NOT_FOUND, "NOT_FOUND", "Not found"),
        DomainError::NameTaken { .. } => (StatusCode::CONFLICT, "NAME_TAKEN", "The name is taken"),
        DomainError::KeyspaceInUse { .. } => {
            (StatusCode::CONFLICT, "KEYSPACE_IN_USE", "The keyspace is in use")
        }
        DomainError::RoleNameTaken { .. } => (StatusCode::CONFLICT, "NAME_TAKEN", "The name is taken"),
        DomainError::RoleInUse { .. } => (StatusCode::CONFLICT, "ROLE_IN_USE", "The role is in use"),
        DomainError::LiveNotEnabled => (StatusCode::CONFLICT, "LIVE_NOT_ENABLED", "Live is off"),
        DomainError::RequirementsNotMet(_) => {
            (StatusCode::CONFLICT, "REQUIREMENTS_NOT_MET", "Live needs more")
        }
        DomainError::LastAdminKey(_) => (StatusCode::CONFLICT, "LAST_ADMIN_KEY", "The last admin key stays"),
        DomainError::WebhookDisabled(_) => {
            (StatusCode::CONFLICT, "WEBHOOK_DISABLED", "The webhook is switched off")
        }
        DomainError::KeyRevoked(_) => (StatusCode::CONFLICT, "KEY_REVOKED", "The key is revoked"),
        DomainError::QuotaReached { .. } => {
            (StatusCode::CONFLICT, "KEY_QUOTA_REACHED", "The quota is used up")
        }
        DomainError::PreconditionFailed { .. } => {
            (StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED", "Changed meanwhile")
        }
        DomainError::TokenAlreadyUsed => {
            (StatusCode::CONFLICT, "TOKEN_ALREADY_USED", "The token was used before")
        }
        DomainError::ExternalIdTaken(_) => {
            (StatusCode::CONFLICT, "EXTERNAL_ID_TAKEN", "The external id is taken")
        }
        DomainError::TooManySecrets { .. } => {
            (StatusCode::CONFLICT, "TOO_MANY_SECRETS", "The key has too many tokens")
        }
        DomainError::GateEncryptionKeyMissing => {
            (StatusCode::CONFLICT, "GATE_ENCRYPTION_KEY_MISSING", "Nothing can be sealed for the gates")
        }
        DomainError::GateEncryptionKeyInUse { .. } => {
            (StatusCode::CONFLICT, "GATE_ENCRYPTION_KEY_IN_USE", "Credentials are sealed by the key")
        }
        DomainError::UpstreamCredentialNameTaken { .. } => {
            (StatusCode::CONFLICT, "NAME_TAKEN", "The name is taken")
        }
        DomainError::CreditsBelowZero { .. } => {
            (StatusCode::CONFLICT, "CREDITS_BELOW_ZERO", "What was used cannot be taken back")
        }
        DomainError::SigningKeyTaken(_) => {
            (StatusCode::CONFLICT, "SIGNING_KEY_TAKEN", "The key has this signing key")
        }
        DomainError::TooManySigningKeys { .. } => {
            (StatusCode::CONFLICT, "TOO_MANY_SIGNING_KEYS", "The key has too many signing keys")
        }
        DomainError::NotRotating(_) => (StatusCode::CONFLICT, "NOT_ROTATING", "The key is not being rotated"),
        DomainError::HeadKeyRotating { .. } => {
            (StatusCode::CONFLICT, "ROTATION_UNDER_WAY", "A signing key is taking over already")
        }
        DomainError::LostRevocations { .. } => {
            (StatusCode::CONFLICT, "LOST_REVOCATIONS", "Revocations may be lost")
        }
        DomainError::EpochsUsedUp => {
            (StatusCode::CONFLICT, "EPOCHS_USED_UP", "The signing key has to be replaced first")
        }
        DomainError::HeadKeyNotRotating => {
            (StatusCode::CONFLICT, "NOT_ROTATING", "No signing key is taking over")
        }
        DomainError::NotPaused => (StatusCode::CONFLICT, "NOT_PAUSED", "Publishing is not paused"),
        DomainError::NothingHeld => (StatusCode::CONFLICT, "NOTHING_HELD", "No snapshot is held back"),
        DomainError::NotRevoked(_) => (StatusCode::CONFLICT, "NOT_REVOKED", "The key is not revoked"),
        DomainError::LeakedKey(_) => (StatusCode::CONFLICT, "LEAKED_KEY", "The key leaked"),
        DomainError::RetentionPassed { .. } => {
            (StatusCode::CONFLICT, "RETENTION_PASSED", "It is too late to restore the key")
        }
    };
    Description { status, code, title, detail: error.to_string() }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => Self::Refused(refusal),
            failed => {
                tracing::error!(error = &failed as &dyn std::error::Error, "the store failed");
                Self::Internal
            }
        }
    }
}

impl From<FieldErrors> for Failure {
    fn from(errors: FieldErrors) -> Self {
        Self::Refused(DomainError::Invalid(errors))
    }
}

/// The body waits for [`render`], because only the middleware knows the request's id.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.describe().status.into_response();
        if matches!(self, Self::Unauthorized(_)) {
            let challenge = HeaderValue::from_static("Bearer realm=\"latchkey\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        if let Self::SignInThrottled(seconds) = self {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Names the kind of problem.
    #[schema(example = "https://latchkey.dev/problems/name-taken")]
    r#type: String,
    /// The kind of problem for people.
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 409)]
    status: u16,
    /// What happened this time.
    detail: String,
    /// The kind of problem for programs; it never changes.
    #[schema(example = "NAME_TAKEN")]
    code: &'static str,
    /// The request, as in its X-Request-Id header and in the log.
    request_id: String,
    /// Every wrong field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
}

/// One wrong field.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldProblem {
    /// JSON pointer into the body, or `/` and the name of a query parameter.
    #[schema(example = "/expires_at")]
    field: String,
    /// What is wrong with it.
    message: String,
}

/// Gives an error response its body.
pub(super) fn render(mut response: Response, request_id: &str) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    // An error without a failure can only come from a layer below us, and its text is not for callers.
    let failure = response.extensions_mut().remove::<Failure>().unwrap_or(Failure::Internal);
    let Description { status, code, title, detail } = failure.describe();
    let kind = code.to_lowercase().replace('_', "-");
    let problem = Problem {
        r#type: format!("https://latchkey.dev/problems/{kind}"),
        title,
        status: status.as_u16(),
        detail,
        code,
        request_id: request_id.to_owned(),
        errors: failure.field_errors(),
    };
    let (mut head, _) = response.into_parts();
    head.status = status;
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    Response::from_parts(head, body.into())
}

pub(super) async fn no_such_path() -> Failure {
    Failure::NoSuchPath
}

pub(super) async fn no_such_method(method: Method) -> Failure {
    Failure::NoSuchMethod(method)
}
