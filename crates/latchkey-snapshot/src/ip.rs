//! Address rules: an ordered list where keys are kept, ranges in a profile. `spec/snapshot.md` section 4.2.
//!
//! The encoder does the work once, so that a gate needs one binary search however many rules there are.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use ipnet::IpNet;

use crate::names::{require, within};
use crate::reader::Reader;
use crate::{Refusal, limits};

const V4_BYTES: usize = 4;
const V6_BYTES: usize = 16;
/// The first 96 bits of an IPv6 address that stands for an IPv4 address: `::ffff:0:0/96`.
const MAPPED_PREFIX: u8 = 96;

/// Allows or denies the addresses of a network. In a list of rules the first one that covers an address decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpRule {
    pub allow: bool,
    /// Bits behind the prefix do not matter. A network of IPv4-mapped IPv6 addresses is one of IPv4 addresses.
    pub net: IpNet,
}

/// What an address gets that no rule covers: allowed, unless some rule allows. Who lists what is allowed means nothing else.
pub fn default_allows(rules: &[IpRule]) -> bool {
    !rules.iter().any(|rule| rule.allow)
}

/// The position of the rule that decides on an address; `None` where the default does. For the publishing side: a gate has only ranges.
pub fn first_match(rules: &[IpRule], address: IpAddr) -> Option<usize> {
    let address = Number::of(address);
    rules.iter().position(|rule| Span::of(&rule.net).covers(address))
}

/// The addresses of one family as numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Number {
    V4(u128),
    V6(u128),
}

impl Number {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(u32::from(address).into()),
            IpAddr::V6(address) => Self::V6(address.into()),
        }
    }
}

/// First and last address of a network.
enum Span {
    V4(u128, u128),
    V6(u128, u128),
}

impl Span {
    fn of(net: &IpNet) -> Self {
        match (Number::of(net.network()), Number::of(net.broadcast())) {
            (Number::V4(first), Number::V4(last)) if is_ipv4(net) => Self::V4(first, last),
            _ => match net {
                IpNet::V4(net) => {
                    Self::V4(u32::from(net.network()).into(), u32::from(net.broadcast()).into())
                }
                IpNet::V6(net) => Self::V6(net.network().into(), net.broadcast().into()),
            },
        }
    }

    fn covers(&self, address: Number) -> bool {
        match (self, address) {
            (Self::V4(first, last), Number::V4(at)) | (Self::V6(first, last), Number::V6(at)) => {
                (*first..=*last).contains(&at)
            }
            _ => false,
        }
    }
}

/// A wider IPv6 network that holds the mapped addresses too says nothing of IPv4.
fn is_ipv4(net: &IpNet) -> bool {
    match net {
        IpNet::V4(_) => true,
        IpNet::V6(net) => net.prefix_len() >= MAPPED_PREFIX,
    }
}

/// The field of a profile: for each family the number of ranges (u16), then where each begins and whether it is allowed.
pub(crate) fn encode(rules: &[IpRule]) -> Result<Vec<u8>, Refusal> {
    within(rules.len(), 1..=limits::IP_RULES)?;
    let default = default_allows(rules);
    let v4 = rules.iter().rev().filter_map(|rule| match Span::of(&rule.net) {
        Span::V4(first, last) => Some((first, last, rule.allow)),
        Span::V6(..) => None,
    });
    let v6 = rules.iter().rev().filter_map(|rule| match Span::of(&rule.net) {
        Span::V6(first, last) => Some((first, last, rule.allow)),
        Span::V4(..) => None,
    });
    let mut out = Vec::new();
    write_ranges(&mut out, &ranges(v4, u32::MAX.into(), default), V4_BYTES)?;
    write_ranges(&mut out, &ranges(v6, u128::MAX, default), V6_BYTES)?;
    Ok(out)
}

fn write_ranges(out: &mut Vec<u8>, ranges: &[(u128, bool)], address_bytes: usize) -> Result<(), Refusal> {
    let count = u16::try_from(ranges.len()).map_err(|_| Refusal::LimitExceeded)?;
    out.extend_from_slice(&count.to_le_bytes());
    for (start, allow) in ranges {
        out.extend_from_slice(&start.to_be_bytes()[V6_BYTES - address_bytes..]);
        out.push(u8::from(*allow));
    }
    Ok(())
}

/// Paints the rules over the default, the last one first, so that the first one ends up on top.
fn ranges(
    last_first: impl Iterator<Item = (u128, u128, bool)>,
    highest: u128,
    default: bool,
) -> Vec<(u128, bool)> {
    let mut starts = BTreeMap::from([(0, default)]);
    for (first, last, allow) in last_first {
        let beyond = last.checked_add(1).filter(|beyond| *beyond <= highest);
        let follows = beyond.and_then(|beyond| starts.range(..=beyond).next_back().map(|(_, allow)| *allow));
        let covered: Vec<u128> = starts.range(first..=last).map(|(start, _)| *start).collect();
        for start in covered {
            starts.remove(&start);
        }
        starts.insert(first, allow);
        if let (Some(beyond), Some(follows)) = (beyond, follows) {
            starts.insert(beyond, follows);
        }
    }
    let mut merged: Vec<(u128, bool)> = Vec::with_capacity(starts.len());
    for (start, allow) in starts {
        if merged.last().is_none_or(|(_, before)| *before != allow) {
            merged.push((start, allow));
        }
    }
    merged
}

/// The compiled address rules of a key, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpRanges<'a> {
    v4: &'a [[u8; V4_BYTES + 1]],
    /// The IPv6 half as it is written. It is not touched for IPv4 addresses: it begins where memory is likely to be cold.
    v6: &'a [u8],
}

impl<'a> IpRanges<'a> {
    pub(crate) fn verify(value: &'a [u8]) -> Result<Self, Refusal> {
        let ranges = Self::read(value)?;
        check_ranges(ranges.v4)?;
        check_ranges(read_v6(ranges.v6)?)?;
        Ok(ranges)
    }

    /// For bytes that [`IpRanges::verify`] has accepted before. Of others no address would be allowed.
    pub(crate) fn of_verified(value: &'a [u8]) -> Self {
        Self::read(value).unwrap_or(Self { v4: &[], v6: &[] })
    }

    fn read(value: &'a [u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(value);
        let count = usize::from(reader.u16()?);
        let (v4, _) = reader.take(count * (V4_BYTES + 1))?.as_chunks();
        Ok(Self { v4, v6: reader.rest() })
    }

    /// Whether the key may be used from this address.
    pub fn allows(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => allows(self.v4, |start| u32::from_be_bytes(*start) <= address.into()),
            IpAddr::V6(address) => allows(self.v6(), |start| u128::from_be_bytes(*start) <= address.into()),
        }
    }

    /// How many ranges there are, of both families.
    pub fn count(&self) -> usize {
        self.v4.len() + self.v6().len()
    }

    /// The first and last address of each range from which the key may be used, IPv4 first, ascending: for people to read.
    pub fn allowed(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> + use<'a> {
        let v4 = spans(self.v4, u32::MAX.into());
        let v6 = spans(self.v6(), u128::MAX);
        // Starts and ends of the first family are 32 bits, as they were read.
        let v4 = v4.map(|(first, last)| {
            (Ipv4Addr::from_bits(first as u32).into(), Ipv4Addr::from_bits(last as u32).into())
        });
        v4.chain(
            v6.map(|(first, last)| (Ipv6Addr::from_bits(first).into(), Ipv6Addr::from_bits(last).into())),
        )
    }

    fn v6(&self) -> &'a [[u8; V6_BYTES + 1]] {
        read_v6(self.v6).unwrap_or_default()
    }
}

/// The ranges that allow, each with its end: where the next one begins, or `highest`.
fn spans<const N: usize>(
    ranges: &[[u8; N]],
    highest: u128,
) -> impl Iterator<Item = (u128, u128)> + use<'_, N> {
    let start =
        |range: &[u8; N]| range[..N - 1].iter().fold(0, |number: u128, byte| number << 8 | u128::from(*byte));
    ranges.iter().enumerate().filter(|(_, range)| range[N - 1] == 1).map(move |(at, range)| {
        let last = ranges.get(at + 1).map_or(highest, |next| start(next).saturating_sub(1));
        (start(range), last)
    })
}

fn read_v6(bytes: &[u8]) -> Result<&[[u8; V6_BYTES + 1]], Refusal> {
    let mut reader = Reader::new(bytes);
    let count = usize::from(reader.u16()?);
    let (ranges, _) = reader.take(count * (V6_BYTES + 1))?.as_chunks();
    reader.finish()?;
    Ok(ranges)
}

/// What the last range that begins at the address or before it says. Compared as numbers: as bytes it takes several times as long in Wasm.
fn allows<const N: usize, const BYTES: usize>(
    ranges: &[[u8; N]],
    begins_before: impl Fn(&[u8; BYTES]) -> bool,
) -> bool {
    let after = ranges.partition_point(|range| range.first_chunk().is_some_and(&begins_before));
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|range| range[N - 1] == 1)
}

/// From address 0 on, strictly ascending, and no two neighbours with one action: one set of rules, one encoding.
fn check_ranges<const N: usize>(ranges: &[[u8; N]]) -> Result<(), Refusal> {
    within(ranges.len(), 1..=limits::IP_RANGES)?;
    require(ranges[0][..N - 1].iter().all(|byte| *byte == 0))?;
    require(ranges.iter().all(|range| range[N - 1] <= 1))?;
    require(ranges.windows(2).all(|two| two[0][..N - 1] < two[1][..N - 1] && two[0][N - 1] != two[1][N - 1]))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn rules(texts: &[&str]) -> Vec<IpRule> {
        let rule = |text: &&str| {
            let (action, net) = text.split_once(' ').expect("an action and a network");
            IpRule { allow: action == "allow", net: net.parse().expect("a network") }
        };
        texts.iter().map(rule).collect()
    }

    fn compiled_allows(rules: &[IpRule], address: &str) -> bool {
        let bytes = encode(rules).expect("within limits");
        IpRanges::verify(&bytes).expect("canonical").allows(address.parse().expect("an address"))
    }

    #[test]
    fn the_first_rule_that_covers_an_address_decides() {
        let rules =
            rules(&["deny 10.1.0.0/16", "allow 10.0.0.0/8", "deny 10.1.2.3/32", "allow 2001:db8::/32"]);
        for (address, allowed) in [
            ("10.0.0.1", true),
            ("10.1.2.3", false),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("9.255.255.255", false),
            ("2001:db8::1", true),
            ("2001:db9::", false),
            ("::ffff:10.0.0.1", true),
            ("::ffff:10.1.0.1", false),
        ] {
            assert_eq!(compiled_allows(&rules, address), allowed, "{address}");
        }
    }

    #[test]
    fn ranges_are_listed_as_people_write_addresses() {
        let listed = |texts: &[&str]| {
            let bytes = encode(&rules(texts)).expect("within limits");
            let ranges = IpRanges::verify(&bytes).expect("canonical");
            ranges.allowed().map(|(first, last)| alloc::format!("{first} {last}")).collect::<Vec<_>>()
        };
        assert_eq!(
            listed(&["deny 10.1.0.0/16", "allow 10.0.0.0/8", "allow 2001:db8::/32"]),
            [
                "10.0.0.0 10.0.255.255",
                "10.2.0.0 10.255.255.255",
                "2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"
            ]
        );
        let rest = "::  ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".replace("  ", " ");
        assert_eq!(listed(&["deny 0.0.0.0/1"]), ["128.0.0.0 255.255.255.255", &rest]);
    }

    #[test]
    fn nothing_but_denials_leaves_the_rest_of_the_world_allowed() {
        let rules = rules(&["deny 0.0.0.0/1", "deny ::/1"]);
        for (address, allowed) in
            [("1.2.3.4", false), ("200.0.0.1", true), ("1::", false), ("ffff:ffff::", true)]
        {
            assert_eq!(compiled_allows(&rules, address), allowed, "{address}");
        }
    }

    #[test]
    fn an_allowed_network_of_one_family_denies_the_other_family() {
        assert!(!compiled_allows(&rules(&["allow 0.0.0.0/0"]), "2001:db8::1"));
        assert!(!compiled_allows(&rules(&["allow ::/0"]), "192.0.2.1"));
    }

    #[test]
    fn a_network_of_mapped_addresses_is_one_of_ipv4_and_a_wider_one_is_not() {
        assert!(compiled_allows(&rules(&["allow ::ffff:192.0.2.0/120"]), "192.0.2.7"));
        assert!(compiled_allows(&rules(&["allow ::ffff:0:0/96"]), "::ffff:192.0.2.7"));
        assert!(!compiled_allows(&rules(&["allow ::/80"]), "::ffff:192.0.2.7"));
    }

    #[test]
    fn refuses_every_encoding_that_another_one_could_say_better() {
        let v4 = |ranges: &[([u8; 4], u8)]| {
            let mut bytes = Vec::from((ranges.len() as u16).to_le_bytes());
            ranges.iter().for_each(|(start, action)| {
                bytes.extend_from_slice(start);
                bytes.push(*action);
            });
            bytes.extend_from_slice(&[1, 0]);
            bytes.extend_from_slice(&[0; 17]);
            IpRanges::verify(&bytes).map(|_| ())
        };
        assert_eq!(v4(&[([0; 4], 0), ([1; 4], 1)]), Ok(()));
        assert!(v4(&[]).is_err());
        assert!(v4(&[([1; 4], 0)]).is_err());
        assert!(v4(&[([0; 4], 2)]).is_err());
        assert!(v4(&[([0; 4], 0), ([1; 4], 0)]).is_err());
        assert!(v4(&[([0; 4], 0), ([2; 4], 1), ([1; 4], 0)]).is_err());
        assert!(encode(&[]).is_err());
        assert!(encode(&rules(&["allow 0.0.0.0/0"; 257])).is_err());
    }

    #[test]
    fn the_most_rules_fit_the_most_ranges() {
        let deny_hosts = (0..limits::IP_RULES as u32).map(|number| IpRule {
            allow: false,
            net: IpNet::from(IpAddr::from(Ipv4Addr::from(2 * number + 1))),
        });
        let bytes = encode(&deny_hosts.collect::<Vec<_>>()).expect("within limits");
        assert_eq!(IpRanges::verify(&bytes).expect("canonical").v4.len(), limits::IP_RANGES);
    }

    fn address() -> impl Strategy<Value = IpAddr> {
        // Few bits that vary, at both ends, so that networks and addresses meet.
        let v4 = (0..4_u32, 0..64_u32).prop_map(|(high, low)| Ipv4Addr::from(high << 30 | low).into());
        let v6 = (0..4_u128, 0..64_u128).prop_map(|(high, low)| Ipv6Addr::from(high << 126 | low).into());
        let mapped = (0..4_u32, 0..64_u32)
            .prop_map(|(high, low)| Ipv4Addr::from(high << 30 | low).to_ipv6_mapped().into());
        prop_oneof![v4, v6, mapped]
    }

    fn rule() -> impl Strategy<Value = IpRule> {
        (address(), 0..=128_u8, any::<bool>()).prop_map(|(address, bits, allow)| {
            let bits = if address.is_ipv4() { bits % 33 } else { bits };
            IpRule { allow, net: IpNet::new(address, bits).expect("few enough bits") }
        })
    }

    proptest! {
        #[test]
        fn ranges_say_what_the_ordered_rules_say(
            rules in proptest::collection::vec(rule(), 1..40), addresses in proptest::collection::vec(address(), 40),
        ) {
            let bytes = encode(&rules).expect("within limits");
            let ranges = IpRanges::verify(&bytes).expect("canonical");
            let ends = rules.iter().flat_map(|rule| [rule.net.network(), rule.net.broadcast()]);
            for address in addresses.into_iter().chain(ends) {
                let expected =
                    first_match(&rules, address).map_or(default_allows(&rules), |at| rules[at].allow);
                prop_assert_eq!(ranges.allows(address), expected, "{}", address);
                // Independently of spans: what `ipnet` itself says of addresses of one family.
                if let Some(by_net) = rules.iter().position(|rule| {
                    rule.net.contains(&address) && rule.net.network().to_canonical() == rule.net.network()
                }) && address.to_canonical() == address {
                    prop_assert!(first_match(&rules, address).is_some_and(|at| at <= by_net));
                }
            }
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = IpRanges::verify(&bytes).map(|ranges| ranges.allows(Ipv4Addr::LOCALHOST.into()));
        }
    }
}
