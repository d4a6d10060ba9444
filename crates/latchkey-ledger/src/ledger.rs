//! The ledger's side: `spec/credits.md` section 3, step by step.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::session::Session;
use crate::{Answer, Grants, Message, Reply, Standing, Units};

/// Bounds of one key's ledger. Times in milliseconds.
pub mod limits {
    /// How long a lease lasts: long enough that renewing it costs little, short enough that what a dead holder had is soon accounted for.
    pub const LEASE_MS: u64 = 10_000;
    /// How long a session is remembered after its last message, so that late messages find it.
    pub const REMEMBER_MS: u64 = 600_000;
    /// Sessions that are kept: the isolates that serve one key at a time, and those that did lately.
    pub const SESSIONS: usize = 1_024;
    /// Units that one key has ever used.
    pub const UNITS: usize = 64;
    /// Units in one message; a snapshot allows 16.
    pub const UNITS_IN_MESSAGE: usize = 16;
    /// Bytes of a unit's name or of a session's.
    pub const NAME_BYTES: usize = 64;
    /// A lease takes at most this part of what is free, beyond what its holder needs at once: so that others get some too.
    pub(crate) const SHARE: u64 = 4;
}

/// The credits of one key: what was consumed, and who holds what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ledger {
    account: Account,
    sessions: BTreeMap<String, Session>,
    changed: Changed,
}

/// What outlives sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Account {
    grants: Grants,
    units: BTreeMap<String, Used>,
}

/// What became of one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Used {
    /// See [`Standing::consumed`].
    pub consumed: u64,
    /// See [`Standing::written_off`].
    pub written_off: u64,
}

/// What has to be stored before an answer may leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Changed {
    /// [`Ledger::account`].
    pub account: bool,
    /// [`Ledger::session`] of these; one that is gone is to be deleted.
    pub sessions: BTreeSet<String>,
}

impl Ledger {
    /// A ledger from what was stored of it.
    pub fn load(account: Account, sessions: impl IntoIterator<Item = (String, Session)>) -> Self {
        Self { account, sessions: sessions.into_iter().collect(), changed: Changed::default() }
    }

    /// Takes a message in. `now` in milliseconds since the epoch; it decides how long things last and never whether something may be spent.
    pub fn apply(&mut self, message: &Message, now: u64) -> Reply {
        if !self.has_room_for(message) {
            return Reply::Full;
        }
        // Step 1: the newest grants.
        if message.grants.seq > self.account.grants.seq {
            self.account.grants = message.grants.clone();
            self.changed.account = true;
        }
        // Step 2: which message of which session.
        match self.sessions.get(&message.session) {
            // What it has spent was counted when its session was forgotten, and must not be counted twice.
            None if message.spent.values().any(|spent| *spent > 0) => return Reply::Unknown,
            Some(session) if message.number < session.number => return Reply::Stale,
            Some(session) if message.number == session.number => return self.answer(session, now),
            None | Some(_) => {}
        }
        if !self.sessions.contains_key(&message.session) && !self.make_room() {
            return Reply::Full;
        }
        // Until it is put back, everything summed up here is about the other sessions.
        let mut session = self.sessions.remove(&message.session).unwrap_or_default();
        session.number = message.number;
        session.seen_at = now;
        let was_written_off = session.is_written_off;
        self.undo_write_off(&mut session);
        // Step 3.
        self.report(&mut session, &message.spent);
        // Step 4.
        if message.release {
            give_back(&mut session);
        }
        // Step 5.
        if was_written_off && !message.release {
            // Its holder does not know yet, and may still be spending. It learns now, and gives back with its next message.
            self.write_off(&mut session);
        } else {
            self.lease(&mut session, message);
            session.ends_at = now.saturating_add(limits::LEASE_MS);
        }
        self.sessions.insert(message.session.clone(), session);
        self.changed.sessions.insert(message.session.clone());
        self.sessions.get(&message.session).map_or(Reply::Unknown, |session| self.answer(session, now))
    }

    /// Writes off what is still outstanding of leases that have ended, and forgets sessions that nobody will hear of again.
    pub fn expire(&mut self, now: u64) {
        let ended: Vec<String> = self
            .sessions
            .iter()
            .filter(|(_, session)| {
                !session.is_written_off && session.has_outstanding() && session.ends_at <= now
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in ended {
            let Some(mut session) = self.sessions.remove(&id) else { continue };
            self.write_off(&mut session);
            self.sessions.insert(id.clone(), session);
            self.changed.sessions.insert(id);
        }
        let forgotten: Vec<String> = self
            .sessions
            .iter()
            .filter(|(_, session)| {
                is_settled(session) && session.seen_at.saturating_add(limits::REMEMBER_MS) <= now
            })
            .map(|(id, _)| id.clone())
            .collect();
        forgotten.iter().for_each(|id| self.forget(id));
    }

    /// When [`Self::expire`] has something to do next, in milliseconds since the epoch.
    pub fn next_deadline(&self) -> Option<u64> {
        let deadline = |session: &Session| {
            if is_settled(session) {
                session.seen_at.saturating_add(limits::REMEMBER_MS)
            } else {
                session.ends_at
            }
        };
        self.sessions.values().map(deadline).min()
    }

    /// Whether forgetting this ledger altogether would lose nothing.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.account.units.values().all(|used| used.consumed == 0)
    }

    /// The key's credits, for every unit that was granted or consumed.
    pub fn standing(&self) -> BTreeMap<String, Standing> {
        let units = self.account.grants.granted.keys().chain(self.account.units.keys());
        units.map(|unit| (unit.clone(), self.standing_of(unit))).collect()
    }

    /// Takes newer grants in. Older ones change nothing.
    pub fn learn(&mut self, grants: &Grants) {
        if grants.seq > self.account.grants.seq && grants.granted.len() <= limits::UNITS_IN_MESSAGE {
            self.account.grants = grants.clone();
            self.changed.account = true;
        }
    }

    /// For storing.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// For storing.
    pub fn session(&self, id: &str) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// What has changed since the last call.
    pub fn take_changed(&mut self) -> Changed {
        core::mem::take(&mut self.changed)
    }

    /// What must never be done: give an ended lease's rest back without its holder's word. The model shows what comes of it.
    #[cfg(test)]
    pub(crate) fn expire_and_give_back(&mut self, now: u64) {
        for (id, session) in self.sessions.iter_mut().filter(|(_, session)| session.ends_at <= now) {
            give_back(session);
            self.changed.sessions.insert(id.clone());
        }
    }

    fn has_room_for(&self, message: &Message) -> bool {
        let parts = [&message.need, &message.ask, &message.grants.granted];
        let fits = |units: &&Units| {
            units.len() <= limits::UNITS_IN_MESSAGE
                && units.keys().all(|unit| unit.len() <= limits::NAME_BYTES)
        };
        let new = message.need.keys().chain(message.ask.keys()).collect::<BTreeSet<_>>();
        let new = new.into_iter().filter(|unit| !self.account.units.contains_key(*unit)).count();
        message.session.len() <= limits::NAME_BYTES
            && message.spent.len() <= limits::UNITS
            && parts.iter().all(fits)
            && self.account.units.len() + new <= limits::UNITS
    }

    /// Whether there is room for one more session, if need be in place of the one that was silent longest and holds nothing.
    fn make_room(&mut self) -> bool {
        if self.sessions.len() < limits::SESSIONS {
            return true;
        }
        let settled = self.sessions.iter().filter(|(_, session)| is_settled(session));
        let oldest = settled.min_by_key(|(_, session)| session.seen_at).map(|(id, _)| id.clone());
        oldest.is_some_and(|id| {
            self.forget(&id);
            true
        })
    }

    fn forget(&mut self, id: &str) {
        self.sessions.remove(id);
        self.changed.sessions.insert(id.to_owned());
    }

    /// Step 3: totals never fall, and a session cannot have spent what it was not leased.
    fn report(&mut self, session: &mut Session, spent: &Units) {
        for (unit, balance) in &mut session.balances {
            let reported = spent.get(unit).copied().unwrap_or(0).min(balance.leased);
            let new = reported.saturating_sub(balance.spent);
            if new > 0 {
                balance.spent += new;
                let used = self.account.units.entry(unit.clone()).or_default();
                used.consumed = used.consumed.saturating_add(new);
                self.changed.account = true;
            }
        }
    }

    /// Step 5: all that is needed, or nothing; beyond that what was asked for, as far as there is enough for others.
    fn lease(&self, session: &mut Session, message: &Message) {
        let amount = |units: &Units, unit: &str| units.get(unit).copied().unwrap_or(0);
        let units: BTreeSet<&String> = message.need.keys().chain(message.ask.keys()).collect();
        let mut targets = Vec::with_capacity(units.len());
        for unit in units {
            let held = session.outstanding(unit);
            // What the session holds already is leased anew; it is never less, even if the grant has fallen below it.
            let most = self.standing_of(unit).remaining().max(held);
            let need = amount(&message.need, unit);
            if need > most {
                return;
            }
            let share = held + (most - held) / limits::SHARE;
            targets.push((unit, amount(&message.ask, unit).min(share).max(need).max(held)));
        }
        for (unit, target) in targets {
            let balance = session.balances.entry(unit.clone()).or_default();
            balance.leased = balance.spent.saturating_add(target);
        }
    }

    /// What is outstanding becomes consumed: its holder may have spent it, and nobody knows.
    fn write_off(&mut self, session: &mut Session) {
        session.is_written_off = true;
        for (unit, balance) in &session.balances {
            let lost = balance.outstanding();
            let used = self.account.units.entry(unit.clone()).or_default();
            used.consumed = used.consumed.saturating_add(lost);
            used.written_off = used.written_off.saturating_add(lost);
            self.changed.account = true;
        }
    }

    /// Its holder has turned up.
    fn undo_write_off(&mut self, session: &mut Session) {
        if !core::mem::take(&mut session.is_written_off) {
            return;
        }
        for (unit, balance) in &session.balances {
            let found = balance.outstanding();
            let used = self.account.units.entry(unit.clone()).or_default();
            used.consumed = used.consumed.saturating_sub(found);
            used.written_off = used.written_off.saturating_sub(found);
            self.changed.account = true;
        }
    }

    fn answer(&self, session: &Session, now: u64) -> Reply {
        Reply::Answer(Answer {
            number: session.number,
            leased: session.balances.iter().map(|(unit, balance)| (unit.clone(), balance.leased)).collect(),
            lease_ms: if session.is_written_off { 0 } else { session.ends_at.saturating_sub(now) },
            standing: self.standing(),
        })
    }

    fn standing_of(&self, unit: &str) -> Standing {
        let used = self.account.units.get(unit).copied().unwrap_or_default();
        let live = self.sessions.values().filter(|session| !session.is_written_off);
        Standing {
            granted: self.account.grants.granted.get(unit).copied().unwrap_or(0),
            consumed: used.consumed,
            written_off: used.written_off,
            leased: live.map(|session| session.outstanding(unit)).sum(),
        }
    }
}

/// Whether nothing more is expected of a session.
fn is_settled(session: &Session) -> bool {
    session.is_written_off || !session.has_outstanding()
}

/// Step 4.
fn give_back(session: &mut Session) {
    for balance in session.balances.values_mut() {
        balance.leased = balance.spent;
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    const UNIT: &str = "request";

    fn message(session: &str, number: u64, ask: u64) -> Message {
        Message {
            session: session.to_string(),
            number,
            grants: Grants { seq: 1, granted: Units::from([(UNIT.to_string(), 1_000_000)]) },
            spent: Units::new(),
            release: false,
            need: Units::new(),
            ask: Units::from([(UNIT.to_string(), ask)]),
        }
    }

    #[test]
    fn a_ledger_is_the_same_after_being_stored_and_loaded() {
        let mut ledger = Ledger::default();
        ledger.apply(&message("one", 1, 5), 0);
        ledger.apply(&message("two", 1, 7), 1);
        ledger.expire(limits::LEASE_MS);
        let changed = ledger.take_changed();
        let json = serde_json::to_string(ledger.account()).unwrap();
        let sessions = changed.sessions.iter().map(|id| {
            let json = serde_json::to_string(ledger.session(id).unwrap()).unwrap();
            (id.clone(), serde_json::from_str(&json).unwrap())
        });
        assert_eq!(Ledger::load(serde_json::from_str(&json).unwrap(), sessions), ledger);
    }

    #[test]
    fn its_deadlines_are_the_ends_of_leases_and_then_of_memories() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.next_deadline(), None);
        ledger.apply(&message("one", 1, 5), 100);
        assert_eq!(ledger.next_deadline(), Some(100 + limits::LEASE_MS));
        ledger.expire(100 + limits::LEASE_MS);
        assert_eq!(ledger.standing()[UNIT].written_off, 5);
        assert_eq!(ledger.next_deadline(), Some(100 + limits::REMEMBER_MS));
        ledger.expire(100 + limits::REMEMBER_MS);
        assert_eq!(ledger.next_deadline(), None);
        assert!(!ledger.is_empty(), "what was written off must not be forgotten");
    }

    #[test]
    fn a_ledger_that_nothing_was_spent_from_becomes_empty() {
        let mut ledger = Ledger::default();
        ledger.apply(&message("one", 1, 5), 0);
        ledger.apply(&Message { release: true, ..message("one", 2, 0) }, 1);
        assert!(!ledger.is_empty());
        ledger.expire(1 + limits::REMEMBER_MS);
        assert!(ledger.is_empty());
    }

    #[test]
    fn a_full_ledger_forgets_whoever_holds_nothing_and_else_refuses() {
        let mut ledger = Ledger::default();
        for i in 0..limits::SESSIONS as u64 {
            assert!(matches!(ledger.apply(&message(&format!("s{i}"), 1, 1), i), Reply::Answer(_)));
        }
        assert_eq!(ledger.apply(&message("late", 1, 1), 0), Reply::Full);
        ledger.apply(&Message { release: true, ..message("s7", 2, 0) }, 5_000);
        assert!(matches!(ledger.apply(&message("late", 1, 1), 5_001), Reply::Answer(_)));
        assert!(ledger.session("s7").is_none());
    }

    #[test]
    fn more_units_than_it_keeps_are_refused_and_change_nothing() {
        let mut ledger = Ledger::default();
        let units = |count: usize| (0..count).map(|i| (format!("u{i}"), 1)).collect::<Units>();
        let many = Message { ask: units(limits::UNITS_IN_MESSAGE + 1), ..message("one", 1, 1) };
        assert_eq!(ledger.apply(&many, 0), Reply::Full);
        let long = Message { ask: Units::from([("u".repeat(65), 1)]), ..message("one", 1, 1) };
        assert_eq!(ledger.apply(&long, 0), Reply::Full);
        assert_eq!(ledger.take_changed(), Changed::default());
    }
}
