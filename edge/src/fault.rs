//! Panics on purpose, so that a test can see the gate recover. Only in builds with the feature `fault-injection`.

const PANIC_IN_DECIDE: &[u8] = b"/__fault/panic";

pub(crate) fn maybe_panic(path: &[u8]) {
    assert!(path != PANIC_IN_DECIDE, "a panic that a test asked for");
}
