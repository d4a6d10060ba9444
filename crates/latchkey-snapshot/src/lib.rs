//! Signed snapshots of hashed API keys: encode, verify, look up.
//!
//! A snapshot is a signed *head* plus immutable *bodies* reached from it by SHA-256 and length: a policy, segments of
//! changes, and a base of shards behind a two-level index. `spec/snapshot.md` defines every byte; modules name its sections.
//!
//! The order of use at an edge: [`UnverifiedHead::parse`], [`UnverifiedHead::verify`] against a [`Trust`], then a [`Loader`] that says which
//! bodies are still missing, takes them as [`HashedBody`], and ends as a [`Snapshot`] to look tags up in. There is no
//! other way to a `Snapshot`, so nothing unverified can be looked up.
//!
//! What this crate does not do: it reads no clock, no randomness and no network, and it decides nothing about a request.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod bundle;
pub mod id;
pub mod ip;
pub mod limits;
pub mod names;

mod absent;
mod base;
mod body;
mod buckets;
mod builder;
mod error;
mod head;
mod index;
mod loader;
mod overlay;
mod policy;
mod profile;
mod profiles;
mod reader;
mod restrictions;
mod route;
mod row;
mod segment;
mod shard;
#[cfg(feature = "sign")]
mod sign;
mod snapshot;
mod table;
mod tlv;
mod trust;
mod upstream;

pub use body::{HashedBody, Kind, ObjectRef, sha256};
pub use builder::{BaseBuilder, BuiltBase, BuiltShard, shard_bits_for};
pub use error::Refusal;
pub use head::{BaseRef, Head, HighWater, LAST_BINDING_EPOCH, SegmentRef, UnverifiedHead, VerifiedHead};
pub use latchkey_token::{TagScheme, TokenShapes};
pub use loader::Loader;
pub use policy::{DefaultAccess, OnExpired, Policy, Role, VerifiedPolicy};
pub use profile::{EncodedProfile, Profile, ProfileView};
pub use restrictions::{
    Constraints, Credits, CreditsView, RateLimit, RateLimitMode, RateLimitView, RateLimits, SigningKeys,
    SigningKeysView, Values,
};
pub use route::{ConstraintSource, DEFAULT_RATE_COST, Route, RouteSignature};
pub use row::{BareRow, NewRow, RowView};
pub use segment::{Changes, OwnerKill, Reason, Revoke, VerifiedSegment, owner_tag};
#[cfg(feature = "sign")]
pub use sign::{HeadSigner, encode_head};
pub use snapshot::{Lookup, Snapshot};
pub use trust::{Audience, Environment, Trust, TrustedKey, key_id, public_key_text};
pub use upstream::UpstreamCredential;
