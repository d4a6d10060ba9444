//! Webhooks: tells the outside of events.

mod signature;

pub use signature::WebhookSecret;
