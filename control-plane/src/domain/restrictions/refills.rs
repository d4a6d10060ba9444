//! Grants that come by the calendar, in UTC: at midnight, on Mondays, on the first of a month.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};
use serde::{Deserialize, Serialize};

use super::check_unit;
use super::credits::MAX_AMOUNT;
use crate::domain::{FieldErrors, Timestamp};

const MAX_REFILLS: usize = 16;
const FIELD: &str = "/refills";

/// A grant that comes again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refill {
    /// Of what.
    pub unit: String,
    /// How much each time.
    pub amount: u64,
    /// How often.
    pub every: Every,
    /// Only as much as brings what is left up to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<u64>,
    /// When it comes next.
    pub next_at: Timestamp,
}

/// How often a grant comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// At 00:00 UTC.
    Day,
    /// On Mondays at 00:00 UTC.
    Week,
    /// On the first of the month at 00:00 UTC.
    Month,
}

/// A refill as a caller gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefillDraft {
    /// `[a-z][a-z0-9_.-]{0,31}`.
    pub unit: Option<String>,
    /// 1 to 2^53 - 1.
    pub amount: Option<u64>,
    /// `day`, `week` or `month`.
    pub every: Option<String>,
    /// Default: no bound.
    pub up_to: Option<u64>,
}

impl Every {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let all = [Self::Day, Self::Week, Self::Month];
        all.into_iter().find(|every| every.as_str() == text).ok_or("must be day, week or month")
    }

    /// The first moment after `at` at which it is time; `None` behind the end of the calendar.
    pub fn next_after(self, at: Timestamp) -> Option<Timestamp> {
        let today = utc_date(at)?;
        let next = match self {
            Self::Day => today.tomorrow().ok()?,
            Self::Week => today.nth_weekday(1, Weekday::Monday).ok()?,
            Self::Month => today.first_of_month().checked_add(1.month()).ok()?,
        };
        let midnight: Zoned = next.to_zoned(TimeZone::UTC).ok()?;
        Some(Timestamp(midnight.timestamp().as_millisecond()))
    }
}

fn utc_date(at: Timestamp) -> Option<Date> {
    let moment = jiff::Timestamp::from_millisecond(at.0).ok()?;
    Some(moment.to_zoned(TimeZone::UTC).date())
}

impl Refill {
    /// How often it was due until `now`, and when it is due next. Each time counts, also those that nobody was there for, so that a
    /// key gets the same whenever its refills are looked after.
    pub(super) fn occurrences(&self, now: Timestamp) -> (u64, Timestamp) {
        let (mut count, mut next) = (0, self.next_at);
        while next <= now {
            count += 1;
            match self.every.next_after(next) {
                Some(later) => next = later,
                None => return (count, Timestamp(i64::MAX)),
            }
        }
        (count, next)
    }
}

/// Checks a list of refills. Those that are there already keep their next time.
pub(super) fn check_refills(
    drafts: Vec<RefillDraft>,
    known: &[Refill],
    now: Timestamp,
    errors: &mut FieldErrors,
) -> Vec<Refill> {
    if drafts.len() > MAX_REFILLS {
        errors.add(FIELD, format!("must have at most {MAX_REFILLS} entries"));
        return Vec::new();
    }
    let mut refills: Vec<Refill> = Vec::with_capacity(drafts.len());
    for (at, draft) in drafts.into_iter().enumerate() {
        let Some(mut refill) = draft.check(&format!("{FIELD}/{at}"), now, errors) else { continue };
        if refills.iter().any(|other| other.unit == refill.unit) {
            errors.add(format!("{FIELD}/{at}/unit"), "stands in the list twice");
        }
        let same = known.iter().find(|known| known.unit == refill.unit && known.every == refill.every);
        refill.next_at = same.map_or(refill.next_at, |same| same.next_at);
        refills.push(refill);
    }
    refills
}

impl RefillDraft {
    fn check(self, field: &str, now: Timestamp, errors: &mut FieldErrors) -> Option<Refill> {
        let unit = errors.required(&format!("{field}/unit"), self.unit);
        let unit = unit.filter(|unit| errors.check(format!("{field}/unit"), check_unit(unit)).is_some());
        let amount = errors.required(&format!("{field}/amount"), self.amount);
        for (name, number) in [("amount", self.amount), ("up_to", self.up_to)] {
            if number.is_some_and(|number| !(1..=MAX_AMOUNT).contains(&number)) {
                errors.add(format!("{field}/{name}"), format!("must be 1 to {MAX_AMOUNT}"));
            }
        }
        let every = errors.required(&format!("{field}/every"), self.every);
        let every = every.and_then(|text| errors.check(format!("{field}/every"), Every::parse(&text)))?;
        Some(Refill {
            unit: unit?,
            amount: amount?,
            every,
            up_to: self.up_to,
            next_at: every.next_after(now)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn the_calendar_is_utc_with_weeks_from_monday() {
        for (every, from, wanted) in [
            (Every::Day, "2028-02-28T23:59:59.999Z", "2028-02-29T00:00:00Z"),
            (Every::Day, "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"),
            (Every::Day, "2027-01-01T01:30:00+02:00", "2027-01-01T00:00:00Z"),
            (Every::Week, "2027-01-31T12:00:00Z", "2027-02-01T00:00:00Z"),
            (Every::Week, "2027-02-01T00:00:00Z", "2027-02-08T00:00:00Z"),
            (Every::Month, "2027-01-31T12:00:00Z", "2027-02-01T00:00:00Z"),
            (Every::Month, "2027-12-01T00:00:00Z", "2028-01-01T00:00:00Z"),
        ] {
            assert_eq!(every.next_after(at(from)), Some(at(wanted)), "{every:?} {from}");
        }
    }

    #[test]
    fn every_time_counts_once_however_late() {
        let refill = Refill {
            unit: "calls".into(),
            amount: 5,
            every: Every::Day,
            up_to: None,
            next_at: at("2027-01-02T00:00:00Z"),
        };
        assert_eq!(refill.occurrences(at("2027-01-01T23:59:59Z")), (0, refill.next_at));
        assert_eq!(refill.occurrences(at("2027-01-02T00:00:00Z")), (1, at("2027-01-03T00:00:00Z")));
        assert_eq!(refill.occurrences(at("2027-01-09T12:00:00Z")), (8, at("2027-01-10T00:00:00Z")));
    }
}
