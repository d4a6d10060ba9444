use serde_json::{Map, Value};

use super::Restrictions;
use super::constraints::check_constraints;
use super::credits::{Credits, Delta, DeltaDraft};
use super::ip_rules::{IpRuleDraft, check_ip_rules};
use super::rate_limits::{RateLimitDraft, check_rate_limits};
use super::refills::{RefillDraft, check_refills};
use crate::domain::{FieldErrors, KeyId, Timestamp};

/// What a caller wants of [`Restrictions`]: absent fields stay, `Some(None)` goes back to the default, which narrows nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RestrictionsPatch {
    /// The whole list.
    pub ip_rules: Option<Option<Vec<IpRuleDraft>>>,
    /// The whole object, not merged into the old one.
    pub constraints: Option<Option<Map<String, Value>>>,
    /// The whole list.
    pub rate_limits: Option<Option<Vec<RateLimitDraft>>>,
    /// On creation, what the key begins with; later only `Some(None)`, which lifts the bound.
    pub credits: Option<Option<Vec<DeltaDraft>>>,
    /// The whole list.
    pub refills: Option<Option<Vec<RefillDraft>>>,
    /// The whole list: how much of each unit is left when somebody is to be told.
    pub credits_low_at: Option<Option<Vec<DeltaDraft>>>,
    /// See [`Restrictions::signature_required`].
    pub signature_required: Option<Option<bool>>,
}

impl RestrictionsPatch {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a new key begins with.
    pub fn begin(mut self, now: Timestamp, errors: &mut FieldErrors) -> Restrictions {
        let mut restrictions = Restrictions::default();
        if let Some(grants) = self.credits.take().flatten() {
            restrictions.credits = Some(check_first_grants(grants, errors));
        }
        self.apply(restrictions, now, errors)
    }

    /// Lays the patch over what is there, and notes wrong fields.
    pub fn apply(self, mut old: Restrictions, now: Timestamp, errors: &mut FieldErrors) -> Restrictions {
        if let Some(rules) = self.ip_rules {
            old.ip_rules = check_ip_rules(rules.unwrap_or_default(), "/ip_rules", errors);
        }
        if let Some(constraints) = self.constraints {
            old.constraints = check_constraints(constraints.unwrap_or_default(), errors);
        }
        if let Some(limits) = self.rate_limits {
            old.rate_limits = check_rate_limits(limits.unwrap_or_default(), errors);
        }
        if let Some(required) = self.signature_required {
            old.signature_required = required.unwrap_or_default();
        }
        match self.credits {
            Some(Some(_)) => {
                errors.add("/credits", "can only be null here; POST to :credits changes amounts")
            }
            Some(None) => {
                if let Some(credits) = &mut old.credits {
                    credits.limited = false;
                    credits.refills.clear();
                    credits.low_at.clear();
                }
            }
            None => {}
        }
        if let Some(refills) = self.refills {
            set_refills(refills.unwrap_or_default(), &mut old, now, errors);
        }
        if let Some(low_at) = self.credits_low_at {
            set_low_at(low_at.unwrap_or_default(), &mut old, errors);
        }
        old
    }
}

fn check_first_grants(grants: Vec<DeltaDraft>, errors: &mut FieldErrors) -> Credits {
    let grants = Delta::check_all(grants, "/credits", errors);
    for (at, grant) in grants.iter().enumerate() {
        if grant.amount < 0 {
            errors.add(format!("/credits/{at}/amount"), "must not be negative");
        }
    }
    let positive: Vec<_> = grants.into_iter().filter(|grant| grant.amount > 0).collect();
    // A first grant of so many units and so much cannot fail, and the number is not part of any message.
    Credits::of_limited_key().changed_by(&positive, KeyId(0)).unwrap_or_default()
}

fn set_refills(
    drafts: Vec<RefillDraft>,
    restrictions: &mut Restrictions,
    now: Timestamp,
    errors: &mut FieldErrors,
) {
    match restrictions.credits.as_mut().filter(|credits| credits.limited) {
        Some(credits) => {
            credits.refills = check_refills(drafts, &credits.refills, now, errors);
            credits.check_units(errors);
        }
        None if drafts.is_empty() => {}
        None => errors.add("/refills", "are for keys with credits, and this key may use as much as it likes"),
    }
}

fn set_low_at(drafts: Vec<DeltaDraft>, restrictions: &mut Restrictions, errors: &mut FieldErrors) {
    const FIELD: &str = "/credits_low_at";
    let Some(credits) = restrictions.credits.as_mut().filter(|credits| credits.limited) else {
        if !drafts.is_empty() {
            errors.add(FIELD, "is for keys with credits, and this key may use as much as it likes");
        }
        return;
    };
    let amounts = Delta::check_all(drafts, FIELD, errors);
    for (at, one) in amounts.iter().enumerate() {
        if one.amount < 0 {
            errors.add(format!("{FIELD}/{at}/amount"), "must not be negative");
        }
    }
    credits.low_at = amounts.into_iter().map(|one| (one.unit, one.amount.unsigned_abs())).collect();
}
