//! What a key is restricted to, field by field of a profile: `spec/snapshot.md` section 4.
//!
//! Each module has three parts: what a publisher fills in, its canonical bytes, and the borrowed view that a gate reads.

mod constraints;
mod credits;
mod rate_limits;
mod signing_keys;

pub use constraints::{Constraints, Values};
pub use credits::{Credits, CreditsView};
pub use rate_limits::{RateLimit, RateLimitMode, RateLimitView, RateLimits};
pub use signing_keys::{SigningKeys, SigningKeysView};

pub(crate) use constraints::encode as encode_constraints;
pub(crate) use rate_limits::encode as encode_rate_limits;
