use core::fmt;

/// Why bytes were refused: `spec/snapshot.md` section 10. Holds no input, so it can be logged and returned as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    TooLong,
    Truncated,
    TrailingBytes,
    BadMagic,
    UnknownVersion,
    NotCanonical,
    LimitExceeded,
    AudienceMismatch,
    KeyNotTrusted,
    SignatureInvalid,
    TimesInvalid,
    IssuedInFuture,
    Expired,
    NotNewer,
    UnknownCritical,
    BodyHashMismatch,
    BodyLengthMismatch,
    BodyUnexpected,
    BodyMissing,
    KeyspaceMismatch,
    PolicyInvalid,
}

impl Refusal {
    /// The stable code, as gates answer it and receipts show it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "TOO_LONG",
            Self::Truncated => "TRUNCATED",
            Self::TrailingBytes => "TRAILING_BYTES",
            Self::BadMagic => "BAD_MAGIC",
            Self::UnknownVersion => "UNKNOWN_VERSION",
            Self::NotCanonical => "NOT_CANONICAL",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::AudienceMismatch => "AUDIENCE_MISMATCH",
            Self::KeyNotTrusted => "KEY_NOT_TRUSTED",
            Self::SignatureInvalid => "SIGNATURE_INVALID",
            Self::TimesInvalid => "TIMES_INVALID",
            Self::IssuedInFuture => "ISSUED_IN_FUTURE",
            Self::Expired => "EXPIRED",
            Self::NotNewer => "NOT_NEWER",
            Self::UnknownCritical => "UNKNOWN_CRITICAL",
            Self::BodyHashMismatch => "BODY_HASH_MISMATCH",
            Self::BodyLengthMismatch => "BODY_LENGTH_MISMATCH",
            Self::BodyUnexpected => "BODY_UNEXPECTED",
            Self::BodyMissing => "BODY_MISSING",
            Self::KeyspaceMismatch => "KEYSPACE_MISMATCH",
            Self::PolicyInvalid => "POLICY_INVALID",
        }
    }

    /// One sentence for an operator: what was wrong.
    pub const fn message(self) -> &'static str {
        match self {
            Self::TooLong => "longer than the format allows",
            Self::Truncated => "ends before its own fields do",
            Self::TrailingBytes => "has bytes after its end",
            Self::BadMagic => "is not the kind of object that was expected here",
            Self::UnknownVersion => "has a format version that this build does not know; deploy a newer gate",
            Self::NotCanonical => "is not in the one canonical encoding",
            Self::LimitExceeded => "holds more entries than the format allows",
            Self::AudienceMismatch => "was made for another keyspace or environment",
            Self::KeyNotTrusted => "carries no signature by a key that is trusted here",
            Self::SignatureInvalid => "carries a signature that does not verify",
            Self::TimesInvalid => "has times that contradict each other",
            Self::IssuedInFuture => "was issued in the future; check the clocks",
            Self::Expired => "is past its valid_until",
            Self::NotNewer => "is not newer than what is held",
            Self::UnknownCritical => {
                "has a critical extension that this build does not know; deploy a newer gate"
            }
            Self::BodyHashMismatch => "has a body whose hash is not the one that was signed",
            Self::BodyLengthMismatch => "has a body whose length is not the one that was signed",
            Self::BodyUnexpected => "has a body that nothing signed leads to",
            Self::BodyMissing => "lacks a body that its head names",
            Self::KeyspaceMismatch => "has a body of another keyspace",
            Self::PolicyInvalid => "has a policy with a route or role that breaks the rules",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message())
    }
}

impl core::error::Error for Refusal {}
