//! What narrows a key, in the form in which gates get it.

use latchkey_snapshot as snapshot;

use super::{Credits, IpAction, IpRule, RateLimit, RateMode, Restrictions};

impl Restrictions {
    /// The fields of a profile that narrow the key; the others are empty.
    pub fn published(&self) -> snapshot::Profile {
        let credits = self.credits.as_ref().filter(|credits| credits.limited);
        let keys = self.signing_keys.iter().map(|key| (key.id.to_string(), key.public_key));
        snapshot::Profile {
            ip_rules: published_rules(&self.ip_rules),
            constraints: self.constraints.clone(),
            rate_limits: self.rate_limits.iter().map(published_limit).collect(),
            credits: credits.map(published_credits),
            signing_keys: snapshot::SigningKeys { required: self.signature_required, keys: keys.collect() },
            ..snapshot::Profile::default()
        }
    }
}

pub(super) fn published_rules(rules: &[IpRule]) -> Vec<snapshot::ip::IpRule> {
    let published =
        |rule: &IpRule| snapshot::ip::IpRule { allow: rule.action == IpAction::Allow, net: rule.cidr };
    rules.iter().map(published).collect()
}

fn published_limit(limit: &RateLimit) -> snapshot::RateLimit {
    snapshot::RateLimit {
        name: limit.name.clone(),
        limit: limit.limit,
        window_seconds: limit.window_seconds,
        mode: match limit.mode {
            RateMode::Local => snapshot::RateLimitMode::Local,
            RateMode::Exact => snapshot::RateLimitMode::Exact,
        },
    }
}

fn published_credits(credits: &Credits) -> snapshot::Credits {
    snapshot::Credits { grant_seq: credits.grant_seq, granted: credits.granted.clone() }
}
