//! What gates report of the requests that they decided, and what is kept of it.

use std::net::IpAddr;

use latchkey_validator::{Code, MAX_PATTERN_LEN};

use super::{FieldErrors, KeyId, SecretId, Timestamp};

/// Requests of one report: what a gate gathers in a second or so.
pub const MAX_REQUESTS: usize = 2_048;
/// Keys and units of one report.
pub const MAX_CREDITS: usize = 2_048;
/// A gate's clock may be ahead of ours by this much, in milliseconds; later times count as now.
const MAX_AHEAD: i64 = 300_000;
/// Requests that one report can name as forgotten: sums of them fit into the database whatever a gate says.
const MAX_DROPPED: u64 = 1_000_000_000;
/// What SQLite can hold, and far more than anybody is granted.
const MAX_TOTAL: u64 = i64::MAX as u64;

/// What a gate reports at once.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageReport {
    /// Names the report, so that sending it again does nothing.
    pub batch_id: String,
    /// Which gate and isolate made it, for people.
    pub gate: String,
    /// Requests that it had to forget since its last report.
    pub dropped: u64,
    /// Oldest first.
    pub requests: Vec<RequestReport>,
    /// What ledgers have counted.
    pub credits: Vec<CreditReport>,
}

/// One request that a gate decided.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestReport {
    /// When.
    pub at: Timestamp,
    /// The first 8 bytes of the tag of what was presented, if anything was.
    pub tag: Option<[u8; 8]>,
    /// The key, if the gate knew it.
    pub key: Option<KeyId>,
    /// What was decided.
    pub code: Code,
    /// What was answered; absent if no answer came while the gate waited.
    pub status: Option<u16>,
    /// Such as `GET`.
    pub method: String,
    /// Without its query, perhaps cut.
    pub path: String,
    /// The pattern that matched.
    pub route: Option<String>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// The location of the gate.
    pub colo: Option<String>,
    /// The snapshot that was decided from.
    pub seq: u64,
    /// What the gate and the upstream call the request.
    pub request_id: Option<String>,
}

/// What a key has used up of a unit since it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditReport {
    /// The key.
    pub key: KeyId,
    /// The unit.
    pub unit: String,
    /// Spent.
    pub consumed: u64,
    /// Leased to isolates that never said what they spent.
    pub written_off: u64,
}

/// A request in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedRequest {
    /// Its place in the log: rises with time.
    pub number: u64,
    /// Which gate reported it.
    pub gate: String,
    /// The token's id, if the token is known.
    pub secret: Option<SecretId>,
    /// What was reported; without the tag.
    pub request: RequestReport,
}

/// Requests of an hour that had the same outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourCount {
    /// The hour's beginning.
    pub hour: Hour,
    /// The outcome; `None`: they were forgotten before they could be reported.
    pub code: Option<Code>,
    /// How many.
    pub requests: u64,
}

/// An hour of UTC, counted since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub i64);

/// The last request that a token or key was let through with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUsed {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub address: Option<String>,
    /// At which location of the gate.
    pub colo: Option<String>,
}

/// How much a key was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    /// With any of its tokens.
    pub last_used: Option<LastUsed>,
    /// Oldest first; hours without requests are left out.
    pub hours: Vec<HourCount>,
}

impl Hour {
    /// The hour that a moment is in.
    pub fn of(at: Timestamp) -> Self {
        Self(at.0.div_euclid(3_600_000))
    }

    /// Its beginning.
    pub fn start(self) -> Timestamp {
        Timestamp(self.0 * 3_600_000)
    }
}

impl UsageReport {
    /// Checks what the grammar of JSON does not, and takes times from the future for the present.
    ///
    /// # Errors
    /// All wrong fields.
    pub fn check(mut self, mut errors: FieldErrors, now: Timestamp) -> Result<Self, FieldErrors> {
        errors.check("/batch_id", bounded(&self.batch_id, 1, 64));
        errors.check("/gate", bounded(&self.gate, 1, 128));
        if self.dropped > MAX_DROPPED {
            errors.add("/dropped", format!("must be at most {MAX_DROPPED}"));
        }
        for (list, length, most) in
            [("/requests", self.requests.len(), MAX_REQUESTS), ("/credits", self.credits.len(), MAX_CREDITS)]
        {
            if length > most {
                errors.add(list, format!("must have at most {most} entries"));
                return Err(errors);
            }
        }
        for (at, request) in self.requests.iter_mut().enumerate() {
            request.check(&format!("/requests/{at}"), &mut errors);
            request.at = if request.at.0 > now.0 + MAX_AHEAD { now } else { request.at };
        }
        for (at, credit) in self.credits.iter().enumerate() {
            credit.check(&format!("/credits/{at}"), &mut errors);
        }
        errors.into_result().map(|()| self)
    }
}

impl RequestReport {
    fn check(&self, place: &str, errors: &mut FieldErrors) {
        let texts = [
            ("method", Some(&self.method), 1, 32),
            ("path", Some(&self.path), 1, 2_048),
            ("route", self.route.as_ref(), 1, MAX_PATTERN_LEN),
            ("colo", self.colo.as_ref(), 1, 8),
            ("request_id", self.request_id.as_ref(), 1, 128),
        ];
        for (name, text, least, most) in texts {
            if let Some(Err(message)) = text.map(|text| bounded(text, least, most)) {
                errors.add(format!("{place}/{name}"), message);
            }
        }
        if self.status.is_some_and(|status| !(100..=599).contains(&status)) {
            errors.add(format!("{place}/status"), "must be 100 to 599");
        }
        if self.seq > MAX_TOTAL {
            errors.add(format!("{place}/seq"), "is too large");
        }
    }
}

impl CreditReport {
    fn check(&self, place: &str, errors: &mut FieldErrors) {
        if let Err(message) = bounded(&self.unit, 1, 32) {
            errors.add(format!("{place}/unit"), message);
        }
        for (name, total) in [("consumed", self.consumed), ("written_off", self.written_off)] {
            if total > MAX_TOTAL {
                errors.add(format!("{place}/{name}"), "is too large");
            }
        }
    }
}

/// Whatever a gate repeats of a request was a stranger's text first, so it is bounded and holds nothing that a terminal obeys.
fn bounded(text: &str, least: usize, most: usize) -> Result<(), String> {
    if !(least..=most).contains(&text.len()) {
        return Err(format!("must have {least} to {most} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err("must not hold control characters".to_owned());
    }
    Ok(())
}
