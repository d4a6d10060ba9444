//! Bounds on what is looked at: whoever holds a key can otherwise choose how much work a request makes.

/// Bytes of a `Signature-Input` field: some twenty signatures of ordinary size.
pub const SIGNATURE_INPUT_BYTES: usize = 8_192;
/// Bytes of a `Signature` field: eleven signatures with 4096-bit RSA by other parties, besides ours.
pub const SIGNATURE_BYTES: usize = 8_192;
/// Bytes of a `Content-Digest` field.
pub const CONTENT_DIGEST_BYTES: usize = 1_024;
/// Signatures in one request, by whomever.
pub const SIGNATURES: usize = 16;
/// Signatures by the key's own key pairs that are tried: one, or two while a pair is replaced. Each costs a verification.
pub const OWN_SIGNATURES: usize = 2;
/// Components that one signature covers.
pub const COMPONENTS: usize = 32;
/// Parameters of one signature or one component.
pub const PARAMETERS: usize = 8;
/// Bytes that are signed. Header fields together are shorter than this at every host that gates run on; a field covered twice is refused.
pub const BASE_BYTES: usize = 131_072;
/// Characters of a nonce.
pub const NONCE_CHARS: usize = 128;
/// Seconds that a client's clock may be ahead.
pub const CLOCK_SKEW_SECONDS: u64 = 30;
/// Bytes of a body whose digest is checked. Whoever calls has to hold it in memory for that.
pub const BODY_BYTES: usize = 1_048_576;
