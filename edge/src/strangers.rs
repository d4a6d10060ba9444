//! How many parts of a large base unknown keys may cause to be loaded, by the address that they come from.
//!
//! A made-up token with a correct checksum looks like a key until the shard that it would be in was looked at. In memory that costs nothing; a shard
//! that is not loaded costs a call. So an address that has caused many such calls for nothing is refused further ones for a while: what is in
//! memory is decided as ever, also for that address.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

/// Addresses are thrown into so many lots; with the interval that bounds what a flood from everywhere can cause.
const LOTS: usize = 1_024;
/// Loads in vain that a lot may cause at once, and the time after which it may cause one more.
const BURST: f64 = 64.0;
const INTERVAL_MS: f64 = 1_000.0;

#[derive(Debug)]
pub(crate) struct Strangers {
    /// Chosen by the isolate, so that nobody can know which addresses share a lot.
    seed: Option<u64>,
    /// When the lot will have paid for all its loads in vain, in milliseconds since the epoch.
    paid_at: Vec<f64>,
}

impl Strangers {
    pub(crate) const fn new() -> Self {
        Self { seed: None, paid_at: Vec::new() }
    }

    /// Whether a request from this address may cause a load.
    pub(crate) fn may_load(&self, address: Option<IpAddr>, now: f64) -> bool {
        let paid_at = self.lot(address).and_then(|lot| self.paid_at.get(lot));
        paid_at.is_none_or(|paid_at| paid_at - now <= (BURST - 1.0) * INTERVAL_MS)
    }

    /// Notes a load for a key that turned out to be unknown. `seed`: random, asked for the first time.
    pub(crate) fn note(&mut self, address: Option<IpAddr>, now: f64, seed: impl FnOnce() -> u64) {
        self.seed.get_or_insert_with(seed);
        self.paid_at.resize(LOTS, 0.0);
        if let Some(paid_at) = self.lot(address).and_then(|lot| self.paid_at.get_mut(lot)) {
            *paid_at = paid_at.max(now) + INTERVAL_MS;
        }
    }

    /// `None` before the first note. Requests without an address share one.
    fn lot(&self, address: Option<IpAddr>) -> Option<usize> {
        let mut hasher = DefaultHasher::new();
        self.seed?.hash(&mut hasher);
        address.map(network).hash(&mut hasher);
        Some(hasher.finish() as usize % LOTS)
    }
}

/// What one party has: an IPv4 address, or the 64 bits of an IPv6 address that it cannot choose.
fn network(address: IpAddr) -> [u8; 8] {
    let mut network = [0; 8];
    match address.to_canonical() {
        IpAddr::V4(address) => network[..4].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => network.copy_from_slice(&address.octets()[..8]),
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn exhausted(by: &str) -> Strangers {
        let mut strangers = Strangers::new();
        for _ in 0..BURST as u32 {
            assert!(strangers.may_load(address(by), 0.0));
            strangers.note(address(by), 0.0, || 7);
        }
        strangers
    }

    #[test]
    fn an_address_is_refused_after_its_burst_and_others_are_not() {
        let strangers = exhausted("192.0.2.1");
        assert!(!strangers.may_load(address("192.0.2.1"), 0.0));
        assert!(!strangers.may_load(address("::ffff:192.0.2.1"), 0.0));
        assert!(strangers.may_load(address("192.0.2.2"), 0.0));
        assert!(strangers.may_load(None, 0.0));
    }

    #[test]
    fn one_more_load_is_allowed_each_interval() {
        let mut strangers = exhausted("192.0.2.1");
        assert!(!strangers.may_load(address("192.0.2.1"), INTERVAL_MS - 1.0));
        assert!(strangers.may_load(address("192.0.2.1"), INTERVAL_MS));
        strangers.note(address("192.0.2.1"), INTERVAL_MS, || unreachable!("there is a seed"));
        assert!(!strangers.may_load(address("192.0.2.1"), INTERVAL_MS));
    }

    #[test]
    fn the_addresses_of_one_network_are_one_party() {
        let strangers = exhausted("2001:db8:1:2::1");
        assert!(!strangers.may_load(address("2001:db8:1:2:ffff::9"), 0.0));
        assert!(strangers.may_load(address("2001:db8:1:3::1"), 0.0));
    }

    #[test]
    fn a_flood_from_everywhere_is_bounded_by_the_lots() {
        let mut strangers = Strangers::new();
        let mut loads = 0;
        for number in 0..1_000_000_u32 {
            let address = Some(IpAddr::from(number.to_be_bytes()));
            if strangers.may_load(address, 0.0) {
                strangers.note(address, 0.0, || 7);
                loads += 1;
            }
        }
        assert!(loads <= LOTS * BURST as usize);
    }
}
