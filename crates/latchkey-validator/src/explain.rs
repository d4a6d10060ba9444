//! Decisions with their reasons (for admins: they say more than a stranger may learn).

use alloc::string::String;
use alloc::vec::Vec;

use crate::decide::run;
use crate::{Code, GateView, RequestFacts, Verdict};

/// A check that a decision made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was checked, in the order of spec/decision.md section 1: `credential`, `snapshot`, `token`, `enabled`, `expiry`, `environment`,
    /// `restrictions`, `address`, `route`, `permission`, `constraints`, `signature`, `rate_limits`, `credits`, `upstream_credential`.
    pub name: &'static str,
    /// Whether it lets the request pass. The last four may leave something to be settled, which `detail` then says.
    pub passed: bool,
    /// What was looked at. Never a token.
    pub input: String,
    /// What came out.
    pub detail: String,
}

/// A verdict and how it came about.
#[derive(Clone, Debug)]
pub struct Explanation<'s> {
    /// What [`crate::decide`] says of the same arguments.
    pub verdict: Verdict<'s>,
    /// The checks up to the first that failed.
    pub checks: Vec<Check>,
}

/// Decides a request as [`crate::decide`] does, and says how. `now` in seconds since the epoch.
pub fn explain<'s>(facts: &RequestFacts<'_>, gate: &GateView<'s>, now: u64) -> Explanation<'s> {
    let mut checks = Vec::new();
    let verdict = run(facts, gate, now, &mut checks);
    Explanation { verdict, checks }
}

/// Looks on while a request is decided. The descriptions are only made for those who want them.
pub(crate) trait Observer {
    fn see(&mut self, name: &'static str, failed: Option<Code>, describe: impl FnOnce() -> Description);
}

/// What was looked at, and what came out; for a failure without words of its own, the code says it.
pub(crate) struct Description {
    pub(crate) input: String,
    pub(crate) detail: String,
}

/// Nobody looks on.
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    #[inline(always)]
    fn see(&mut self, _: &'static str, _: Option<Code>, _: impl FnOnce() -> Description) {}
}

impl Observer for Vec<Check> {
    fn see(&mut self, name: &'static str, failed: Option<Code>, describe: impl FnOnce() -> Description) {
        let Description { input, mut detail } = describe();
        if let Some(code) = failed.filter(|_| detail.is_empty()) {
            detail.push_str(code.meaning());
        }
        self.push(Check { name, passed: failed.is_none(), input, detail });
    }
}
