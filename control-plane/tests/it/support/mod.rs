//! What the tests share. Each test has its own data folder, server and port.

pub(crate) mod api;
pub(crate) mod gate;
pub(crate) mod process;
pub(crate) mod receiver;
pub(crate) mod server;

use std::time::{Duration, Instant};

/// Polls until `probe` gives something, for at most 30 seconds: other tests may have the machine.
pub(crate) async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
