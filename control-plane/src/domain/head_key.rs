use latchkey_snapshot::{key_id, public_key_text};
use serde_json::{Value, json};

use super::Timestamp;

/// Days for which two keys may sign together.
pub const OVERLAP_DAYS: std::ops::RangeInclusive<u64> = 1..=365;

/// A key that signs the heads of a keyspace, without its private half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadKey {
    /// What gates are told to trust.
    pub public_key: [u8; 32],
    /// What it is for.
    pub state: HeadKeyState,
    /// It signs nothing before this; 0 for a keyspace's first key.
    pub not_before: Timestamp,
    /// It signs nothing after this. Absent: until it is replaced.
    pub not_after: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was given up.
    pub retired_at: Option<Timestamp>,
}

/// Where a key is in its life. The names are stored and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeadKeyState {
    /// Heads are signed by it. There is always one.
    Current,
    /// It is taking over: heads are signed by it too.
    Next,
    /// It signs nothing any more, and its private half is gone.
    Retired,
}

impl HeadKeyState {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
            Self::Retired => "retired",
        }
    }

    /// The state of a stored name.
    pub fn from_stored(name: &str) -> Option<Self> {
        [Self::Current, Self::Next, Self::Retired].into_iter().find(|state| state.as_str() == name)
    }
}

impl HeadKey {
    /// Whether it was not given up: gates are to trust it, now or from `not_before` on.
    pub fn is_in_use(&self) -> bool {
        self.state != HeadKeyState::Retired
    }

    /// Whether a head that is made at `now` is signed by it.
    pub fn signs_at(&self, now: Timestamp) -> bool {
        self.is_in_use()
            // In whole seconds, as heads tell the time and gates compare it.
            && self.not_before.as_seconds() <= now.as_seconds()
            && self.not_after.is_none_or(|end| now.as_seconds() <= end.as_seconds())
    }

    /// The 8 bytes by which signatures name the key, in hex.
    pub fn id(&self) -> String {
        hex::encode(key_id(&self.public_key))
    }

    /// What a gate's setting says of it.
    pub fn trusted_text(&self) -> String {
        let mut text = public_key_text(&self.public_key);
        if self.not_before.0 > 0 {
            text += &format!(";not_before={}", self.not_before.as_seconds());
        }
        if let Some(end) = self.not_after {
            text += &format!(";not_after={}", end.as_seconds());
        }
        text
    }

    /// What the audit log shows.
    pub fn audit_view(&self) -> Value {
        json!({
            "key_id": self.id(),
            "state": self.state.as_str(),
            "not_before": self.not_before,
            "not_after": self.not_after,
        })
    }
}

#[cfg(test)]
mod tests {
    use latchkey_snapshot::TrustedKey;

    use super::*;

    fn key(not_before: i64, not_after: Option<i64>) -> HeadKey {
        HeadKey {
            // The public key of RFC 8032 section 7.1, test 1.
            public_key: hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
                .unwrap()
                .try_into()
                .unwrap(),
            state: HeadKeyState::Current,
            not_before: Timestamp(not_before),
            not_after: not_after.map(Timestamp),
            created_at: Timestamp(0),
            retired_at: None,
        }
    }

    #[test]
    fn it_signs_for_as_long_as_gates_that_have_its_text_trust_it() {
        let limited = key(10_500, Some(20_999));
        assert!(limited.trusted_text().ends_with(";not_before=10;not_after=20"));
        limited.trusted_text().parse::<TrustedKey>().unwrap();
        let signs = |at: i64| limited.signs_at(Timestamp(at));
        assert!(!signs(9_999) && signs(10_000) && signs(20_999) && !signs(21_000));
    }

    #[test]
    fn a_first_key_has_no_limits_and_a_retired_one_signs_nothing() {
        let first = key(0, None);
        assert!(!first.trusted_text().contains(';') && first.signs_at(Timestamp(i64::MAX)));
        assert!(!HeadKey { state: HeadKeyState::Retired, ..first }.signs_at(Timestamp(1)));
    }
}
