use serde::{Deserialize, Serialize};

use super::check_unit;
use crate::domain::FieldErrors;

const MAX_LIMITS: usize = 8;
/// Above it a limit says nothing.
const MAX_REQUESTS: u64 = 1_000_000_000;
/// 30 days.
const MAX_WINDOW_SECONDS: u64 = 2_592_000;
const FIELD: &str = "/rate_limits";

/// How often a key may be used in a window of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// What answers call it by.
    pub name: String,
    /// Requests, or what routes count them as, in a window.
    pub limit: u32,
    /// How long a window is.
    pub window_seconds: u32,
    /// Who counts.
    pub mode: RateMode,
}

/// Who counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateMode {
    /// Each location by itself: fast, and about right.
    #[default]
    Local,
    /// One place for all: exact, and a trip to it for every request.
    Exact,
}

/// A limit as a caller gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimitDraft {
    /// `[a-z][a-z0-9_.-]{0,31}`.
    pub name: Option<String>,
    /// 1 to 1,000,000,000.
    pub limit: Option<u64>,
    /// 1 to 2,592,000.
    pub window_seconds: Option<u64>,
    /// `local` or `exact`; default `local`.
    pub mode: Option<String>,
}

/// Checks a list of limits.
pub(super) fn check_rate_limits(drafts: Vec<RateLimitDraft>, errors: &mut FieldErrors) -> Vec<RateLimit> {
    if drafts.len() > MAX_LIMITS {
        errors.add(FIELD, format!("must have at most {MAX_LIMITS} entries"));
        return Vec::new();
    }
    let mut limits: Vec<RateLimit> = Vec::with_capacity(drafts.len());
    for (at, draft) in drafts.into_iter().enumerate() {
        let Some(limit) = draft.check(&format!("{FIELD}/{at}"), errors) else { continue };
        if limits.iter().any(|other| other.name == limit.name) {
            errors.add(format!("{FIELD}/{at}/name"), "stands in the list twice");
        }
        limits.push(limit);
    }
    limits
}

impl RateLimitDraft {
    fn check(self, field: &str, errors: &mut FieldErrors) -> Option<RateLimit> {
        let name = errors.required(&format!("{field}/name"), self.name);
        let name = name.filter(|name| errors.check(format!("{field}/name"), check_unit(name)).is_some());
        let limit = check_number(&format!("{field}/limit"), self.limit, MAX_REQUESTS, errors);
        let window_seconds =
            check_number(&format!("{field}/window_seconds"), self.window_seconds, MAX_WINDOW_SECONDS, errors);
        let mode = match self.mode.as_deref() {
            None | Some("local") => RateMode::Local,
            Some("exact") => RateMode::Exact,
            Some(_) => {
                errors.add(format!("{field}/mode"), "must be local or exact");
                RateMode::Local
            }
        };
        Some(RateLimit { name: name?, limit: limit?, window_seconds: window_seconds?, mode })
    }
}

fn check_number(field: &str, number: Option<u64>, most: u64, errors: &mut FieldErrors) -> Option<u32> {
    let number = errors.required(field, number)?;
    let fits = (1..=most).contains(&number);
    if !fits {
        errors.add(field, format!("must be 1 to {most}"));
    }
    u32::try_from(number).ok().filter(|_| fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: &str, limit: u64, window_seconds: u64, mode: Option<&str>) -> RateLimitDraft {
        RateLimitDraft {
            name: Some(name.into()),
            limit: Some(limit),
            window_seconds: Some(window_seconds),
            mode: mode.map(str::to_owned),
        }
    }

    #[test]
    fn everything_wrong_is_named_and_local_is_the_default() {
        let mut errors = FieldErrors::default();
        let good = check_rate_limits(vec![draft("burst", 10, 60, None)], &mut errors);
        assert_eq!((good[0].mode, errors.is_empty()), (RateMode::Local, true));
        let drafts = vec![
            draft("Burst", 0, 0, Some("global")),
            draft("day", u64::from(u32::MAX), 2_592_001, None),
            draft("a", 1, 1, None),
            draft("a", 1, 1, None),
            RateLimitDraft::default(),
        ];
        check_rate_limits(drafts, &mut errors);
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "/rate_limits/0/name",
                "/rate_limits/0/limit",
                "/rate_limits/0/window_seconds",
                "/rate_limits/0/mode",
                "/rate_limits/1/limit",
                "/rate_limits/1/window_seconds",
                "/rate_limits/3/name",
                "/rate_limits/4/name",
                "/rate_limits/4/limit",
                "/rate_limits/4/window_seconds"
            ]
        );
    }
}
