#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

mod code;
mod decide;
mod decision;
mod facts;
mod gate;
mod path;
mod pattern;
pub mod permissions;
mod routes;
mod rules;

pub use code::Code;
pub use decide::decide;
pub use decision::{Decision, KeyView, Verdict};
pub use facts::{Credential, RequestFacts};
pub use gate::{Age, GateView, Loaded};
pub use path::MAX_PATH_LEN;
pub use pattern::{MAX_PARAMETER_LEN, MAX_PATTERN_LEN, MAX_PATTERN_SEGMENTS, PatternError, check_pattern};
pub use rules::{RouteFault, RuleError, Rules, check_policy};
