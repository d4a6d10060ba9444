use crate::domain::RestrictionsPatch;
use crate::domain::restrictions::{DeltaDraft, IpRuleDraft, RateLimitDraft, RefillDraft};
use crate::http::fields::Fields;

/// The fields of a key that narrow it.
pub(in crate::http) fn restrictions(body: &mut Fields) -> RestrictionsPatch {
    RestrictionsPatch {
        credits: body.nested_list("credits", amount),
        refills: body.nested_list("refills", refill),
        credits_low_at: body.nested_list("credits_low_at", amount),
        signature_required: body.flag("signature_required"),
        ..importable_restrictions(body)
    }
}

/// Those of them that an import knows. Credits are not among them: the same line, imported again, would have to grant again.
pub(in crate::http) fn importable_restrictions(body: &mut Fields) -> RestrictionsPatch {
    RestrictionsPatch {
        ip_rules: body.nested_list("ip_rules", ip_rule),
        constraints: body.object("constraints"),
        rate_limits: body.nested_list("rate_limits", rate_limit),
        ..RestrictionsPatch::default()
    }
}

pub(super) fn ip_rule(fields: &mut Fields) -> IpRuleDraft {
    IpRuleDraft {
        action: fields.text("action").flatten(),
        cidr: fields.text("cidr").flatten(),
        note: fields.text("note").flatten(),
    }
}

/// An amount of something: what a key begins with, or what it gets or loses.
pub(super) fn amount(fields: &mut Fields) -> DeltaDraft {
    DeltaDraft { unit: fields.text("unit").flatten(), amount: fields.integer("amount").flatten() }
}

fn rate_limit(fields: &mut Fields) -> RateLimitDraft {
    RateLimitDraft {
        name: fields.text("name").flatten(),
        limit: fields.number("limit").flatten(),
        window_seconds: fields.number("window_seconds").flatten(),
        mode: fields.text("mode").flatten(),
    }
}

fn refill(fields: &mut Fields) -> RefillDraft {
    RefillDraft {
        unit: fields.text("unit").flatten(),
        amount: fields.number("amount").flatten(),
        every: fields.text("every").flatten(),
        up_to: fields.number("up_to").flatten(),
    }
}
