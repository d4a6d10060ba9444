//! Bounds of the format, each with the attack or accident that it stops: `spec/snapshot.md` section 1.

/// Bytes of a head, signatures included.
pub const HEAD_BYTES: usize = 2_048;
/// Signatures in a head: two while a signing key is being replaced.
pub const SIGNATURES: usize = 2;
/// Segments that a head may list.
pub const SEGMENTS: usize = 8;
/// Bytes of all segments of a head together.
pub const SEGMENT_BYTES: usize = 262_144;
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
/// Bytes of a bundle.
pub const BUNDLE_BYTES: usize = 4_194_304;
/// Seconds that `issued_at` may lie ahead of the verifier's clock.
pub const CLOCK_SKEW_SECONDS: u64 = 300;
/// Seconds between `issued_at` and `valid_until`.
pub const VALIDITY_SECONDS: u64 = 2_592_000;
/// A base with at most this many shards, as a power of two, is loaded whole instead of shard by shard.
pub const EAGER_SHARD_BITS: u8 = 4;
