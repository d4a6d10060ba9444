#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod request;

mod policy;
mod verify;

mod component;
mod input;
mod structured;

mod digest;
mod refusal;

#[cfg(feature = "sign")]
mod sign;

pub mod limits;

pub use component::can_be_asked_for;
pub use digest::Digests;
pub use policy::{Asked, Policy};
pub use refusal::{Answer, Refusal};
pub use request::{Body, Fields, Request};
#[cfg(feature = "sign")]
pub use sign::{Signed, Signing, signature_base};
pub use verify::{Outcome, Pending, SigningKey, Verified, verify};
