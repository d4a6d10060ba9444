use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::exit::Failure;
use crate::cli::keyspaces::set;

/// What narrows a key beyond its permissions.
#[derive(Debug, Args)]
pub(super) struct Restrictions {
    /// A network or address from which it may be used, and then from no others; repeat for several. Replaces the rules.
    #[arg(long, value_name = "CIDR")]
    allow_ip: Vec<String>,
    /// A network or address from which it may not be used; repeat for several. These rules come before those that allow.
    #[arg(long, value_name = "CIDR")]
    deny_ip: Vec<String>,
    /// Allowed values of what routes read from requests; repeat for several names. Replaces all of them.
    #[arg(long, value_name = "NAME=VALUE,…")]
    constraint: Vec<String>,
    /// How often it may be used, such as burst=100/60s, or burst=100/60s:exact for one count of all locations; repeat for several.
    /// Replaces the list.
    #[arg(long, value_name = "NAME=LIMIT/SPAN[:exact]")]
    rate_limit: Vec<String>,
    /// What it gets every day, week or month (UTC), such as requests=100/day, or requests=100/day:500 for no more than 500 left; repeat
    /// for several units. Replaces the list.
    #[arg(long, value_name = "UNIT=AMOUNT/day|week|month[:UP_TO]")]
    refill: Vec<String>,
    /// How little left of a unit webhooks are told of, such as requests=50; repeat for several units. Replaces the list.
    #[arg(long, value_name = "UNIT=AMOUNT")]
    credits_low_at: Vec<String>,
    /// Whether each of its requests has to be signed.
    #[arg(long, value_name = "true|false")]
    signature_required: Option<bool>,
}

impl Restrictions {
    pub(super) fn add_to(self, body: &mut Map<String, Value>) -> Result<(), Failure> {
        set(body, "ip_rules", ip_rules(self.allow_ip, self.deny_ip));
        set(body, "constraints", constraints(&self.constraint)?);
        set(body, "rate_limits", list(&self.rate_limit, rate_limit)?);
        set(body, "refills", list(&self.refill, refill)?);
        set(body, "credits_low_at", amounts(&self.credits_low_at, "--credits-low-at")?);
        set(body, "signature_required", self.signature_required);
        Ok(())
    }
}

/// Rules of networks, if there are any. An exception has to stand before what it is excepted from.
pub(super) fn ip_rules(allow: Vec<String>, deny: Vec<String>) -> Option<Vec<Value>> {
    let rule = |action: &str, cidr: String| json!({ "action": action, "cidr": cidr });
    let denied = deny.into_iter().map(|cidr| rule("deny", cidr));
    let rules: Vec<_> = denied.chain(allow.into_iter().map(|cidr| rule("allow", cidr))).collect();
    (!rules.is_empty()).then_some(rules)
}

/// Amounts of units, if there are any.
pub(super) fn amounts(texts: &[String], flag: &str) -> Result<Option<Vec<Value>>, Failure> {
    list(texts, |text| {
        let (unit, amount) = text.split_once('=')?;
        Some(json!({ "unit": unit, "amount": amount.parse::<u64>().ok()? }))
    })
    .map_err(|_| Failure::usage(format!("{flag} must be a unit and a number, such as requests=1000")))
}

fn constraints(texts: &[String]) -> Result<Option<Map<String, Value>>, Failure> {
    let mut constraints = Map::new();
    for text in texts {
        let (name, values) = text.split_once('=').ok_or_else(|| {
            Failure::usage("--constraint must be a name and values, such as network=Mainnet,Preprod")
        })?;
        constraints.insert(name.to_owned(), values.split(',').collect::<Vec<_>>().into());
    }
    Ok((!constraints.is_empty()).then_some(constraints))
}

fn list(texts: &[String], read: impl Fn(&str) -> Option<Value>) -> Result<Option<Vec<Value>>, Failure> {
    let wrong = || {
        Failure::usage(
            "--rate-limit must be such as burst=100/60s or burst=100/60s:exact, and --refill such as requests=100/day or \
             requests=100/day:500",
        )
    };
    let items = texts.iter().map(|text| read(text).ok_or_else(wrong)).collect::<Result<Vec<_>, _>>()?;
    Ok((!items.is_empty()).then_some(items))
}

fn rate_limit(text: &str) -> Option<Value> {
    let (name, rest) = text.split_once('=')?;
    let (rest, mode) = rest.split_once(':').unwrap_or((rest, "local"));
    let (limit, window) = rest.split_once('/')?;
    let window_seconds = crate::cli::input::seconds(window)?;
    let limit: u64 = limit.parse().ok()?;
    Some(json!({ "name": name, "limit": limit, "window_seconds": window_seconds, "mode": mode }))
}

fn refill(text: &str) -> Option<Value> {
    let (unit, rest) = text.split_once('=')?;
    let (rest, up_to) = match rest.split_once(':') {
        Some((rest, up_to)) => (rest, Some(up_to.parse::<u64>().ok()?)),
        None => (rest, None),
    };
    let (amount, every) = rest.split_once('/')?;
    let mut refill = json!({ "unit": unit, "amount": amount.parse::<u64>().ok()?, "every": every });
    if let Some(up_to) = up_to {
        refill["up_to"] = up_to.into();
    }
    Some(refill)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_become_what_the_api_takes() {
        assert_eq!(
            rate_limit("burst=100/2m:exact"),
            Some(json!({ "name": "burst", "limit": 100, "window_seconds": 120, "mode": "exact" }))
        );
        assert_eq!(
            refill("calls=5/week:50"),
            Some(json!({ "unit": "calls", "amount": 5, "every": "week", "up_to": 50 }))
        );
        for wrong in ["", "burst", "burst=100", "burst=x/60s", "burst=1/60", "burst=1/60x"] {
            assert_eq!(rate_limit(wrong), None, "{wrong}");
        }
        for wrong in ["calls=1", "calls=-1/day", "calls=1/day:x"] {
            assert_eq!(refill(wrong), None, "{wrong}");
        }
    }
}
