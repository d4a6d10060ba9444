//! Sign-in of browsers: an admin key is exchanged for a cookie that no script can read.
//!
//! A cookie comes along with whatever request a browser makes, so three things keep other sites from using it: it is `SameSite=Strict`;
//! a call that changes something must carry a token that only a page of ours can read; and the browser must say that a page of ours asks.

pub(super) mod cookie;
pub(super) mod csrf;
pub(super) mod end_all;
pub(super) mod get;
pub(super) mod sign_in;
pub(super) mod sign_out;
pub(super) mod view;
