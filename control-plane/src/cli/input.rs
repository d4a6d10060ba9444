//! What people give: files, standard input, ids, times.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::Path;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::exit::Failure;
use crate::domain::{Clock, SystemClock, Timestamp};

/// No JSON that the API takes is larger, import apart, which is streamed.
const MAX_JSON_BYTES: u64 = 1 << 20;
/// Longer than any token.
const MAX_LINE_BYTES: u64 = 4_096;

/// A token's text. It cannot be printed but by asking for it, and is wiped when dropped.
pub(super) struct Secret(Zeroizing<String>);

impl Secret {
    pub(super) fn trimmed(text: String) -> Self {
        let text = Zeroizing::new(text);
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret([hidden])")
    }
}

/// Reads one line of standard input. `what` names it to whoever sits at the terminal.
pub(super) fn secret_from_stdin(what: &str) -> Result<Secret, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        super::output::remark(&format!("type or paste {what} and press Enter; it shows on the screen"));
    }
    let mut line = String::new();
    stdin.lock().take(MAX_LINE_BYTES).read_line(&mut line)?;
    let secret = Secret::trimmed(line);
    if secret.expose().is_empty() {
        return Err(Failure::usage(format!("standard input is empty; it must hold {what}")));
    }
    Ok(secret)
}

/// A file, or standard input for `-`.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(Failure::usage(format!("cannot read {}: {error}", path.display()))),
    }
}

/// All of a file, or of standard input, of at most `most` bytes.
pub(super) fn read(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Failure::usage(format!("{} has more than {most} bytes", path.display())));
    }
    Ok(bytes)
}

/// A JSON object in a file, or on standard input.
pub(super) fn read_object(path: &Path) -> Result<Map<String, Value>, Failure> {
    let bytes = read(path, MAX_JSON_BYTES)?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Failure::usage(format!("{} must hold a JSON object", path.display()))),
        Err(error) => Err(Failure::usage(format!("{} is not JSON: {error}", path.display()))),
    }
}

/// Checks that `text` is an id of this kind, so that nothing else ends in a URL, and so in logs. The message does not repeat the
/// text: somebody may have pasted a token.
pub(super) fn id<'a>(kind: &str, what: &str, text: &'a str) -> Result<&'a str, Failure> {
    if latchkey_snapshot::id::parse(kind, text).is_some() {
        return Ok(text);
    }
    Err(Failure::usage(format!(
        "that is no {what} id: it must be `{kind}_` and 13 characters, such as {kind}_06nd5xbm0q3tz"
    )))
}

/// As [`id`], for an object of any kind.
pub(super) fn any_id(text: &str) -> Result<&str, Failure> {
    match text.split_once('_') {
        Some((kind, _)) => id(kind, "object", text).map_err(|_| no_object()),
        None => Err(no_object()),
    }
}

fn no_object() -> Failure {
    Failure::usage(
        "that is no object's id: it must be its kind, `_` and 13 characters, such as key_06nd5xbm0q3tz",
    )
}

/// Reads `never` (as `None`), a time in RFC 3339, or a span from now such as `90d`, `12h` or `30m`; gives RFC 3339.
pub(super) fn moment(text: &str) -> Result<Option<String>, Failure> {
    moment_seen_at(text, SystemClock.now())
}

/// Reads a time in RFC 3339, or a span back from now such as `2h`; gives RFC 3339.
pub(super) fn past(text: &str) -> Result<String, Failure> {
    past_seen_at(text, SystemClock.now())
}

fn past_seen_at(text: &str, now: Timestamp) -> Result<String, Failure> {
    if let Ok(time) = Timestamp::parse(text) {
        return Ok(time.to_string());
    }
    let millis = seconds(text).and_then(|seconds| i64::try_from(seconds.checked_mul(1_000)?).ok());
    match millis.map(|millis| Timestamp(now.0 - millis)) {
        Some(time) if time.0 >= 0 => Ok(time.to_string()),
        _ => Err(Failure::usage(
            "a past time must be RFC 3339 such as 2027-01-31T12:00:00Z, or a span back from now such as 30m, 12h or 7d",
        )),
    }
}

fn moment_seen_at(text: &str, now: Timestamp) -> Result<Option<String>, Failure> {
    if text == "never" {
        return Ok(None);
    }
    if let Ok(time) = Timestamp::parse(text) {
        return Ok(Some(time.to_string()));
    }
    let wrong = || {
        Failure::usage(
            "a time must be `never`, RFC 3339 such as 2027-01-31T12:00:00Z, or a span such as 90d, 12h, 30m",
        )
    };
    let seconds = seconds(text).ok_or_else(wrong)?;
    let millis =
        i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1_000)).ok_or_else(wrong)?;
    Ok(Some(Timestamp(now.0.saturating_add(millis)).whole_seconds().to_string()))
}

/// Reads a span: a whole number and one of `s m h d w`.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let each: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    text[..text.len() - 1].parse::<u64>().ok()?.checked_mul(each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_never_moments_and_spans() {
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        assert_eq!(moment_seen_at("never", now).unwrap(), None);
        for (text, wanted) in [
            ("2027-01-31T13:00:00+01:00", "2027-01-31T12:00:00.000Z"),
            ("90d", "2026-04-01T00:00:00.000Z"),
            ("12h", "2026-01-01T12:00:00.000Z"),
            ("2w", "2026-01-15T00:00:00.000Z"),
        ] {
            assert_eq!(moment_seen_at(text, now).unwrap().as_deref(), Some(wanted), "{text}");
        }
        for text in ["", "d", "-1d", "1.5h", "soon", "99999999999999999w", "10é"] {
            assert!(moment_seen_at(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn past_times_are_read_as_moments_and_spans_back() {
        let now = Timestamp::parse("2026-01-02T00:00:00Z").unwrap();
        assert_eq!(past_seen_at("2h", now).unwrap(), "2026-01-01T22:00:00.000Z");
        assert_eq!(past_seen_at("2026-01-01T00:00:00Z", now).unwrap(), "2026-01-01T00:00:00.000Z");
        for text in ["", "never", "-1d", "99999d", "99999999999999999w"] {
            assert!(past_seen_at(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wrong_id_is_refused_without_being_repeated() {
        assert!(id("key", "key", "key_06nd5xbm0q3tz").is_ok());
        for text in ["demo_test_secret", "key_../../admin", "ks_06nd5xbm0q3tz"] {
            assert!(!id("key", "key", text).unwrap_err().to_string().contains(text), "{text}");
        }
    }
}
