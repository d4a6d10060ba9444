//! The gate's side: one key's credits in one isolate. `spec/credits.md` section 4.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use crate::session::Balance;
use crate::{Answer, Grants, Message, Reply, Standing, Units};

/// When a holder does what. Milliseconds.
pub mod timing {
    /// A lease is not spent from in this last part of its time: the ledger's clock may run ahead of the holder's.
    pub const MARGIN_MS: u64 = 1_000;
    /// From this age on a lease that is in use is renewed.
    pub const RENEW_AFTER_MS: u64 = 4_000;
    /// A lease that nothing was spent from lately is given back at this age, so that two more tries fit in before it ends.
    pub const RELEASE_AFTER_MS: u64 = 6_000;
    /// A lease that is nearly spent is renewed, but not more often than this.
    pub const RENEW_INTERVAL_MS: u64 = 100;
    /// A message without an answer is given up after this.
    pub const IN_FLIGHT_MS: u64 = 2_000;
    /// After the ledger has said that there is too little, it is not asked again for the same or more.
    pub const EXHAUSTED_MS: u64 = 1_000;
    /// Rates are measured over at least this.
    pub(super) const RATE_MS: u64 = 250;
}

/// Blocks below this are not worth renewing ahead of time.
const SMALL_BLOCK: u64 = 4;

/// One unit of a request's cost: its name and how much.
pub type Cost<S> = (S, u32);

/// Credits that were leased to an isolate for one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    isolate: String,
    /// Which of the isolate's sessions for this key.
    life: u32,
    number: u64,
    in_flight: Option<InFlight>,
    /// The last message has no answer yet, so the ledger may have leased what is not known of here.
    is_unanswered: bool,
    balances: BTreeMap<String, Held>,
    /// When the lease must not be spent from any more.
    ends_at: u64,
    /// When the last message was sent.
    marked_at: u64,
    exhausted: Option<Exhausted>,
    standing: BTreeMap<String, Standing>,
}

/// What is held of one unit. Totals since the session began, but for `block`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Held {
    balance: Balance,
    /// What had been spent when the last message was sent.
    marked: u64,
    /// What the ledger is known to have heard of.
    reported: u64,
    /// What could be spent after the last answer.
    block: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct InFlight {
    sent_at: u64,
}

/// The ledger's word that it has less than this.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Exhausted {
    unit: String,
    amount: u64,
    grant_seq: u64,
    until: u64,
}

/// Whether a request may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spend<'a> {
    /// It may: its cost is spent.
    Spent,
    /// The key has too few credits of this unit.
    Exhausted(&'a str),
    /// The ledger must be asked. Nothing is spent.
    Ask,
}

impl Holder {
    /// Holds nothing. `isolate` names the isolate, uniquely and for as long as it lives.
    pub fn new(isolate: &str) -> Self {
        Self {
            isolate: isolate.to_owned(),
            life: 1,
            number: 0,
            in_flight: None,
            is_unanswered: false,
            balances: BTreeMap::new(),
            ends_at: 0,
            marked_at: 0,
            exhausted: None,
            standing: BTreeMap::new(),
        }
    }

    /// Spends a request's cost, all of it or nothing. No unit is in `costs` twice. `grant_seq` is that of the snapshot in use, which has granted
    /// as much at least.
    pub fn spend<'a, S: AsRef<str>>(&mut self, costs: &'a [Cost<S>], grant_seq: u64, now: u64) -> Spend<'a> {
        if self.has_enough(costs, now) {
            for (unit, cost) in costs {
                if let Some(held) = self.balances.get_mut(unit.as_ref()) {
                    held.balance.spent += u64::from(*cost);
                }
            }
            return Spend::Spent;
        }
        match costs.iter().find(|(unit, cost)| self.is_exhausted(unit.as_ref(), *cost, grant_seq, now)) {
            Some((unit, _)) => Spend::Exhausted(unit.as_ref()),
            None => Spend::Ask,
        }
    }

    /// Whether a lease that is in use should be renewed now, while requests go on spending from it.
    pub fn is_due(&self, now: u64) -> bool {
        let age = now.saturating_sub(self.marked_at);
        let in_use = self.balances.values().any(|held| held.balance.spent > held.marked);
        let is_low = |held: &Held| held.block >= SMALL_BLOCK && held.balance.outstanding() <= held.block / 4;
        !self.is_waiting(now)
            && self.is_live(now)
            && in_use
            && (age >= timing::RENEW_AFTER_MS
                || age >= timing::RENEW_INTERVAL_MS && self.balances.values().any(is_low))
    }

    /// Whether a message is under way. There is never more than one.
    pub fn is_waiting(&self, now: u64) -> bool {
        self.in_flight.is_some_and(|message| now.saturating_sub(message.sent_at) < timing::IN_FLIGHT_MS)
    }

    /// Whether there is something to tell the ledger before this holder is dropped: what was spent, or can be given back.
    pub fn has_unreported(&self) -> bool {
        let is_open = |held: &Held| held.balance.spent > held.reported || held.balance.outstanding() > 0;
        self.is_unanswered || self.balances.values().any(is_open)
    }

    /// Of the last message that was sent; 0 before the first. Whoever waits can see by it whether another one was sent meanwhile.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When the last message was sent.
    pub fn sent_at(&self) -> u64 {
        self.marked_at
    }

    /// A message that asks for what a request costs, and for more at the rate of late. `waiting`: requests that wait for the answer, at least 1.
    pub fn renewal<S: AsRef<str>>(
        &mut self,
        need: &[Cost<S>],
        waiting: u32,
        grants: &Grants,
        now: u64,
    ) -> Message {
        let need: Units =
            need.iter().map(|(unit, cost)| (unit.as_ref().to_owned(), u64::from(*cost))).collect();
        let mut ask = self.projected(now);
        for (unit, cost) in &need {
            let queued = cost.saturating_mul(u64::from(waiting));
            ask.entry(unit.clone()).and_modify(|ask| *ask = (*ask).max(queued)).or_insert(queued);
        }
        // A lease past its end may have been written off. Nothing is spent from it any more, and the ledger should know.
        let release = !self.is_live(now);
        self.message(need, ask, release, grants, now)
    }

    /// A message that gives everything back.
    pub fn release(&mut self, grants: &Grants, now: u64) -> Message {
        self.message(Units::new(), Units::new(), true, grants, now)
    }

    /// Takes the reply to message `number` in, if that is still the one waited for. `need` is what the message asked for.
    pub fn take<S: AsRef<str>>(
        &mut self,
        number: u64,
        need: &[Cost<S>],
        grant_seq: u64,
        reply: &Reply,
        now: u64,
    ) {
        let Some(message) = self.in_flight.filter(|_| number == self.number) else { return };
        self.in_flight = None;
        match reply {
            Reply::Answer(answer) if answer.number == number => {
                self.take_answer(answer, message.sent_at);
                self.note_exhausted(need, grant_seq, now);
            }
            Reply::Unknown => self.begin_anew(),
            Reply::Answer(_) | Reply::Stale | Reply::Full => {}
        }
    }

    /// Message `number` has no answer, and none is expected any more.
    pub fn give_up(&mut self, number: u64) {
        if number == self.number {
            self.in_flight = None;
        }
    }

    /// Credits that others held when the ledger last told, some of which may come back.
    pub fn held_by_others(&self, unit: &str) -> u64 {
        let leased = self.standing.get(unit).map_or(0, |standing| standing.leased);
        let own = self.balances.get(unit).map_or(0, |held| held.balance.leased.saturating_sub(held.reported));
        leased.saturating_sub(own)
    }

    /// The key's credits as the ledger last told them.
    pub fn standing(&self) -> &BTreeMap<String, Standing> {
        &self.standing
    }

    #[cfg(test)]
    pub(crate) fn isolate(&self) -> &str {
        &self.isolate
    }

    fn message(&mut self, need: Units, ask: Units, release: bool, grants: &Grants, now: u64) -> Message {
        self.number += 1;
        self.in_flight = Some(InFlight { sent_at: now });
        self.is_unanswered = true;
        self.marked_at = now;
        for held in self.balances.values_mut() {
            held.marked = held.balance.spent;
            if release {
                held.balance.leased = held.balance.spent;
            }
        }
        let spent = self.balances.iter().map(|(unit, held)| (unit.clone(), held.balance.spent));
        Message {
            session: format!("{}-{}", self.isolate, self.life),
            number: self.number,
            grants: grants.clone(),
            spent: spent.collect(),
            release,
            need,
            ask,
        }
    }

    fn take_answer(&mut self, answer: &Answer, sent_at: u64) {
        self.is_unanswered = false;
        self.balances.values_mut().for_each(|held| held.reported = held.marked);
        for (unit, leased) in &answer.leased {
            let held = self.balances.entry(unit.clone()).or_default();
            // Absolute, and not below what was spent from it since the message was sent.
            held.balance.leased = (*leased).max(held.balance.spent);
            held.block = held.balance.outstanding();
        }
        // From when the message was sent: the ledger has counted from later on.
        self.ends_at = sent_at.saturating_add(answer.lease_ms).saturating_sub(timing::MARGIN_MS);
        self.standing.clone_from(&answer.standing);
    }

    fn note_exhausted<S: AsRef<str>>(&mut self, need: &[Cost<S>], grant_seq: u64, now: u64) {
        let free = |unit: &str| self.standing.get(unit).map_or(0, Standing::remaining);
        let lacks = |(unit, cost): &&Cost<S>| {
            self.available(unit.as_ref()).saturating_add(free(unit.as_ref())) < u64::from(*cost)
        };
        self.exhausted =
            need.iter().find(lacks).filter(|_| self.is_live(now)).map(|(unit, cost)| Exhausted {
                unit: unit.as_ref().to_owned(),
                amount: u64::from(*cost),
                grant_seq,
                until: now.saturating_add(timing::EXHAUSTED_MS),
            });
    }

    /// The ledger has forgotten the session, so all that was leased to it is accounted for.
    fn begin_anew(&mut self) {
        self.life += 1;
        self.is_unanswered = false;
        self.balances.clear();
        self.ends_at = 0;
    }

    /// Whether a request's cost is at hand.
    pub fn has_enough<S: AsRef<str>>(&self, costs: &[Cost<S>], now: u64) -> bool {
        costs.iter().all(|(_, cost)| *cost == 0)
            || self.is_live(now)
                && costs.iter().all(|(unit, cost)| self.available(unit.as_ref()) >= u64::from(*cost))
    }

    fn available(&self, unit: &str) -> u64 {
        self.balances.get(unit).map_or(0, |held| held.balance.outstanding())
    }

    fn is_live(&self, now: u64) -> bool {
        now < self.ends_at
    }

    fn is_exhausted(&self, unit: &str, cost: u32, grant_seq: u64, now: u64) -> bool {
        self.exhausted.as_ref().is_some_and(|exhausted| {
            exhausted.unit == unit
                && exhausted.amount <= u64::from(cost)
                && exhausted.grant_seq == grant_seq
                && now < exhausted.until
        })
    }

    /// What would be spent in one lease's time at the rate since the last message.
    fn projected(&self, now: u64) -> Units {
        let elapsed = now.saturating_sub(self.marked_at).max(timing::RATE_MS);
        let in_use = self.balances.iter().filter(|(_, held)| held.balance.spent > held.marked);
        let project = |held: &Held| {
            let spent = held.balance.spent - held.marked;
            spent.saturating_mul(crate::limits::LEASE_MS) / elapsed
        };
        in_use.map(|(unit, held)| (unit.clone(), project(held))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ledger, limits};

    const COST: [Cost<&str>; 1] = [("request", 1)];

    fn grants(granted: u64) -> Grants {
        Grants { seq: 1, granted: Units::from([("request".into(), granted)]) }
    }

    /// A message to the ledger and its answer back, in no time.
    fn ask(holder: &mut Holder, ledger: &mut Ledger, waiting: u32, grants: &Grants, now: u64) {
        let message = holder.renewal(&COST, waiting, grants, now);
        let reply = ledger.apply(&message, now);
        holder.take(message.number, &COST, grants.seq, &reply, now);
    }

    fn spent(holder: &mut Holder, grants: &Grants, now: u64) -> usize {
        (0..1_000).take_while(|_| holder.spend(&COST, grants.seq, now) == Spend::Spent).count()
    }

    #[test]
    fn a_first_request_leases_its_cost_and_a_busy_key_leases_ahead() {
        let (grants, mut holder, mut ledger) = (grants(10_000), Holder::new("i"), Ledger::default());
        assert_eq!(holder.spend(&COST, grants.seq, 0), Spend::Ask);
        ask(&mut holder, &mut ledger, 1, &grants, 0);
        assert_eq!(spent(&mut holder, &grants, 0), 1);
        // One in the quarter of a second that rates are measured over.
        ask(&mut holder, &mut ledger, 1, &grants, 100);
        assert_eq!(spent(&mut holder, &grants, 100), 40);
    }

    #[test]
    fn requests_that_wait_are_leased_for_together() {
        let (grants, mut holder, mut ledger) = (grants(10_000), Holder::new("i"), Ledger::default());
        ask(&mut holder, &mut ledger, 200, &grants, 0);
        assert_eq!(spent(&mut holder, &grants, 0), 200);
    }

    #[test]
    fn the_last_credits_are_leased_by_quarters_down_to_one() {
        let (grants, mut holder, mut ledger) = (grants(20), Holder::new("i"), Ledger::default());
        let mut blocks = alloc::vec![];
        while let Spend::Ask = holder.spend(&COST, grants.seq, 0) {
            ask(&mut holder, &mut ledger, 100, &grants, 0);
            blocks.push(spent(&mut holder, &grants, 0));
        }
        assert_eq!(blocks, [5, 3, 3, 2, 1, 1, 1, 1, 1, 1, 1, 0]);
        assert_eq!(holder.spend(&COST, grants.seq, 0), Spend::Exhausted("request"));
    }

    #[test]
    fn an_exhausted_key_asks_again_after_a_second_or_with_a_new_grant() {
        let (small, mut holder, mut ledger) = (grants(1), Holder::new("i"), Ledger::default());
        ask(&mut holder, &mut ledger, 1, &small, 0);
        assert_eq!(spent(&mut holder, &small, 0), 1);
        ask(&mut holder, &mut ledger, 1, &small, 0);
        assert_eq!(holder.spend(&COST, small.seq, 999), Spend::Exhausted("request"));
        assert_eq!(holder.spend(&COST, small.seq, 1_000), Spend::Ask);
        let more = Grants { seq: 2, ..grants(2) };
        assert_eq!(holder.spend(&COST, more.seq, 0), Spend::Ask);
    }

    #[test]
    fn several_units_are_leased_and_spent_together_or_not_at_all() {
        let grants = Grants { seq: 1, granted: Units::from([("a".into(), 10), ("b".into(), 1)]) };
        let (mut holder, mut ledger) = (Holder::new("i"), Ledger::default());
        let both = [("a", 1), ("b", 1)];
        for left in [1, 0] {
            let message = holder.renewal(&both, 1, &grants, 0);
            let reply = ledger.apply(&message, 0);
            holder.take(message.number, &both, 1, &reply, 0);
            let expected = if left == 1 { Spend::Spent } else { Spend::Exhausted("b") };
            assert_eq!(holder.spend(&both, 1, 0), expected);
        }
        assert_eq!(ledger.standing()["a"].remaining(), 9);
    }

    #[test]
    fn what_others_hold_is_told_apart_from_what_is_gone() {
        let (grants, mut ledger) = (grants(4), Ledger::default());
        let (mut one, mut other) = (Holder::new("one"), Holder::new("other"));
        let everything = [("request", 4)];
        let message = one.renewal(&everything, 1, &grants, 0);
        let reply = ledger.apply(&message, 0);
        one.take(message.number, &everything, 1, &reply, 0);
        assert_eq!(one.held_by_others("request"), 0);
        ask(&mut other, &mut ledger, 1, &grants, 0);
        assert_eq!(other.held_by_others("request"), 4);
        assert_eq!(one.spend(&everything, 1, 0), Spend::Spent);
        ledger.apply(&one.release(&grants, 0), 0);
        ask(&mut other, &mut ledger, 1, &grants, 0);
        assert_eq!(other.held_by_others("request"), 0);
    }

    #[test]
    fn a_lease_ends_a_margin_before_the_ledger_ends_it() {
        let (grants, mut holder, mut ledger) = (grants(100), Holder::new("i"), Ledger::default());
        ask(&mut holder, &mut ledger, 9, &grants, 0);
        let end = limits::LEASE_MS - timing::MARGIN_MS;
        assert_eq!(holder.spend(&COST, grants.seq, end - 1), Spend::Spent);
        assert_eq!(holder.spend(&COST, grants.seq, end), Spend::Ask);
    }

    #[test]
    fn a_lease_is_renewed_when_it_is_old_or_nearly_spent_and_only_if_it_is_used() {
        let (grants, mut holder, mut ledger) = (grants(1_000), Holder::new("i"), Ledger::default());
        ask(&mut holder, &mut ledger, 8, &grants, 0);
        assert!(!holder.is_due(timing::RENEW_AFTER_MS));
        assert_eq!(holder.spend(&COST, grants.seq, 0), Spend::Spent);
        assert!(!holder.is_due(timing::RENEW_AFTER_MS - 1));
        assert!(holder.is_due(timing::RENEW_AFTER_MS));
        (0..5).for_each(|_| assert_eq!(holder.spend(&COST, grants.seq, 0), Spend::Spent));
        assert!(!holder.is_due(timing::RENEW_INTERVAL_MS - 1));
        assert!(holder.is_due(timing::RENEW_INTERVAL_MS));
    }

    #[test]
    fn what_is_not_spent_goes_back_and_nothing_remains_to_be_said() {
        let (grants, mut holder, mut ledger) = (grants(100), Holder::new("i"), Ledger::default());
        ask(&mut holder, &mut ledger, 10, &grants, 0);
        assert_eq!(holder.spend(&COST, grants.seq, 0), Spend::Spent);
        assert!(holder.has_unreported());
        let message = holder.release(&grants, 6_000);
        assert_eq!(holder.spend(&COST, grants.seq, 6_000), Spend::Ask);
        let reply = ledger.apply(&message, 6_000);
        holder.take(message.number, &COST, 1, &reply, 6_000);
        assert!(!holder.has_unreported());
        let standing = ledger.standing()["request"];
        assert_eq!((standing.consumed, standing.leased, standing.remaining()), (1, 0, 99));
    }
}
