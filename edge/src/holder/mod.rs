//! What the holder of a key can do with it at the gate, besides requests: ask about it, and revoke it.
//!
//! Both take the key as requests do, and from a stranger's view both know no difference between unknown, revoked and malformed keys.

mod credential;
mod key;
mod revoke;
mod view;

pub(crate) use key::handle as handle_key;
pub(crate) use revoke::handle as handle_revoke;
