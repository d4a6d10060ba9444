#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

mod code;
mod decide;
mod decision;
mod demands;
mod describe;
mod explain;
mod facts;
mod gate;
mod path;
mod pattern;
pub mod permissions;
mod query;
mod reads;
mod routes;
mod rules;
mod template;
mod text;

pub use code::Code;
pub use decide::decide;
pub use decision::{Conditional, Decision, KeyView, Verdict};
pub use demands::{CreditDemand, Demands, RateDemand, SignatureDemand};
pub use explain::{Check, Explanation, explain};
pub use facts::{Credential, RequestFacts};
pub use gate::{Age, GateView, Loaded};
pub use path::MAX_PATH_LEN;
pub use pattern::{MAX_PARAMETER_LEN, MAX_PATTERN_LEN, MAX_PATTERN_SEGMENTS, PatternError, check_pattern};
pub use query::MAX_QUERY_LEN;
pub use rules::{RouteFault, RuleError, Rules, check_policy};
