use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// The last moment that RFC 3339 can write: 9999-12-31T23:59:59Z.
const LATEST: i64 = 253_402_300_799_000;

impl Timestamp {
    /// Takes a time in RFC 3339, such as `2027-01-31T12:00:00Z`, between 1970 and 9999.
    ///
    /// # Errors
    /// A sentence for the caller who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let moment: jiff::Timestamp = text
            .parse()
            .map_err(|_| "must be a time in RFC 3339 with a zone, such as 2027-01-31T12:00:00Z".to_owned())?;
        let millis = moment.as_millisecond();
        if (0..=LATEST).contains(&millis) {
            Ok(Self(millis))
        } else {
            Err("must lie between 1970 and 9999".to_owned())
        }
    }

    /// The same moment without its fraction of a second: what a snapshot row can say.
    pub fn whole_seconds(self) -> Self {
        Self(self.0.div_euclid(1_000) * 1_000)
    }

    /// Seconds since the epoch; times before it count as 0.
    pub fn as_seconds(self) -> u64 {
        u64::try_from(self.0 / 1_000).unwrap_or(0)
    }

    /// This moment and some seconds more.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000)))
    }

    /// This moment and some days more.
    pub fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(days.saturating_mul(86_400_000)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(f, "{moment:.3}"),
            Err(_) => write!(f, "{} ms since 1970", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Where services take the time from. Tests move theirs.
pub trait Clock: Send + Sync + 'static {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Moves the clock forward.
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_rfc_3339_and_read_back() {
        let moment = Timestamp::parse("2027-01-31T12:00:00.25+01:00").unwrap();
        assert_eq!(moment.to_string(), "2027-01-31T11:00:00.250Z");
        assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
        assert_eq!(moment.whole_seconds().to_string(), "2027-01-31T11:00:00.000Z");
    }

    #[test]
    fn times_without_a_zone_or_outside_the_calendar_are_refused() {
        for text in ["2027-01-31T12:00:00", "tomorrow", "1969-12-31T23:59:59Z", "", "12345"] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }
}
