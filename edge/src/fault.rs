//! Panics on purpose, so that a test can see the gate recover. Only in builds with the feature `fault-injection`.

const IN_DECIDE: &[u8] = b"/__fault/decide";
const IN_OWN_ROUTE: &str = "__fault";
const IN_RELAY: &str = "__fault-in-relay";
/// The ledger's path that panics.
const LEDGER_PATH: &str = "/__fault";
/// The relay's path that panics.
const RELAY_PATH: &str = "/__fault";

use worker::Env;

use crate::isolate;
use crate::sources::relay::Relay;

/// In the hot path.
pub(crate) fn in_decide(path: &[u8]) {
    assert!(path != IN_DECIDE, "a panic that a test asked for");
}

/// In a route of the gate's own, or through it in the relay.
pub(crate) async fn in_own_route(name: Option<&str>, env: &Env) {
    assert!(name != Some(IN_OWN_ROUTE), "a panic that a test asked for");
    if name == Some(IN_RELAY)
        && let Ok(config) = isolate::config(env)
        && let Ok(relay) = Relay::connect(env, config.trust.audience())
    {
        let _ = relay.object_at(RELAY_PATH).await;
    }
}

/// In a ledger.
pub(crate) fn in_ledger(path: &str) {
    assert!(path != LEDGER_PATH, "a panic that a test asked for");
}

/// In the relay.
pub(crate) fn in_relay(path: &str) {
    assert!(path != RELAY_PATH, "a panic that a test asked for");
}
