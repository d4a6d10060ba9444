//! What narrows a key beyond its permissions. Most keys have nothing of it, and pay nothing for it.

mod change;
mod constraints;
mod credits;
mod ip_rules;
mod patch;
mod published;
mod rate_limits;
mod refills;
mod signing_keys;

use std::collections::BTreeMap;

use latchkey_snapshot::names::is_unit_name;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use change::RestrictionChange;
pub use credits::{CreditLevel, CreditUse, Credits, Delta, DeltaDraft, UnitStatus};
pub use ip_rules::{IpAction, IpRule, IpRuleDraft, IpVerdict, check_ip_rules, default_action, judge};
pub use patch::RestrictionsPatch;
pub use rate_limits::{RateLimit, RateLimitDraft, RateMode};
pub use refills::{Every, Refill, RefillDraft};
pub use signing_keys::{SigningKey, check_public_key};

/// What narrows a key. Its JSON is what is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Restrictions {
    /// From which addresses it may be used; the first match decides.
    pub ip_rules: Vec<IpRule>,
    /// Allowed values of what routes read from a request, by the names that routes give it.
    pub constraints: BTreeMap<String, Vec<String>>,
    /// How often it may be used.
    pub rate_limits: Vec<RateLimit>,
    /// How much it may use; absent: as much as it likes, and it never was otherwise.
    pub credits: Option<Credits>,
    /// By whose signatures its requests may be proved.
    pub signing_keys: Vec<SigningKey>,
    /// Whether each of its requests has to be signed.
    pub signature_required: bool,
}

impl Restrictions {
    /// Whether nothing narrows the key.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What the audit log keeps; nothing of what is not set.
    pub fn audit_view(&self) -> Value {
        let mut view = json!({});
        let mut keep = |name: &str, is_set: bool, value: Value| {
            if is_set {
                view[name] = value;
            }
        };
        keep("ip_rules", !self.ip_rules.is_empty(), json!(self.ip_rules));
        keep("constraints", !self.constraints.is_empty(), json!(self.constraints));
        keep("rate_limits", !self.rate_limits.is_empty(), json!(self.rate_limits));
        keep("credits", self.credits.is_some(), json!(self.credits));
        keep("signing_keys", !self.signing_keys.is_empty(), json!(self.signing_keys));
        keep("signature_required", self.signature_required, json!(self.signature_required));
        view
    }
}

/// Checks the name of a unit or a limit.
fn check_unit(name: &str) -> Result<(), &'static str> {
    let wanted = "must be a small letter and up to 31 more small letters, digits or characters of _.-";
    if is_unit_name(name) { Ok(()) } else { Err(wanted) }
}
