//! Where a webhook may lead. Whoever may set one must not be able to make the control plane speak to what only the control plane can
//! reach: its own machine, its network, the cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

const MAX_URL_BYTES: usize = 1_024;

/// Whether webhooks may lead to this machine: for development and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoopbackRule {
    /// They may not, and must be https.
    #[default]
    Refused,
    /// They may, also by http.
    Allowed,
}

impl LoopbackRule {
    /// Whether a connection to this address may be made.
    pub fn allows(self, address: IpAddr) -> bool {
        is_public(address) || (self == Self::Allowed && address.to_canonical().is_loopback())
    }
}

/// The address of a webhook, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// Takes an https address without credentials or fragment.
    ///
    /// # Errors
    /// A sentence for the caller who wrote it.
    pub fn parse(text: &str, loopback: LoopbackRule) -> Result<Self, String> {
        if text.len() > MAX_URL_BYTES {
            return Err(format!("must have at most {MAX_URL_BYTES} bytes"));
        }
        let url = Url::parse(text)
            .map_err(|_| "must be a URL such as https://hooks.example.com/latchkey".to_owned())?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err("must hold neither a user name or password nor a fragment".to_owned());
        }
        let literal = literal_host(&url);
        let is_local = url.host_str() == Some("localhost") || literal.is_some_and(is_loopback);
        match url.scheme() {
            "https" => {}
            "http" if is_local && loopback == LoopbackRule::Allowed => {}
            _ => return Err("must begin with https:// and name a host".to_owned()),
        }
        if literal.is_some_and(|address| !loopback.allows(address)) {
            return Err("must not lead to a private, local or reserved address".to_owned());
        }
        Ok(Self(url.as_str().to_owned()))
    }

    /// Takes an address that was checked before it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address that it names in digits, which no look-up will ever check.
    pub fn literal_address(&self) -> Option<IpAddr> {
        Url::parse(&self.0).ok().and_then(|url| literal_host(&url))
    }
}

/// `Url` has read every way to write an IPv4 address (`0x7f.1`, `2130706433`) into its four numbers.
fn literal_host(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether an address belongs to somebody out there: the special-purpose registries of IANA say which do not. IPv6 addresses that hold
/// an IPv4 address are what that one is, and those of retired transition mechanisms are refused.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match a {
        // This network, private, loopback.
        0 | 10 | 127 => true,
        // Shared by carriers (CGNAT).
        100 => (64..128).contains(&b),
        // Link-local: 169.254.169.254 is the metadata service of most clouds.
        169 => b == 254,
        172 => (16..32).contains(&b),
        // Protocol assignments, documentation, 6to4 relays, AS112, AMT, private.
        192 => matches!((b, c), (0, 0 | 2) | (31, 196) | (52, 193) | (88, 99) | (168, _) | (175, 48)),
        // Benchmarks and documentation.
        198 => matches!(b, 18 | 19) || (b, c) == (51, 100),
        203 => (b, c) == (0, 113),
        // Multicast, reserved, broadcast.
        224.. => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    if [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0] {
        // NAT64 leads to the IPv4 address in its last bytes.
        let [[i, j], [k, l]] = [g.to_be_bytes(), h.to_be_bytes()];
        return is_public_v4(Ipv4Addr::new(i, j, k, l));
    }
    // Only 2000::/3 is given out at all: that leaves out unspecified, loopback, IPv4-compatible, local NAT64, unique local, link-local,
    // site-local and multicast.
    let is_global_unicast = a & 0xe000 == 0x2000;
    let special = match a {
        // Protocol assignments with Teredo, ORCHID and benchmarks among them; documentation.
        0x2001 => b < 0x200 || b == 0xdb8,
        // 6to4: an IPv4 address, through whatever relay is near.
        0x2002 => true,
        0x3fff => b < 0x1000,
        _ => false,
    };
    is_global_unicast && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIAL: [(&str, &str); 40] = [
        ("unspecified", "0.0.0.0"),
        ("this network", "0.1.2.3"),
        ("private", "10.0.0.1"),
        ("private", "172.16.0.1"),
        ("private", "172.31.255.255"),
        ("private", "192.168.1.1"),
        ("carrier-grade NAT", "100.64.0.1"),
        ("carrier-grade NAT", "100.127.255.255"),
        ("loopback", "127.0.0.1"),
        ("loopback", "127.255.255.254"),
        ("link-local", "169.254.0.1"),
        ("metadata", "169.254.169.254"),
        ("protocol assignments", "192.0.0.8"),
        ("documentation", "192.0.2.1"),
        ("6to4 relay", "192.88.99.1"),
        ("benchmarks", "198.18.0.1"),
        ("documentation", "198.51.100.1"),
        ("documentation", "203.0.113.1"),
        ("multicast", "224.0.0.1"),
        ("multicast", "239.255.255.255"),
        ("reserved", "240.0.0.1"),
        ("broadcast", "255.255.255.255"),
        ("unspecified", "::"),
        ("loopback", "::1"),
        ("IPv4-mapped", "::ffff:127.0.0.1"),
        ("IPv4-mapped", "::ffff:169.254.169.254"),
        ("IPv4-compatible", "::7f00:1"),
        ("IPv4-compatible of a public address", "::808:808"),
        ("NAT64", "64:ff9b::7f00:1"),
        ("NAT64", "64:ff9b::a9fe:a9fe"),
        ("local NAT64", "64:ff9b:1::808:808"),
        ("6to4", "2002:7f00:1::"),
        ("6to4 of a public address", "2002:808:808::1"),
        ("Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
        ("documentation", "2001:db8::1"),
        ("documentation", "3fff:1::1"),
        ("unique local", "fd00::1"),
        ("metadata", "fd00:ec2::254"),
        ("link-local", "fe80::1"),
        ("multicast", "ff02::1"),
    ];

    #[test]
    fn w1_no_address_that_is_somebodys_own_is_public() {
        for (form, address) in SPECIAL {
            assert!(!is_public(address.parse().unwrap()), "{form} {address}");
        }
        for address in [
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn w1_a_url_that_names_such_an_address_is_refused_in_any_spelling() {
        for host in [
            "127.0.0.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "[::1]",
            "[::ffff:10.0.0.1]",
            "169.254.169.254",
        ] {
            let url = format!("https://{host}/hook");
            assert!(WebhookUrl::parse(&url, LoopbackRule::Refused).is_err(), "{url}");
        }
        for url in [
            "http://example.com/",
            "ftp://example.com/",
            "https://u:p@example.com/",
            "https://example.com/#x",
            "hook",
            "file:///etc/passwd",
        ] {
            assert!(WebhookUrl::parse(url, LoopbackRule::Allowed).is_err(), "{url}");
        }
        assert!(WebhookUrl::parse("https://hooks.example.com/a?b=c", LoopbackRule::Refused).is_ok());
    }

    #[test]
    fn w1_only_this_machine_is_opened_for_development_and_nothing_else() {
        for url in ["http://127.0.0.1:9/", "http://localhost/", "http://[::1]/", "https://127.0.0.1/"] {
            assert!(WebhookUrl::parse(url, LoopbackRule::Refused).is_err(), "{url}");
            assert!(WebhookUrl::parse(url, LoopbackRule::Allowed).is_ok(), "{url}");
        }
        for url in ["http://10.0.0.1/", "https://10.0.0.1/", "http://169.254.169.254/", "http://[fd00::1]/"] {
            assert!(WebhookUrl::parse(url, LoopbackRule::Allowed).is_err(), "{url}");
        }
    }
}
