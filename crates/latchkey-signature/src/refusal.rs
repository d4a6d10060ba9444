//! Why a request does not count as signed.

use std::fmt;

/// What the caller of the API is told; the rest of a [`Refusal`] is for the operator's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `SIGNATURE_REQUIRED`: nothing was signed by a key pair of this API key.
    Required,
    /// `SIGNATURE_INVALID`: something was, and does not count.
    Invalid,
}

/// Why a request does not count as signed (spec/signing.md section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no signature whose `keyid` and `tag` are this API key's.
    NotSigned,
    /// A field about signatures or digests is longer than [`crate::limits`] allow.
    FieldTooLong,
    /// `Signature-Input` or `Signature` is no dictionary of what belongs there, or has a name twice.
    FieldMalformed,
    /// More signatures by the key's own key pairs than are tried.
    TooManySignatures,
    /// A signature's parameters have no bytes in `Signature`.
    SignatureMissing,
    /// A signature parameter that RFC 9421 does not define, or one of another type.
    ParameterUnsupported,
    /// `alg` is not `ed25519`.
    AlgorithmUnsupported,
    /// There is no `created`.
    CreatedMissing,
    /// `created` is ahead by more than clocks differ.
    CreatedInFuture,
    /// `created` is longer ago than the policy takes.
    TooOld,
    /// `expires` has passed.
    Expired,
    /// The policy asks for a `nonce`, and there is none.
    NonceMissing,
    /// The `nonce` is empty or too long.
    NonceUnusable,
    /// The `nonce` was used before. Said by whoever remembers nonces.
    NonceReused,
    /// Something that must be covered is not.
    ComponentNotCovered,
    /// A component or a parameter of one that is not supported in a request.
    ComponentUnsupported,
    /// A component is covered twice.
    ComponentRepeated,
    /// A covered component is not in the request, or not in a form that has one value.
    ComponentAbsent,
    /// A covered value holds characters that cannot be told apart once they are signed.
    ValueUnusable,
    /// What would be signed is longer than [`crate::limits::BASE_BYTES`].
    BaseTooLong,
    /// The bytes of the signature, or the public key, do not verify.
    SignatureWrong,
    /// `Content-Digest` is no dictionary of digests of the right length, or has none of an algorithm that is checked.
    DigestUnusable,
    /// The body is not the one whose digest was signed.
    DigestWrong,
    /// The body is too long, in bytes or in seconds, for its digest to be checked. Said by whoever reads bodies.
    BodyTooLong,
}

impl Refusal {
    /// Every refusal, in the order of spec/signing.md.
    pub const ALL: [Self; 24] = [
        Self::NotSigned,
        Self::FieldTooLong,
        Self::FieldMalformed,
        Self::TooManySignatures,
        Self::SignatureMissing,
        Self::ParameterUnsupported,
        Self::AlgorithmUnsupported,
        Self::CreatedMissing,
        Self::CreatedInFuture,
        Self::TooOld,
        Self::Expired,
        Self::NonceMissing,
        Self::NonceUnusable,
        Self::NonceReused,
        Self::ComponentNotCovered,
        Self::ComponentUnsupported,
        Self::ComponentRepeated,
        Self::ComponentAbsent,
        Self::ValueUnusable,
        Self::BaseTooLong,
        Self::SignatureWrong,
        Self::DigestUnusable,
        Self::DigestWrong,
        Self::BodyTooLong,
    ];

    /// What the caller of the API is told.
    pub const fn answer(self) -> Answer {
        match self {
            Self::NotSigned => Answer::Required,
            _ => Answer::Invalid,
        }
    }

    /// The stable name, for logs.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotSigned => "NOT_SIGNED",
            Self::FieldTooLong => "FIELD_TOO_LONG",
            Self::FieldMalformed => "FIELD_MALFORMED",
            Self::TooManySignatures => "TOO_MANY_SIGNATURES",
            Self::SignatureMissing => "SIGNATURE_MISSING",
            Self::ParameterUnsupported => "PARAMETER_UNSUPPORTED",
            Self::AlgorithmUnsupported => "ALGORITHM_UNSUPPORTED",
            Self::CreatedMissing => "CREATED_MISSING",
            Self::CreatedInFuture => "CREATED_IN_FUTURE",
            Self::TooOld => "TOO_OLD",
            Self::Expired => "EXPIRED",
            Self::NonceMissing => "NONCE_MISSING",
            Self::NonceUnusable => "NONCE_UNUSABLE",
            Self::NonceReused => "NONCE_REUSED",
            Self::ComponentNotCovered => "COMPONENT_NOT_COVERED",
            Self::ComponentUnsupported => "COMPONENT_UNSUPPORTED",
            Self::ComponentRepeated => "COMPONENT_REPEATED",
            Self::ComponentAbsent => "COMPONENT_ABSENT",
            Self::ValueUnusable => "VALUE_UNUSABLE",
            Self::BaseTooLong => "BASE_TOO_LONG",
            Self::SignatureWrong => "SIGNATURE_WRONG",
            Self::DigestUnusable => "DIGEST_UNUSABLE",
            Self::DigestWrong => "DIGEST_WRONG",
            Self::BodyTooLong => "BODY_TOO_LONG",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

impl std::error::Error for Refusal {}
