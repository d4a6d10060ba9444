use latchkey_token::TokenShapes;
use serde::Serialize;

use super::FieldErrors;

/// Most keys that a quota can name: above it a quota says nothing.
const MAX_QUOTA: u64 = 1_000_000_000;
/// Longest time for which requests are kept, in days.
const MAX_REQUEST_LOG_DAYS: u64 = 90;
/// Ten years: days of retention and of a default lifetime.
const MAX_DAYS: u64 = 3_650;

/// How a keyspace treats its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRules {
    /// Most keys that are not revoked, in the keyspace.
    pub keys_quota: Option<u64>,
    /// Most keys that are not revoked, of one owner. Keys without an owner share one.
    pub owner_quota: Option<u64>,
    /// What happens to a key whose token was found in public.
    pub leak_policy: LeakPolicy,
    /// For how many days a revoked key is kept and can be restored, 1 to 3,650.
    pub retention_days: u32,
    /// Days that a key lives if its creator says nothing; `None`: for ever.
    pub default_expiry_days: Option<u32>,
    /// Whether tokens of somebody else's making are good here.
    pub foreign_tokens: bool,
    /// For how many days the requests that gates report are kept, 0 to 90. 0: only counts are.
    pub request_log_days: u32,
}

/// What happens to a key whose token was found in public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LeakPolicy {
    /// It is revoked, and cannot be restored.
    #[default]
    Revoke,
    /// It is switched off until somebody has looked at it.
    Disable,
    /// It works on; the finding is noted.
    Notify,
}

/// What a caller wants of [`KeyRules`]: absent fields stay, `Some(None)` goes back to the default, which for quotas is none,
/// and for the expiry means never.
#[derive(Clone, Debug, Default)]
pub struct KeyRulesPatch {
    /// See [`KeyRules::keys_quota`].
    pub keys_quota: Option<Option<u64>>,
    /// See [`KeyRules::owner_quota`].
    pub owner_quota: Option<Option<u64>>,
    /// See [`KeyRules::leak_policy`].
    pub leak_policy: Option<Option<String>>,
    /// See [`KeyRules::retention_days`].
    pub retention_days: Option<Option<u64>>,
    /// `Some(None)`: never.
    pub default_expiry_days: Option<Option<u64>>,
    /// See [`KeyRules::foreign_tokens`].
    pub foreign_tokens: Option<Option<bool>>,
    /// See [`KeyRules::request_log_days`].
    pub request_log_days: Option<Option<u64>>,
}

impl Default for KeyRules {
    fn default() -> Self {
        Self {
            keys_quota: None,
            owner_quota: None,
            leak_policy: LeakPolicy::Revoke,
            retention_days: 30,
            default_expiry_days: Some(90),
            foreign_tokens: false,
            request_log_days: 7,
        }
    }
}

impl KeyRules {
    /// Shapes of token that gates of the keyspace take.
    pub fn token_shapes(&self) -> TokenShapes {
        if self.foreign_tokens { TokenShapes::AlsoForeign } else { TokenShapes::OnlyLatchkey }
    }
}

impl LeakPolicy {
    /// Its stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoke => "revoke",
            Self::Disable => "disable",
            Self::Notify => "notify",
        }
    }

    /// Reads its name.
    ///
    /// # Errors
    /// A sentence for the caller who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "revoke" => Ok(Self::Revoke),
            "disable" => Ok(Self::Disable),
            "notify" => Ok(Self::Notify),
            _ => Err("must be revoke, disable or notify".to_owned()),
        }
    }
}

impl KeyRulesPatch {
    /// Lays the patch over the rules as they are, and notes wrong fields.
    pub fn apply(self, rules: &KeyRules, errors: &mut FieldErrors) -> KeyRules {
        let defaults = KeyRules::default();
        let mut rules = rules.clone();
        if let Some(quota) = self.keys_quota {
            rules.keys_quota = check_number("/quotas/keys", quota, MAX_QUOTA, errors);
        }
        if let Some(quota) = self.owner_quota {
            rules.owner_quota = check_number("/quotas/keys_per_owner", quota, MAX_QUOTA, errors);
        }
        if let Some(policy) = self.leak_policy {
            let parsed = policy.and_then(|text| errors.check("/leak_policy", LeakPolicy::parse(&text)));
            rules.leak_policy = parsed.unwrap_or(defaults.leak_policy);
        }
        if let Some(days) = self.retention_days {
            let days = check_number("/retention_days", days, MAX_DAYS, errors);
            rules.retention_days = days.map_or(defaults.retention_days, |days| days as u32);
        }
        if let Some(days) = self.default_expiry_days {
            let days = check_number("/default_expiry_days", days, MAX_DAYS, errors);
            rules.default_expiry_days = days.map(|days| days as u32);
        }
        if let Some(foreign) = self.foreign_tokens {
            rules.foreign_tokens = foreign.unwrap_or(defaults.foreign_tokens);
        }
        if let Some(days) = self.request_log_days {
            if days.is_some_and(|days| days > MAX_REQUEST_LOG_DAYS) {
                errors.add("/request_log_days", format!("must be 0 to {MAX_REQUEST_LOG_DAYS}"));
            }
            rules.request_log_days = days.map_or(defaults.request_log_days, |days| days as u32);
        }
        rules
    }
}

fn check_number(field: &str, number: Option<u64>, most: u64, errors: &mut FieldErrors) -> Option<u64> {
    let number = number?;
    if !(1..=most).contains(&number) {
        errors.add(field, format!("must be 1 to {most}"));
        return None;
    }
    Some(number)
}
