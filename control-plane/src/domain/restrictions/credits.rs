//! How much a key may use. Granted is everything that was ever granted, so it can be told to a gate again and again; what of it was
//! used, gates know, and report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::check_unit;
use super::refills::Refill;
use crate::domain::{DomainError, FieldErrors, KeyId, Timestamp};

/// The largest whole number that every reader of JSON holds exactly.
pub(super) const MAX_AMOUNT: u64 = (1 << 53) - 1;
const MAX_UNITS: usize = 16;

/// A key's account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credits {
    /// Whether the account bounds the key. One that was lifted is kept: gates go on counting from it if it bounds the key again.
    pub limited: bool,
    /// Rises with each change of what is granted, so that a gate knows the newer of two.
    pub grant_seq: u64,
    /// All that was ever granted, by unit.
    pub granted: BTreeMap<String, u64>,
    /// Grants that come by the calendar.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refills: Vec<Refill>,
    /// How much of a unit is left when somebody is to be told, by unit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub low_at: BTreeMap<String, u64>,
    /// What gates last reported, by unit. Kept elsewhere.
    #[serde(skip)]
    pub used: BTreeMap<String, CreditUse>,
}

/// What was used of one unit, as gates last reported it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreditUse {
    /// All that was ever used up, what was written off among it.
    pub consumed: u64,
    /// What a gate had in hand when it was lost, and may or may not have used.
    pub written_off: u64,
}

/// How one unit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitStatus {
    /// Its name.
    pub unit: String,
    /// All that was ever granted.
    pub granted: u64,
    /// All that was ever used up.
    pub consumed: u64,
    /// What of that may not have been used.
    pub written_off: u64,
    /// What is left.
    pub remaining: u64,
}

/// What is to be told of how much is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CreditLevel {
    /// Nothing.
    #[default]
    Enough,
    /// It is no more than [`Credits::low_at`].
    Low,
    /// There is none.
    Exhausted,
}

impl CreditLevel {
    /// Every level, in its order.
    pub const ALL: [Self; 3] = [Self::Enough, Self::Low, Self::Exhausted];
}

/// A change of what is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// Of what.
    pub unit: String,
    /// More, or less.
    pub amount: i64,
}

/// A delta as a caller gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeltaDraft {
    /// `[a-z][a-z0-9_.-]{0,31}`.
    pub unit: Option<String>,
    /// Not 0.
    pub amount: Option<i64>,
}

impl Delta {
    /// Checks a list of deltas.
    pub fn check_all(drafts: Vec<DeltaDraft>, field: &str, errors: &mut FieldErrors) -> Vec<Self> {
        if drafts.len() > MAX_UNITS {
            errors.add(field, format!("must have at most {MAX_UNITS} entries"));
            return Vec::new();
        }
        let mut deltas: Vec<Self> = Vec::with_capacity(drafts.len());
        for (at, draft) in drafts.into_iter().enumerate() {
            let Some(delta) = draft.check(&format!("{field}/{at}"), errors) else { continue };
            if deltas.iter().any(|other| other.unit == delta.unit) {
                errors.add(format!("{field}/{at}/unit"), "stands in the list twice");
            }
            deltas.push(delta);
        }
        deltas
    }
}

impl DeltaDraft {
    fn check(self, field: &str, errors: &mut FieldErrors) -> Option<Delta> {
        let unit = errors.required(&format!("{field}/unit"), self.unit);
        let unit = unit.filter(|unit| errors.check(format!("{field}/unit"), check_unit(unit)).is_some());
        let amount = errors.required(&format!("{field}/amount"), self.amount)?;
        if amount == 0 || amount.unsigned_abs() > MAX_AMOUNT {
            errors.add(
                format!("{field}/amount"),
                format!("must be up to {MAX_AMOUNT} more or less, and not 0"),
            );
            return None;
        }
        Some(Delta { unit: unit?, amount })
    }
}

impl Credits {
    /// The account of a key that is bounded from now on.
    pub fn of_limited_key() -> Self {
        Self { limited: true, ..Self::default() }
    }

    /// How every unit stands, of those that were ever granted.
    pub fn status(&self) -> impl Iterator<Item = UnitStatus> {
        self.granted.iter().map(|(unit, granted)| {
            let CreditUse { consumed, written_off } = self.used_of(unit);
            let remaining = granted.saturating_sub(consumed);
            UnitStatus { unit: unit.clone(), granted: *granted, consumed, written_off, remaining }
        })
    }

    /// Of each unit how low it is. An account that bounds nothing has enough of everything.
    pub fn levels(&self) -> impl Iterator<Item = (UnitStatus, CreditLevel)> {
        self.status().map(|status| {
            let level = match status.remaining {
                _ if !self.limited => CreditLevel::Enough,
                0 => CreditLevel::Exhausted,
                left if self.low_at.get(&status.unit).is_some_and(|low| left <= *low) => CreditLevel::Low,
                _ => CreditLevel::Enough,
            };
            (status, level)
        })
    }

    /// The account with more or less in it, and bounding the key.
    ///
    /// # Errors
    /// Less would be left than was used; or more than can be counted.
    pub fn changed_by(mut self, deltas: &[Delta], key: KeyId) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::default();
        for (at, delta) in deltas.iter().enumerate() {
            let consumed = self.used_of(&delta.unit).consumed;
            let granted = self.granted.get(&delta.unit).copied().unwrap_or(0);
            let below_zero = || DomainError::CreditsBelowZero {
                key,
                unit: delta.unit.clone(),
                remaining: granted.saturating_sub(consumed),
            };
            let now = granted.checked_add_signed(delta.amount).ok_or_else(below_zero)?;
            // To give more is good whatever was used; to take must leave what was used.
            if delta.amount < 0 && now < consumed {
                return Err(below_zero());
            }
            if now > MAX_AMOUNT {
                let message = format!("would make it more than {MAX_AMOUNT} that was ever granted");
                errors.add(format!("/deltas/{at}/amount"), message);
            }
            self.granted.insert(delta.unit.clone(), now);
        }
        if self.granted.len() > MAX_UNITS {
            errors.add("/deltas", format!("must leave the key with at most {MAX_UNITS} units"));
        }
        errors.into_result()?;
        self.limited = true;
        self.grant_seq += 1;
        Ok(self)
    }

    /// The account after the refills that were due until `now`, and what they gave.
    pub fn refilled(mut self, now: Timestamp) -> (Self, Vec<Delta>) {
        let mut given = Vec::new();
        for mut refill in std::mem::take(&mut self.refills) {
            let (times, next_at) = refill.occurrences(now);
            refill.next_at = next_at;
            let amount = self.refill_amount(&refill, times);
            if amount > 0 {
                *self.granted.entry(refill.unit.clone()).or_default() += amount;
                // The bound on amounts keeps it in range.
                given.push(Delta { unit: refill.unit.clone(), amount: amount as i64 });
            }
            self.refills.push(refill);
        }
        if !given.is_empty() {
            self.grant_seq += 1;
        }
        (self, given)
    }

    /// When the next refill is due.
    pub fn next_refill_at(&self) -> Option<Timestamp> {
        self.refills.iter().filter(|_| self.limited).map(|refill| refill.next_at).min()
    }

    fn refill_amount(&self, refill: &Refill, times: u64) -> u64 {
        let granted = self.granted.get(&refill.unit).copied().unwrap_or(0);
        let mut amount = refill.amount.saturating_mul(times).min(MAX_AMOUNT - granted);
        if let Some(up_to) = refill.up_to {
            let remaining = granted.saturating_sub(self.used_of(&refill.unit).consumed);
            amount = amount.min(up_to.saturating_sub(remaining));
        }
        amount
    }

    fn used_of(&self, unit: &str) -> CreditUse {
        self.used.get(unit).copied().unwrap_or_default()
    }

    /// Notes units that are more than a key can have.
    pub(super) fn check_units(&self, errors: &mut FieldErrors) {
        let planned = self.refills.iter().filter(|refill| !self.granted.contains_key(&refill.unit)).count();
        if self.granted.len() + planned > MAX_UNITS {
            errors.add("/refills", format!("must leave the key with at most {MAX_UNITS} units"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::refills::Every;
    use super::*;

    const KEY: KeyId = KeyId(1);

    #[test]
    fn l2_what_is_left_is_enough_low_or_exhausted() {
        let level = |consumed| {
            let mut credits = account(100, consumed);
            credits.low_at.insert("calls".into(), 10);
            credits.levels().map(|(_, level)| level).next().unwrap()
        };
        assert_eq!(
            [0, 89, 90, 99, 100, 120].map(level),
            [0, 0, 1, 1, 2, 2].map(|place: usize| CreditLevel::ALL[place])
        );
        let lifted = Credits { limited: false, ..account(100, 100) };
        assert_eq!(lifted.levels().next().unwrap().1, CreditLevel::Enough);
    }

    fn delta(unit: &str, amount: i64) -> Delta {
        Delta { unit: unit.into(), amount }
    }

    fn account(granted: i64, consumed: u64) -> Credits {
        let mut credits = Credits::of_limited_key().changed_by(&[delta("calls", granted)], KEY).unwrap();
        credits.used.insert("calls".into(), CreditUse { consumed, written_off: 0 });
        credits
    }

    #[test]
    fn what_was_used_cannot_be_taken_back() {
        let credits = account(100, 60);
        assert_eq!(credits.clone().changed_by(&[delta("calls", -40)], KEY).unwrap().granted["calls"], 60);
        for (unit, amount) in [("calls", -41), ("calls", -101), ("other", -1)] {
            let refused = credits.clone().changed_by(&[delta(unit, amount)], KEY).unwrap_err();
            assert!(matches!(refused, DomainError::CreditsBelowZero { .. }), "{unit} {amount}");
        }
    }

    #[test]
    fn a_change_that_fails_in_part_changes_nothing_and_each_that_does_not_is_numbered() {
        let credits = account(100, 0);
        assert!(credits.clone().changed_by(&[delta("new", 5), delta("calls", -101)], KEY).is_err());
        let next = credits.clone().changed_by(&[delta("new", 5)], KEY).unwrap();
        assert_eq!((credits.grant_seq, next.grant_seq), (1, 2));
        assert!(credits.changed_by(&[delta("calls", MAX_AMOUNT as i64)], KEY).is_err());
    }

    #[test]
    fn a_refill_gives_for_every_time_and_no_more_than_up_to() {
        let start = Timestamp::parse("2027-01-01T12:00:00Z").unwrap();
        let mut credits = account(100, 90);
        let refill = |up_to| Refill {
            unit: "calls".into(),
            amount: 20,
            every: Every::Day,
            up_to,
            next_at: Every::Day.next_after(start).unwrap(),
        };
        credits.refills = vec![refill(None)];
        assert_eq!(credits.clone().refilled(start).1, []);
        let (after, given) = credits.clone().refilled(start.plus_days(3));
        assert_eq!((given, after.granted["calls"], after.grant_seq), (vec![delta("calls", 60)], 160, 2));
        assert_eq!(after.refilled(start.plus_days(3)).1, [], "nothing twice");

        credits.refills = vec![refill(Some(50))];
        assert_eq!(credits.clone().refilled(start.plus_days(3)).1, [delta("calls", 40)]);
        credits.refills = vec![refill(Some(5))];
        let (after, given) = credits.refilled(start.plus_days(1));
        assert_eq!((given, after.grant_seq), (vec![], 1));
    }
}
