//! Sessions: what a browser has in place of an admin key, so that the key itself is in no page and no storage of a browser.

use serde_json::{Value, json};

use super::{AdminKey, AdminKeyId, SessionId, Timestamp};

/// How the tokens of sessions begin.
pub const TOKEN_PREFIX: &str = "lkses";
/// The longest session, in seconds: a working day.
pub const LIFETIME_SECONDS: i64 = 8 * 3_600;
/// A session that is not used for this many seconds ends.
pub const IDLE_SECONDS: i64 = 30 * 60;
/// Seconds between two notes of a session's use: a note is a write.
const NOTE_SECONDS: i64 = 60;
/// Sessions that one admin key has at a time; a further one ends the oldest.
pub const MAX_OF_AN_ADMIN_KEY: u32 = 50;

/// A browser that is signed in. Only the digest of its token is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose rights it has.
    pub admin_key_id: AdminKeyId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, up to a minute too early.
    pub last_used_at: Timestamp,
    /// When it ends however much it is used.
    pub ends_at: Timestamp,
}

impl Session {
    /// A session that begins now, and ends with its admin key at the latest.
    pub fn begin(id: SessionId, admin_key: &AdminKey, now: Timestamp) -> Self {
        let ends_at = now.plus_seconds(LIFETIME_SECONDS);
        let ends_at = admin_key.expires_at.map_or(ends_at, |end| end.min(ends_at));
        Self { id, admin_key_id: admin_key.id, created_at: now, last_used_at: now, ends_at }
    }

    /// Whether it still stands for its admin key.
    pub fn works(&self, now: Timestamp) -> bool {
        now < self.ends_at && now < self.last_used_at.plus_seconds(IDLE_SECONDS)
    }

    /// Whether the present use has to be noted.
    pub fn is_due(&self, now: Timestamp) -> bool {
        now >= self.last_used_at.plus_seconds(NOTE_SECONDS)
    }

    /// What the audit log keeps.
    pub fn audit_view(&self) -> Value {
        json!({ "id": self.id, "admin_key_id": self.admin_key_id, "ends_at": self.ends_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::WorkspaceId;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn admin_key(expires_at: Option<Timestamp>) -> AdminKey {
        AdminKey { expires_at, ..AdminKey::first(AdminKeyId(1), WorkspaceId(1), "A", "lkadm_live_1", NOW) }
    }

    #[test]
    fn a_session_ends_when_idle_after_a_day_of_use_and_with_its_admin_key() {
        let mut session = Session::begin(SessionId(1), &admin_key(None), NOW);
        assert!(session.works(NOW.plus_seconds(IDLE_SECONDS - 1)));
        assert!(!session.works(NOW.plus_seconds(IDLE_SECONDS)));
        session.last_used_at = NOW.plus_seconds(LIFETIME_SECONDS - 1);
        assert!(session.works(NOW.plus_seconds(LIFETIME_SECONDS - 1)));
        assert!(!session.works(NOW.plus_seconds(LIFETIME_SECONDS)));
        let end = NOW.plus_seconds(5);
        assert_eq!(Session::begin(SessionId(1), &admin_key(Some(end)), NOW).ends_at, end);
    }
}
