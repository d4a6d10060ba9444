//! From which addresses a key may be used: an ordered list of rules, of which the first that matches decides.
//!
//! An address that no rule matches is let in, unless there is a rule that allows: then the list says who may come, and
//! everybody else may not.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use latchkey_snapshot::ip;
use serde::{Deserialize, Serialize};

use super::published::published_rules;
use crate::domain::{FieldErrors, text};

const MAX_RULES: usize = 256;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpAction {
    /// It may pass.
    Allow,
    /// It is refused.
    Deny,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpRule {
    /// What happens to requests from the network.
    pub action: IpAction,
    /// The network. IPv4 that is mapped into IPv6 is IPv4 here.
    pub cidr: IpNet,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A rule as a caller gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpRuleDraft {
    /// `allow` or `deny`.
    pub action: Option<String>,
    /// A network such as `10.0.0.0/8`, or one address.
    pub cidr: Option<String>,
    /// At most 1,000 characters.
    pub note: Option<String>,
}

/// What a list of rules says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpVerdict {
    /// Whether the address may use the key.
    pub allowed: bool,
    /// The place of the rule that decided, from 0; nothing if none matched.
    pub matched: Option<usize>,
}

/// What happens to addresses that no rule matches.
pub fn default_action(rules: &[IpRule]) -> IpAction {
    if ip::default_allows(&published_rules(rules)) { IpAction::Allow } else { IpAction::Deny }
}

/// Asks the rules, in their order, of an address.
pub fn judge(rules: &[IpRule], address: IpAddr) -> IpVerdict {
    let matched = ip::first_match(&published_rules(rules), address);
    let action = matched.map_or_else(|| default_action(rules), |at| rules[at].action);
    IpVerdict { allowed: action == IpAction::Allow, matched }
}

/// Checks a list of rules.
pub fn check_ip_rules(drafts: Vec<IpRuleDraft>, field: &str, errors: &mut FieldErrors) -> Vec<IpRule> {
    if drafts.len() > MAX_RULES {
        errors.add(field, format!("must have at most {MAX_RULES} entries"));
        return Vec::new();
    }
    let mut rules: Vec<IpRule> = Vec::with_capacity(drafts.len());
    for (at, draft) in drafts.into_iter().enumerate() {
        let field = |name: &str| format!("{field}/{at}/{name}");
        let action = errors.required(&field("action"), draft.action);
        let action = action.and_then(|text| errors.check(field("action"), parse_action(&text)));
        let cidr = errors.required(&field("cidr"), draft.cidr);
        let cidr = cidr.and_then(|text| errors.check(field("cidr"), parse_network(&text)));
        let note = draft.note.and_then(|note| errors.check(field("note"), text::description(note)));
        let (Some(action), Some(cidr)) = (action, cidr) else { continue };
        if rules.iter().any(|rule| rule.cidr == cidr) {
            errors.add(field("cidr"), "stands in the list twice; only the first of the two can match");
        }
        rules.push(IpRule { action, cidr, note });
    }
    rules
}

fn parse_action(text: &str) -> Result<IpAction, &'static str> {
    match text {
        "allow" => Ok(IpAction::Allow),
        "deny" => Ok(IpAction::Deny),
        _ => Err("must be allow or deny"),
    }
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let network = network.ok_or("must be a network such as 10.0.0.0/8 or 2001:db8::/32, or one address")?;
    let network = unmapped(network);
    if network.trunc() != network {
        return Err(format!(
            "has bits behind its prefix; write {} if that is what you mean",
            network.trunc()
        ));
    }
    Ok(network)
}

/// Gates see an IPv4 client as IPv4 however its address is written, so rules have to as well.
fn unmapped(network: IpNet) -> IpNet {
    const MAPPED_BITS: u8 = 96;
    if let IpNet::V6(mapped) = network
        && let Some(address) = mapped.addr().to_ipv4_mapped()
        && let Some(bits) = mapped.prefix_len().checked_sub(MAPPED_BITS)
        && let Ok(plain) = Ipv4Net::new(address, bits)
    {
        return IpNet::V4(plain);
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(list: &[(&str, &str)]) -> Result<Vec<IpRule>, FieldErrors> {
        let drafts = list.iter().map(|(action, cidr)| IpRuleDraft {
            action: Some((*action).into()),
            cidr: Some((*cidr).into()),
            note: None,
        });
        let mut errors = FieldErrors::default();
        let rules = check_ip_rules(drafts.collect(), "/ip_rules", &mut errors);
        errors.into_result().map(|()| rules)
    }

    fn allows(list: &[(&str, &str)], address: &str) -> bool {
        judge(&rules(list).unwrap(), address.parse().unwrap()).allowed
    }

    #[test]
    fn the_first_match_decides_and_one_allow_makes_it_a_list_of_guests() {
        let list = [("deny", "10.1.0.0/16"), ("allow", "10.0.0.0/8"), ("allow", "2001:db8::/32")];
        assert!(!allows(&list, "10.1.2.3") && allows(&list, "10.2.2.3"));
        assert!(allows(&list, "2001:db8::1") && !allows(&list, "192.0.2.1") && !allows(&list, "::1"));
        let only_denied = [("deny", "10.0.0.0/8")];
        assert!(!allows(&only_denied, "10.0.0.1") && allows(&only_denied, "192.0.2.1"));
        assert!(allows(&[], "192.0.2.1"));
    }

    #[test]
    fn ipv4_is_the_same_however_it_is_written() {
        assert!(!allows(&[("deny", "192.0.2.1")], "::ffff:192.0.2.1"));
        let mapped = rules(&[("deny", "::ffff:10.0.0.0/104")]).unwrap();
        assert_eq!(mapped[0].cidr.to_string(), "10.0.0.0/8");
        assert!(allows(&[("deny", "::/0")], "::ffff:192.0.2.1"));
    }

    #[test]
    fn wrong_networks_are_named_with_their_place() {
        let list = [("maybe", "10.0.0.1/8"), ("deny", "10.0.0.0/33"), ("deny", "example.com")];
        let errors = rules(&list).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            ["/ip_rules/0/action", "/ip_rules/0/cidr", "/ip_rules/1/cidr", "/ip_rules/2/cidr"]
        );
        assert!(errors.to_string().contains("10.0.0.0/8"));
        assert!(rules(&[("deny", "10.0.0.0/8"), ("allow", "10.0.0.0/8")]).is_err());
    }
}
