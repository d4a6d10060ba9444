use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::schema::{EveryName, IpActionName, RateModeName};
use crate::domain::restrictions::{
    Every, IpAction, IpRule, RateLimit, RateMode, Refill, SigningKey, UnitStatus,
};
use crate::domain::{Restrictions, Timestamp};

/// What narrows a key beyond its permissions.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RestrictionsView {
    /// From which addresses it may be used; the first rule that matches decides.
    ip_rules: Vec<IpRuleView>,
    /// Allowed values of what routes read from requests.
    #[schema(example = json!({"network": ["Mainnet"]}))]
    constraints: BTreeMap<String, Vec<String>>,
    rate_limits: Vec<RateLimitView>,
    /// How much it may use; `null`: as much as it likes.
    credits: Option<Vec<UnitView>>,
    /// What the calendar gives it.
    refills: Vec<RefillView>,
    /// Of what how much is left when webhooks are told that it is low.
    credits_low_at: Vec<AmountView>,
    /// By whose signatures its requests may be proved.
    signing_keys: Vec<SigningKeyView>,
    /// Whether each request has to be signed.
    signature_required: bool,
}

/// A rule about addresses.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct IpRuleView {
    #[schema(value_type = IpActionName)]
    action: IpAction,
    #[schema(example = "10.0.0.0/8")]
    cidr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// How often a key may be used in a window of time.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RateLimitView {
    name: String,
    limit: u32,
    window_seconds: u32,
    #[schema(value_type = RateModeName)]
    mode: RateMode,
}

/// How one unit of a key's credits stands.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct UnitView {
    #[schema(example = "requests")]
    unit: String,
    /// All that was ever granted.
    granted: u64,
    /// All that was ever used, as gates last reported it.
    consumed: u64,
    /// What of that was in the hands of a gate that was lost, and may not have been used.
    written_off: u64,
    /// What is left.
    remaining: u64,
}

/// How much of something.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct AmountView {
    #[schema(example = "requests")]
    unit: String,
    amount: u64,
}

/// What the calendar gives.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RefillView {
    unit: String,
    amount: u64,
    #[schema(value_type = EveryName)]
    every: Every,
    /// Only as much as brings what is left up to this.
    up_to: Option<u64>,
    /// When it comes next.
    #[schema(value_type = String, format = DateTime)]
    next_at: Timestamp,
}

/// A pair that may sign a key's requests. The private half is not kept.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SigningKeyView {
    /// It is the `keyid` of signatures.
    #[schema(example = "sk_06nd5xbm0q3tz")]
    id: String,
    #[schema(example = "ed25519")]
    algorithm: &'static str,
    /// 32 bytes in base64url without padding.
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    public_key: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Restrictions> for RestrictionsView {
    fn from(restrictions: Restrictions) -> Self {
        let credits = restrictions.credits.filter(|credits| credits.limited);
        let refills =
            credits.iter().flat_map(|credits| credits.refills.iter().cloned().map(refill)).collect();
        let low_at = credits.iter().flat_map(|credits| credits.low_at.clone());
        let credits_low_at = low_at.map(|(unit, amount)| AmountView { unit, amount }).collect();
        Self {
            ip_rules: ip_rules(restrictions.ip_rules),
            constraints: restrictions.constraints,
            rate_limits: restrictions.rate_limits.into_iter().map(rate_limit).collect(),
            credits: credits.map(|credits| credits.status().map(unit).collect()),
            refills,
            credits_low_at,
            signing_keys: restrictions.signing_keys.iter().map(SigningKeyView::of).collect(),
            signature_required: restrictions.signature_required,
        }
    }
}

impl SigningKeyView {
    pub(super) fn of(key: &SigningKey) -> Self {
        Self {
            id: key.id.to_string(),
            algorithm: "ed25519",
            public_key: key.public_key_text(),
            created_at: key.created_at,
        }
    }
}

pub(super) fn ip_rules(rules: Vec<IpRule>) -> Vec<IpRuleView> {
    let view =
        |rule: IpRule| IpRuleView { action: rule.action, cidr: rule.cidr.to_string(), note: rule.note };
    rules.into_iter().map(view).collect()
}

fn rate_limit(limit: RateLimit) -> RateLimitView {
    let RateLimit { name, limit, window_seconds, mode } = limit;
    RateLimitView { name, limit, window_seconds, mode }
}

fn unit(status: UnitStatus) -> UnitView {
    let UnitStatus { unit, granted, consumed, written_off, remaining } = status;
    UnitView { unit, granted, consumed, written_off, remaining }
}

fn refill(refill: Refill) -> RefillView {
    let Refill { unit, amount, every, up_to, next_at } = refill;
    RefillView { unit, amount, every, up_to, next_at }
}
