#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod message;

mod ledger;
mod session;

mod holder;

mod windows;

#[cfg(test)]
mod model;

pub use holder::{Cost, Held, Holder, Spend, timing};
pub use ledger::{Account, Changed, Ledger, Used, limits};
pub use message::{Answer, Grants, Message, Reply, Standing, Units};
pub use session::Session;
pub use windows::{Limit, Window, Windows};
