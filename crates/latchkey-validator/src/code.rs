use core::fmt;

/// The outcome of a decision (spec/decision.md section 2).
///
/// The numbers are stable: they travel in packed integers, request logs and metrics. 0 is no code, so that
/// a buffer nobody wrote to is never taken for an allowed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Code {
    /// The request passes.
    Valid = 1,
    /// No credential was presented.
    MissingKey = 2,
    /// What was presented is not a token.
    MalformedKey = 3,
    /// No such token was issued.
    NotFound = 4,
    /// The token or its key was revoked.
    Revoked = 5,
    /// The key is switched off.
    Disabled = 6,
    /// The key's or the secret's time is over.
    Expired = 7,
    /// A test key at a live deployment or route, or the other way round.
    EnvironmentMismatch = 8,
    /// The key may not be used from this address.
    IpDenied = 9,
    /// No route matches, or the path is not canonical.
    RouteNotFound = 10,
    /// The key lacks the permission that the route asks for.
    InsufficientPermissions = 11,
    /// The request is outside the values that the key is limited to.
    ConstraintDenied = 12,
    /// The key may only be used with signed requests.
    SignatureRequired = 13,
    /// The request's signature does not verify.
    SignatureInvalid = 14,
    /// The key's rate limit is used up.
    RateLimited = 15,
    /// The key's credits are used up.
    CreditsExhausted = 16,
    /// The gate has no snapshot to decide from.
    SnapshotUnavailable = 17,
    /// The gate's snapshot is too old to decide from.
    SnapshotExpired = 18,
    /// The key or the route is restricted in a way that this build does not enforce.
    RestrictionUnsupported = 19,
    /// What counts the key's requests or credits does not answer.
    LimitsUnavailable = 20,
}

impl Code {
    /// Every code, ascending by number.
    pub const ALL: [Self; 20] = [
        Self::Valid,
        Self::MissingKey,
        Self::MalformedKey,
        Self::NotFound,
        Self::Revoked,
        Self::Disabled,
        Self::Expired,
        Self::EnvironmentMismatch,
        Self::IpDenied,
        Self::RouteNotFound,
        Self::InsufficientPermissions,
        Self::ConstraintDenied,
        Self::SignatureRequired,
        Self::SignatureInvalid,
        Self::RateLimited,
        Self::CreditsExhausted,
        Self::SnapshotUnavailable,
        Self::SnapshotExpired,
        Self::RestrictionUnsupported,
        Self::LimitsUnavailable,
    ];

    /// The stable number, 1 to 255.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The code with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// Whether the request passes.
    pub const fn is_allowed(self) -> bool {
        matches!(self, Self::Valid)
    }

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::MissingKey => "MISSING_KEY",
            Self::MalformedKey => "MALFORMED_KEY",
            Self::NotFound => "NOT_FOUND",
            Self::Revoked => "REVOKED",
            Self::Disabled => "DISABLED",
            Self::Expired => "EXPIRED",
            Self::EnvironmentMismatch => "ENVIRONMENT_MISMATCH",
            Self::IpDenied => "IP_DENIED",
            Self::RouteNotFound => "ROUTE_NOT_FOUND",
            Self::InsufficientPermissions => "INSUFFICIENT_PERMISSIONS",
            Self::ConstraintDenied => "CONSTRAINT_DENIED",
            Self::SignatureRequired => "SIGNATURE_REQUIRED",
            Self::SignatureInvalid => "SIGNATURE_INVALID",
            Self::RateLimited => "RATE_LIMITED",
            Self::CreditsExhausted => "CREDITS_EXHAUSTED",
            Self::SnapshotUnavailable => "SNAPSHOT_UNAVAILABLE",
            Self::SnapshotExpired => "SNAPSHOT_EXPIRED",
            Self::RestrictionUnsupported => "RESTRICTION_UNSUPPORTED",
            Self::LimitsUnavailable => "LIMITS_UNAVAILABLE",
        }
    }

    /// What it means, for an admin who explains a decision. More than a stranger may be told.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Valid => "the request passes",
            Self::MissingKey => "no credential was presented",
            Self::MalformedKey => "what was presented is not a token",
            Self::NotFound => "no such token was issued",
            Self::Revoked => "the token, its key, its owner or its keyspace was revoked",
            Self::Disabled => "the key is switched off",
            Self::Expired => "the time of the key or of this secret is over",
            Self::EnvironmentMismatch => "a test key where only live ones pass, or the other way round",
            Self::IpDenied => "the key may not be used from this address",
            Self::RouteNotFound => "no route matches, or the path is not canonical",
            Self::InsufficientPermissions => "the key lacks the permission that the route asks for",
            Self::ConstraintDenied => "the request is outside the values that the key is limited to",
            Self::SignatureRequired => "the key may only be used with signed requests",
            Self::SignatureInvalid => "the request's signature does not verify",
            Self::RateLimited => "too many requests",
            Self::CreditsExhausted => "too few credits are left",
            Self::SnapshotUnavailable => "there is nothing to decide from",
            Self::SnapshotExpired => "the snapshot is too old to decide from",
            Self::RestrictionUnsupported => {
                "the key or route is restricted in a way that this build does not enforce"
            }
            Self::LimitsUnavailable => "what counts requests or credits does not answer",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
