//! Words for what a decision looked at. Nothing here decides.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use latchkey_snapshot::{Constraints, Environment, ProfileView, RouteSignature, RowView, UpstreamCredential};
use latchkey_token::Tag;

use crate::decide::Presented;
use crate::explain::Description;
use crate::path::CanonicalPath;
use crate::reads::Read;
use crate::rules::RouteRules;
use crate::text::Text;
use crate::{Code, Credential, GateView, Loaded, RequestFacts, Rules};

impl Description {
    pub(crate) fn of(input: impl Into<String>) -> Self {
        Self { input: input.into(), detail: String::new() }
    }

    fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

pub(crate) fn credential(facts: &RequestFacts<'_>, presented: &Result<Presented<'_>, Code>) -> Description {
    let place = match facts.credential {
        Credential::Missing => "none",
        Credential::Authorization(_) => "the Authorization header",
        Credential::Token(_) => "a token",
        Credential::Digest(_) => "the digest of a token",
        Credential::Conflicting => "different tokens in different headers",
    };
    let description = Description::of(place);
    match presented {
        Ok(Presented::Token(token)) => description.with(format!("begins with {}", token.start())),
        _ => description,
    }
}

pub(crate) fn snapshot(gate: &GateView<'_>, now: u64) -> Description {
    let Some(loaded) = gate.loaded else { return Description::of("none is loaded") };
    let head = loaded.snapshot.head().head();
    Description::of(format!(
        "seq {}, fresh until {}, valid until {}, now {now}",
        head.seq, head.fresh_until, head.valid_until
    ))
}

pub(crate) fn token(Tag(tag): &Tag, row: Option<&RowView<'_>>) -> Description {
    let hex: String = tag[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let description = Description::of(format!("tag {hex}…"));
    match row {
        Some(row) => description.with(latchkey_snapshot::id::Id::new("key", row.key_number()).to_string()),
        None => description,
    }
}

pub(crate) fn expiry(row: &RowView<'_>, now: u64) -> Description {
    Description::of(match row.expires_at() {
        Some(at) => format!("expires at {at}, now {now}"),
        None => String::from("never expires"),
    })
}

pub(crate) fn environment(row: &RowView<'_>, served: Environment) -> Description {
    let own = if row.is_live() { "live" } else { "test" };
    Description::of(format!("a {own} key, where {} keys are served", served.as_str()))
}

pub(crate) fn address(facts: &RequestFacts<'_>, profile: &ProfileView<'_>) -> Description {
    let address =
        facts.address().map_or_else(|| String::from("no usable address"), |address| address.to_string());
    Description::of(address).with(match &profile.ip_ranges {
        None => String::from("the key has no address rules"),
        Some(ranges) => format!("the key's rules make {} ranges", ranges.count()),
    })
}

pub(crate) fn route(facts: &RequestFacts<'_>, loaded: &Loaded<'_>, index: Option<u16>) -> Description {
    let target = String::from_utf8_lossy(facts.target);
    let path = target.split('?').next().unwrap_or_default();
    let description = Description::of(format!("{} {path}", facts.method));
    let routes = &loaded.snapshot.policy().policy().routes;
    match index.and_then(|index| Some((index, routes.get(usize::from(index))?))) {
        Some((index, route)) => description.with(format!("route {index}: {} {}", route.method, route.path)),
        None => description,
    }
}

pub(crate) fn permission(rules: &Rules, route: &RouteRules, profile: &ProfileView<'_>) -> Description {
    let roles: Vec<String> = profile.roles().map(|number| number.to_string()).collect();
    let grants: Vec<&str> = profile.grants().collect();
    let wanted = rules.permission(route).unwrap_or("none is asked for");
    Description::of(wanted).with(format!(
        "the key is granted [{}] and has roles [{}]",
        grants.join(", "),
        roles.join(", ")
    ))
}

pub(crate) fn constraints(
    reads: &[Read],
    limited_to: &Constraints<'_>,
    facts: &RequestFacts<'_>,
    path: CanonicalPath<'_>,
    broken: Option<&Read>,
) -> Description {
    let relevant = reads.iter().filter(|read| limited_to.get(&read.name).is_some());
    let inputs: Vec<String> = relevant
        .map(|read| match read.value(facts, path) {
            Ok(Some(text)) => format!("{} is {:?} ({})", read.name, shown(&text), read.place()),
            Ok(None) => format!("{} is absent ({})", read.name, read.place()),
            Err(_) => format!("{} has no single value ({})", read.name, read.place()),
        })
        .collect();
    let description = Description::of(inputs.join(", "));
    match broken.and_then(|read| Some((read, limited_to.get(&read.name)?))) {
        Some((read, values)) => {
            let allowed: Vec<&str> = values.iter().collect();
            description.with(format!("the key is limited to {} in [{}]", read.name, allowed.join(", ")))
        }
        None => description,
    }
}

fn shown(text: &Text<'_>) -> String {
    let bytes: Vec<u8> = text.decoded().map_while(Result::ok).take(128).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn signature(profile: &ProfileView<'_>, wanted: Option<&RouteSignature>) -> Description {
    let ids: Vec<&str> = profile.signing_keys.iter().flat_map(|keys| keys.iter().map(|(id, _)| id)).collect();
    let by_key = profile.signing_keys.is_some_and(|keys| keys.required());
    let by_route = wanted.is_some_and(|wanted| wanted.required);
    let who = match (by_key, by_route) {
        (true, _) => "required by the key",
        (false, true) => "required by the route",
        (false, false) => "not required, but must verify if present",
    };
    let description = Description::of(format!("{who}; the key's public keys are [{}]", ids.join(", ")));
    if ids.is_empty() {
        description
    } else {
        description.with("to be settled: the signature is verified by the gate")
    }
}

pub(crate) fn rate_limits(profile: &ProfileView<'_>, cost: u32) -> Description {
    let limits: Vec<String> = profile
        .rate_limits
        .iter()
        .map(|limit| format!("{}: {} in {} s", limit.name, limit.limit, limit.window_seconds))
        .collect();
    Description::of(format!("counts {cost} in [{}]", limits.join(", ")))
        .with("to be settled: requests are counted by the gate")
}

pub(crate) fn credits(profile: &ProfileView<'_>, route: &RouteRules) -> Description {
    let cost: Vec<String> = route.costs.iter().map(|(unit, amount)| format!("{amount} {unit}")).collect();
    let grants: Vec<String> = profile
        .credits
        .iter()
        .flat_map(|credits| credits.iter().map(|(unit, granted)| format!("{granted} {unit}")))
        .collect();
    let short = route.costs.iter().find(|(unit, amount)| {
        profile.credits.and_then(|credits| credits.granted(unit)) < Some(u64::from(*amount))
    });
    Description::of(format!("costs [{}]; ever granted: [{}]", cost.join(", "), grants.join(", "))).with(
        match short {
            Some((unit, _)) => format!("too few credits of {unit} were ever granted"),
            None => String::from("to be settled: what is left is known to the ledger"),
        },
    )
}

pub(crate) fn upstream_credential(found: Option<&UpstreamCredential>) -> Description {
    match found {
        Some(credential) => Description::of(credential.name.clone())
            .with(format!("to be settled: the gate adds it as {}", credential.header)),
        None => Description::of("none with the name that the route asks for"),
    }
}
