use std::collections::{BTreeMap, BTreeSet};

use latchkey_snapshot::id::Id;
use latchkey_snapshot::{Policy, ProfileView, RateLimitMode};
use latchkey_token::Environment;
use latchkey_validator::{Code, KeyView};
use serde::Serialize;

use crate::clock;

/// What the gate knows of a key, for its holder.
#[derive(Serialize)]
pub(super) struct View {
    id: String,
    environment: &'static str,
    /// `active`, `disabled` or `expired`.
    status: &'static str,
    /// What requests of the key get before anything of theirs is looked at.
    code: &'static str,
    /// `null`: never.
    expires_at: Option<String>,
    owner: Option<String>,
    /// Patterns: the key's own, and those of its roles.
    permissions: BTreeSet<String>,
    /// By name, the only values that requests may be about.
    constraints: BTreeMap<String, Vec<String>>,
    /// Whether it can only be used from some addresses. This one is among them.
    address_rules: bool,
    signature_required: bool,
    rate_limits: Vec<RateLimit>,
    usage_limited: bool,
    /// `null` unless usage-limited.
    credits: Option<Vec<Credits>>,
}

#[derive(Serialize)]
struct RateLimit {
    name: String,
    limit: u32,
    window_seconds: u32,
    mode: &'static str,
}

#[derive(Serialize)]
struct Credits {
    unit: String,
    granted: u64,
    /// `null` while the ledger cannot be asked.
    remaining: Option<u64>,
}

impl View {
    pub(super) fn set_remaining(&mut self, remaining: &BTreeMap<String, u64>) {
        for credits in self.credits.iter_mut().flatten() {
            credits.remaining = remaining.get(&credits.unit).copied();
        }
    }
}

pub(super) fn of(key: &KeyView<'_>, profile: &ProfileView<'_>, policy: &Policy, now: u64) -> View {
    let (status, code) = standing(key, profile, now);
    let constraints = profile.constraints.iter();
    let rate_limits = profile.rate_limits.iter();
    View {
        id: Id::new("key", key.number()).to_string(),
        environment: match key.environment() {
            Environment::Live => "live",
            Environment::Test => "test",
        },
        status,
        code: code.as_str(),
        expires_at: key.expires_at().map(|at| clock::timestamp(at as f64 * 1_000.0)),
        owner: profile.owner().map(str::to_owned),
        permissions: permissions(profile, policy),
        constraints: constraints
            .map(|(name, values)| (name.to_owned(), values.iter().map(str::to_owned).collect()))
            .collect(),
        address_rules: profile.ip_ranges.is_some(),
        signature_required: profile.signing_keys.is_some_and(|keys| keys.required()),
        rate_limits: rate_limits
            .map(|limit| RateLimit {
                name: limit.name.to_owned(),
                limit: limit.limit,
                window_seconds: limit.window_seconds,
                mode: match limit.mode {
                    RateLimitMode::Local => "local",
                    RateLimitMode::Exact => "exact",
                },
            })
            .collect(),
        usage_limited: profile.credits.is_some(),
        credits: profile.credits.map(|credits| {
            let credits = credits.iter();
            credits
                .map(|(unit, granted)| Credits { unit: unit.to_owned(), granted, remaining: None })
                .collect()
        }),
    }
}

/// In the order of spec/decision.md, steps 4 and 6.
fn standing(key: &KeyView<'_>, profile: &ProfileView<'_>, now: u64) -> (&'static str, Code) {
    if key.is_disabled() {
        ("disabled", Code::Disabled)
    } else if key.expires_at().is_some_and(|at| now >= at) {
        ("expired", Code::Expired)
    } else if profile.has_unknown_restriction {
        ("active", Code::RestrictionUnsupported)
    } else {
        ("active", Code::Valid)
    }
}

fn permissions(profile: &ProfileView<'_>, policy: &Policy) -> BTreeSet<String> {
    let roles: BTreeSet<u16> = profile.roles().collect();
    let of_roles = policy.roles.iter().filter(|role| roles.contains(&role.number));
    let of_roles = of_roles.flat_map(|role| role.grants.iter().map(String::as_str));
    profile.grants().chain(of_roles).map(str::to_owned).collect()
}
