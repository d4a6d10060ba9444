use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use crate::domain::Timestamp;

/// Failed attempts of one address that may follow at once, and the milliseconds that bring one more.
const OF_AN_ADDRESS: Pace = Pace { burst: 10, interval: 6_000 };
/// The same for all addresses together: nobody guesses a token of 256 bits, so this only bounds the work.
const OF_ALL: Pace = Pace { burst: 100, interval: 50 };
/// Addresses that are remembered; a further one is held to the pace of all alone.
const MAX_ADDRESSES: usize = 10_000;

/// How often sign-in may fail, from one address and from all.
///
/// In the memory of this process: a restart may forget it.
#[derive(Debug, Default)]
pub struct SignInThrottle {
    paces: Mutex<Paces>,
}

#[derive(Debug, Default)]
struct Paces {
    all: i64,
    addresses: HashMap<IpAddr, i64>,
}

#[derive(Clone, Copy)]
struct Pace {
    burst: i64,
    interval: i64,
}

impl SignInThrottle {
    /// Takes an attempt before it is known how it ends.
    ///
    /// # Errors
    /// There were too many; the seconds after which one may follow.
    pub fn take(&self, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let Paces { all, addresses } = &mut *paces;
        let address = network_of(address);
        if addresses.len() >= MAX_ADDRESSES {
            addresses.retain(|_, until| *until > now.0);
        }
        let is_full = addresses.len() >= MAX_ADDRESSES && !addresses.contains_key(&address);
        let mut beyond = 0;
        let own = if is_full { &mut beyond } else { addresses.entry(address).or_insert(0) };
        // Both are looked at before either is used up: who is refused by one takes nothing of the other.
        let (next_own, next_all) = (OF_AN_ADDRESS.next(*own, now)?, OF_ALL.next(*all, now)?);
        (*own, *all) = (next_own, next_all);
        Ok(())
    }

    /// Gives an attempt back that succeeded.
    pub fn give_back(&self, address: IpAddr, now: Timestamp) {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        paces.all -= OF_ALL.interval;
        let address = network_of(address);
        if let Some(until) = paces.addresses.get_mut(&address) {
            *until -= OF_AN_ADDRESS.interval;
            if *until <= now.0 {
                paces.addresses.remove(&address);
            }
        }
    }
}

impl Pace {
    /// Until when attempts so far reach, with one more: each reaches for an interval behind the one before.
    fn next(self, until: i64, now: Timestamp) -> Result<i64, u64> {
        let most = now.0.saturating_add(self.burst * self.interval);
        // Only a clock that went back puts it further ahead; nobody is to wait for the clock to catch up.
        let next = until.clamp(now.0, most).saturating_add(self.interval);
        let excess = next - most;
        if excess <= 0 { Ok(next) } else { Err(u64::try_from(excess).unwrap_or(0).div_ceil(1_000)) }
    }
}

/// Whoever has an IPv6 address has 2^64 of them.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_ten_failures_and_one_more_every_six_seconds() {
        let throttle = SignInThrottle::default();
        let one = address("203.0.113.7");
        assert!((0..10).all(|_| throttle.take(one, NOW).is_ok()));
        assert_eq!(throttle.take(one, NOW), Err(6));
        assert_eq!(throttle.take(one, NOW.plus_seconds(5)), Err(1));
        assert_eq!(throttle.take(one, NOW.plus_seconds(6)), Ok(()));
        assert_eq!(throttle.take(address("203.0.113.8"), NOW.plus_seconds(6)), Ok(()));
        assert_eq!(throttle.take(one, Timestamp(0)), Err(6), "a clock that goes back is not waited for");
    }

    #[test]
    fn the_addresses_of_one_network_are_one() {
        let throttle = SignInThrottle::default();
        let take = |last: u16| throttle.take(address(&format!("2001:db8:1:2::{last:x}")), NOW);
        assert!((0..10).all(|last| take(last).is_ok()));
        assert!(take(99).is_err());
        assert!(throttle.take(address("2001:db8:1:3::1"), NOW).is_ok());
    }

    #[test]
    fn all_addresses_together_have_a_pace_too() {
        let throttle = SignInThrottle::default();
        let take = |number: u32| throttle.take(std::net::Ipv4Addr::from_bits(number).into(), NOW);
        assert!((0..100).all(|number| take(number).is_ok()));
        assert_eq!(take(100), Err(1));
    }

    #[test]
    fn what_succeeds_costs_nothing() {
        let throttle = SignInThrottle::default();
        let one = address("203.0.113.7");
        for _ in 0..1_000 {
            throttle.take(one, NOW).unwrap();
            throttle.give_back(one, NOW);
        }
    }
}
