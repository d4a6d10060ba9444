//! Bounds of the format, each with the attack or accident that it stops: `spec/snapshot.md` section 1.

/// Bytes of a head, signatures included.
pub const HEAD_BYTES: usize = 2_048;
/// Signatures in a head: two while a signing key is being replaced.
pub const SIGNATURES: usize = 2;
/// Segments that a head may list.
pub const SEGMENTS: usize = 8;
/// Bytes of all segments of a head together: half of them, after which a publisher builds a new base, are 21,845 revocations.
pub const SEGMENT_BYTES: usize = 524_288;
/// Bytes of a policy.
pub const POLICY_BYTES: usize = 65_536;
/// Routes in a policy.
pub const ROUTES: usize = 512;
/// Roles in a policy.
pub const ROLES: usize = 256;
/// Permissions that the routes of a policy may name.
pub const PERMISSIONS: usize = 1_024;
/// Bytes of a shard.
pub const SHARD_BYTES: usize = 1_048_576;
/// Rows of a shard.
pub const SHARD_ROWS: usize = 65_535;
/// Bytes of an index page.
pub const PAGE_BYTES: usize = 65_536;
/// Entries of an index page, as a power of two.
pub const LEAF_BITS: u8 = 10;
/// Shards of a base, as a power of two.
pub const SHARD_BITS: u8 = 20;
/// Bytes of one profile.
pub const PROFILE_BYTES: usize = 16_384;
/// Bytes of a profile's owner.
pub const OWNER_BYTES: usize = 255;
/// Bytes of a profile's metadata.
pub const METADATA_BYTES: usize = 1_024;
/// Role numbers, and grants, in one profile.
pub const PROFILE_GRANTS: usize = 64;
/// Address rules of a key, before they are compiled.
pub const IP_RULES: usize = 256;
/// Ranges that so many rules can cut an address family into.
pub const IP_RANGES: usize = 2 * IP_RULES + 1;
/// Bytes of a name: of a constraint, a rate limit, a credit unit.
pub const NAME_BYTES: usize = 32;
/// Constraints of a key.
pub const CONSTRAINTS: usize = 16;
/// Values that one constraint allows.
pub const CONSTRAINT_VALUES: usize = 64;
/// Bytes of such a value.
pub const VALUE_BYTES: usize = 64;
/// Rate limits of a key.
pub const RATE_LIMITS: usize = 8;
/// Seconds of a rate limit's window: 30 days.
pub const WINDOW_SECONDS: u32 = 2_592_000;
/// Credit units of a key, and of a route's cost.
pub const CREDIT_UNITS: usize = 16;
/// Public keys with which a key's holder signs requests.
pub const SIGNING_KEYS: usize = 8;
/// Bytes of such a key's id.
pub const SIGNING_KEY_ID_BYTES: usize = 64;
/// Constraints that a route reads.
pub const ROUTE_CONSTRAINTS: usize = 8;
/// Different headers that all routes of a policy read together: each is copied for every request.
pub const CONSTRAINT_HEADERS: usize = 8;
/// Bytes of the name of a header or parameter that a route reads.
pub const SOURCE_NAME_BYTES: usize = 64;
/// Seconds that a signature may be old.
pub const SIGNATURE_AGE_SECONDS: u32 = 3_600;
/// Components that a route wants covered by a signature, beyond the ones that always are.
pub const SIGNATURE_COMPONENTS: usize = 16;
/// Bytes of a component's name.
pub const COMPONENT_BYTES: usize = 64;
/// Upstream credentials of a policy.
pub const UPSTREAM_CREDENTIALS: usize = 64;
/// Bytes of an upstream credential's name.
pub const CREDENTIAL_NAME_BYTES: usize = 64;
/// Bytes of the template by which a route names its upstream credential.
pub const TEMPLATE_BYTES: usize = 128;
/// Bytes of an upstream credential's header name.
pub const HEADER_NAME_BYTES: usize = 64;
/// Bytes of what stands before an upstream credential in its header.
pub const VALUE_PREFIX_BYTES: usize = 32;
/// Bytes of a sealed upstream credential.
pub const SEALED_BYTES: usize = 4_096;
/// Bytes of a bundle.
pub const BUNDLE_BYTES: usize = 4_194_304;
/// Seconds that `issued_at` may lie ahead of the verifier's clock.
pub const CLOCK_SKEW_SECONDS: u64 = 300;
/// Seconds between `issued_at` and `valid_until`.
pub const VALIDITY_SECONDS: u64 = 2_592_000;
/// A base with at most this many shards, as a power of two, is loaded whole instead of shard by shard.
pub const EAGER_SHARD_BITS: u8 = 4;
