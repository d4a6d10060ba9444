//! How soon a revocation that the relay or KV has must be enforced. Milliseconds.

/// The refresh interval of the fleet: the gate's default.
pub const REFRESH_AFTER_MS: f64 = 2_000.0;
/// How long a question may wait at the relay: the gate's default too.
pub const WAIT_MS: f64 = 2_000.0;
/// A simulated call to the relay or to KV takes at most this long.
pub const CALL_MS: u64 = 400;
/// KV shows a write everywhere after at most this long (Cloudflare's documentation of KV: 60 seconds or more; the extra belongs to it).
pub const KV_LAG_MS: u64 = 60_000;
/// The relay writes KV's head at most once a second.
pub const MIRROR_MS: u64 = 1_000;

/// Through the relay, for an isolate all of whose refreshes have reached it: two intervals, the call, and the tick of the simulation.
pub const RELAY_MS: u64 = 2 * REFRESH_AFTER_MS as u64 + CALL_MS + 100;
/// Through the relay, for an isolate that is asked all the time and watches: the pause between two questions while there is news all the time, the call, 400 ms
/// until a request brings the next question, and the ticks of the simulation.
pub const WATCHED_MS: u64 = 500 + CALL_MS + 400 + 200;
/// After the relay can be reached again: an isolate that has failed decides from what it has for 30 s, and each of its requests tries again.
pub const AFTER_FAILURE_MS: u64 = RELAY_MS + 30_000 + 4_000;
/// With KV alone.
pub const KV_MS: u64 = AFTER_FAILURE_MS + KV_LAG_MS + MIRROR_MS;
