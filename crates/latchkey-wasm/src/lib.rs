#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod preview;
pub mod token;
pub mod validator;
