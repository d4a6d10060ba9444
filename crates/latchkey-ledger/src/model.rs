//! Every order of events, in a world small enough to search it whole: two holders, one ledger, a network that loses, repeats and reorders
//! messages, isolates that die, a ledger that is evicted, clocks that run as they like, grants that change.
//!
//! The search visits every state that can be reached within the [`Budget`]s and checks the invariants of `spec/credits.md` section 5 in each.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use alloc::collections::BTreeMap;

use proptest::prelude::*;

use crate::{Account, Cost, Grants, Holder, Ledger, Message, Reply, Session, Spend, Units, limits};

const UNIT: &str = "u";
const COST: [Cost<&str>; 1] = [(UNIT, 1)];
/// Asked for by each renewal: more than one, so that leases have something to give back.
const WAITING: u32 = 3;

/// How often each thing may happen. Everything else may happen at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Budget {
    messages: u8,
    duplicates: u8,
    deaths: u8,
    evictions: u8,
    /// Leases of one holder end by its own clock.
    holder_clock: u8,
    /// All leases end by the ledger's clock.
    ledger_clock: u8,
    /// Sessions are forgotten.
    forgets: u8,
    raises: u8,
    lowers: u8,
}

const NO_FAULTS: Budget = Budget {
    messages: 3,
    duplicates: 0,
    deaths: 0,
    evictions: 0,
    holder_clock: 0,
    ledger_clock: 0,
    forgets: 0,
    raises: 0,
    lowers: 0,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Expiry {
    WriteOff,
    /// The unsafe variant.
    GiveBack,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Packet {
    Request {
        from: usize,
        message: Message,
    },
    /// To the call that sent the request, which ends with its isolate.
    Reply {
        to: usize,
        session: String,
        number: u64,
        reply: Reply,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    left: Budget,
    expiry: Expiry,
    ledger: Ledger,
    disk: (Account, BTreeMap<String, Session>),
    ledger_now: u64,
    holders: Vec<(Holder, u64)>,
    names: usize,
    network: Vec<Packet>,
    grants: Grants,
    /// What was let through, by holders that live and in all.
    admitted: u64,
    /// The most that was ever granted.
    allowed: u64,
    /// Whether the ledger has ever leased more than the grant that it knew of left.
    has_leased_too_much: bool,
}

impl World {
    fn new(granted: u64, left: Budget, expiry: Expiry) -> Self {
        Self {
            left,
            expiry,
            ledger: Ledger::default(),
            disk: Default::default(),
            ledger_now: 1_000_000,
            // Their clocks have nothing to do with the ledger's, nor with each other.
            holders: vec![(Holder::new("a"), 5_000), (Holder::new("b"), 9_000_000)],
            names: 0,
            network: Vec::new(),
            grants: Grants { seq: 1, granted: Units::from([(UNIT.to_string(), granted)]) },
            admitted: 0,
            allowed: granted,
            has_leased_too_much: false,
        }
    }

    fn granted(&self) -> u64 {
        self.grants.granted[UNIT]
    }

    /// Consumed or leased, as the ledger has it.
    fn committed(&self) -> u64 {
        let standing = self.ledger.standing().get(UNIT).copied().unwrap_or_default();
        standing.consumed + standing.leased
    }

    fn store(&mut self) {
        let changed = self.ledger.take_changed();
        if changed.account {
            self.disk.0 = self.ledger.account().clone();
        }
        for id in changed.sessions {
            match self.ledger.session(&id) {
                Some(session) => drop(self.disk.1.insert(id, session.clone())),
                None => drop(self.disk.1.remove(&id)),
            }
        }
    }

    fn spend(&mut self, index: usize) -> bool {
        let (holder, now) = &mut self.holders[index];
        let is_spent = holder.spend(&COST, self.grants.seq, *now) == Spend::Spent;
        self.admitted += u64::from(is_spent);
        is_spent
    }

    fn send(&mut self, index: usize, release: bool) {
        let (holder, now) = &mut self.holders[index];
        let message = if release {
            holder.release(&self.grants, *now)
        } else {
            holder.renewal(&COST, WAITING, &self.grants, *now)
        };
        self.network.push(Packet::Request { from: index, message });
    }

    fn deliver(&mut self, packet: Packet) {
        match packet {
            Packet::Request { from, message } => {
                let before = self.committed();
                let reply = self.ledger.apply(&message, self.ledger_now);
                let known = self.ledger.standing().get(UNIT).map_or(0, |standing| standing.granted);
                self.has_leased_too_much |= self.committed() > before.max(known);
                self.store();
                // Nobody is there to hear a reply to an isolate that has died.
                if message.session.starts_with(self.holders[from].0.isolate()) {
                    let Message { session, number, .. } = message;
                    self.network.push(Packet::Reply { to: from, session, number, reply });
                }
            }
            Packet::Reply { to, number, reply, .. } => {
                let (holder, now) = &mut self.holders[to];
                holder.take(number, &COST, self.grants.seq, &reply, *now);
            }
        }
    }

    fn kill(&mut self, index: usize) {
        self.names += 1;
        self.holders[index].0 = Holder::new(&format!("n{}", self.names));
        // What the dead one was sent reaches nobody; what it has sent may still arrive.
        self.network.retain(|packet| !matches!(packet, Packet::Reply { to, .. } if *to == index));
    }

    fn pass_time(&mut self, ms: u64) {
        self.ledger_now += ms;
        match self.expiry {
            Expiry::WriteOff => self.ledger.expire(self.ledger_now),
            Expiry::GiveBack => self.ledger.expire_and_give_back(self.ledger_now),
        }
        self.store();
    }

    fn grant(&mut self, granted: u64) {
        self.grants.seq += 1;
        self.grants.granted.insert(UNIT.to_string(), granted);
        // A lower one takes effect when the ledger hears of it, and takes no lease back.
        self.allowed = self.allowed.max(granted);
    }

    /// Every world that may come next, with what has happened.
    fn next(&self) -> Vec<(&'static str, World)> {
        let mut next = Vec::new();
        let mut step = |name, pay: fn(&mut Budget) -> Option<&mut u8>, act: &dyn Fn(&mut World)| {
            let mut world = self.clone();
            match pay(&mut world.left) {
                Some(0) => return,
                Some(left) => *left -= 1,
                None => {}
            }
            act(&mut world);
            // Sent earlier or later makes no difference to a network without order.
            world.network.sort_by_cached_key(fingerprint);
            next.push((name, world));
        };
        for index in 0..self.holders.len() {
            let (holder, now) = &self.holders[index];
            let can_spend = self.clone().spend(index);
            if can_spend {
                step("spend", |_| None, &|world| assert!(world.spend(index)));
            }
            if holder.is_waiting(*now) {
                step("give up", |_| None, &|world| {
                    let (holder, _) = &mut world.holders[index];
                    holder.give_up(holder.number());
                });
            } else {
                // Also while there is something to spend, as a renewal ahead of time.
                step("renew", |left| Some(&mut left.messages), &|world| world.send(index, false));
                if holder.has_unreported() {
                    step("release", |left| Some(&mut left.messages), &|world| world.send(index, true));
                }
            }
            step("isolate dies", |left| Some(&mut left.deaths), &|world| world.kill(index));
            step("lease ends at the holder", |left| Some(&mut left.holder_clock), &|world| {
                world.holders[index].1 += limits::LEASE_MS;
            });
        }
        for position in 0..self.network.len() {
            let packet = &self.network[position];
            step("deliver", |_| None, &|world| {
                let packet = world.network.remove(position);
                world.deliver(packet);
            });
            step("deliver twice", |left| Some(&mut left.duplicates), &|world| world.deliver(packet.clone()));
            // Losing a message is the same as delivering it after everything else, which is tried too.
        }
        step("ledger is evicted", |left| Some(&mut left.evictions), &|world| {
            world.ledger = Ledger::load(world.disk.0.clone(), world.disk.1.clone());
        });
        step("leases end at the ledger", |left| Some(&mut left.ledger_clock), &|world| {
            world.pass_time(limits::LEASE_MS);
        });
        step("sessions are forgotten", |left| Some(&mut left.forgets), &|world| {
            // No message is under way for ten minutes.
            world.network.clear();
            world.pass_time(limits::REMEMBER_MS);
        });
        step("grant is raised", |left| Some(&mut left.raises), &|world| world.grant(world.granted() + 2));
        step("grant is lowered", |left| Some(&mut left.lowers), &|world| world.grant(1));
        next
    }

    /// What must hold in every state.
    fn check(&self, budget: Budget) -> Result<(), &'static str> {
        if self.admitted > self.allowed {
            return Err("more was admitted than granted");
        }
        if self.has_leased_too_much {
            return Err("more was leased than the known grant left");
        }
        if self.admitted > self.committed() {
            return Err("more was admitted than the ledger knows of");
        }
        self.settled().check_settled(budget)
    }

    /// The same world once the network works, everybody who lives has given back, and everything else has ended.
    fn settled(&self) -> World {
        let mut world = self.clone();
        while let Some(packet) = world.network.pop() {
            world.deliver(packet);
        }
        for index in 0..world.holders.len() {
            let (holder, _) = &mut world.holders[index];
            holder.give_up(holder.number());
            if holder.has_unreported() {
                world.send(index, true);
            }
            while let Some(packet) = world.network.pop() {
                world.deliver(packet);
            }
        }
        world.pass_time(limits::LEASE_MS);
        world
    }

    fn check_settled(&self, budget: Budget) -> Result<(), &'static str> {
        let standing = self.ledger.standing().get(UNIT).copied().unwrap_or_default();
        if standing.leased != 0 {
            return Err("something stays leased for ever");
        }
        if standing.consumed < self.admitted {
            return Err("the ledger has lost track of what was spent");
        }
        if standing.consumed - standing.written_off > self.admitted {
            return Err("the ledger counts what nobody has spent");
        }
        if budget.deaths == 0
            && budget.forgets == 0
            && (standing.consumed != self.admitted || standing.written_off != 0)
        {
            return Err("what a living holder did not spend has not come back");
        }
        if standing.consumed > self.allowed {
            return Err("more was taken for spent than was granted");
        }
        Ok(())
    }
}

/// Visits every state. The first violation is the error, with the events that led to it.
fn search(granted: u64, budget: Budget, expiry: Expiry) -> Result<usize, String> {
    let first = World::new(granted, budget, expiry);
    let mut seen = HashSet::from([fingerprint(&first)]);
    let mut open = vec![(first, Vec::new())];
    while let Some((world, path)) = open.pop() {
        for (name, next) in world.next() {
            if !seen.insert(fingerprint(&next)) {
                continue;
            }
            let mut path = path.clone();
            path.push(name);
            if let Err(violation) = next.check(budget) {
                return Err(format!("{violation}: {}", path.join(", ")));
            }
            open.push((next, path));
        }
    }
    Ok(seen.len())
}

/// 128 bits: among millions of states two that differ do not share them.
fn fingerprint(value: &impl Hash) -> (u64, u64) {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, value).hash(&mut hasher);
        hasher.finish()
    };
    (hash(0), hash(1))
}

fn holds(granted: u64, budget: Budget) {
    match search(granted, budget, Expiry::WriteOff) {
        Ok(states) => assert!(states > 1_000, "only {states} states: the search has hardly begun"),
        Err(violation) => panic!("{violation}"),
    }
}

#[test]
fn nothing_is_overspent_or_lost_when_messages_are_lost_repeated_and_overtaken() {
    holds(4, Budget { duplicates: 1, ..NO_FAULTS });
}

#[test]
fn nothing_is_overspent_when_isolates_die_and_leases_end_by_clocks_that_disagree() {
    holds(4, Budget { deaths: 1, ledger_clock: 1, ..NO_FAULTS });
}

#[test]
fn what_a_holder_comes_back_with_after_its_lease_was_written_off_is_not_lost() {
    holds(4, Budget { holder_clock: 1, ledger_clock: 1, ..NO_FAULTS });
}

#[test]
fn nothing_is_overspent_when_the_ledger_is_evicted_and_forgets() {
    holds(4, Budget { evictions: 1, forgets: 1, ledger_clock: 1, ..NO_FAULTS });
}

#[test]
fn nothing_is_overspent_when_grants_change_meanwhile() {
    holds(2, Budget { raises: 1, lowers: 1, ..NO_FAULTS });
    holds(3, Budget { lowers: 1, ledger_clock: 1, ..NO_FAULTS });
}

#[test]
fn giving_an_ended_lease_back_without_its_holders_word_overspends() {
    let budget = Budget { ledger_clock: 1, ..NO_FAULTS };
    let violation = search(2, budget, Expiry::GiveBack).expect_err("the unsafe variant must fail");
    assert!(violation.starts_with("more was admitted than"), "{violation}");
    assert!(violation.contains("leases end at the ledger"), "{violation}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Long stories with every fault many times over, of which the searches above only see short ones.
    #[test]
    fn long_stories_of_every_fault_overspend_nothing(choices in prop::collection::vec(any::<prop::sample::Index>(), 1..120)) {
        let budget = Budget {
            messages: 60, duplicates: 9, deaths: 3, evictions: 3, holder_clock: 6, ledger_clock: 6, forgets: 1, raises: 2, lowers: 2,
        };
        let mut world = World::new(20, budget, Expiry::WriteOff);
        let mut path = Vec::new();
        for choice in choices {
            let mut next = world.next();
            let (name, chosen) = next.swap_remove(choice.index(next.len()));
            path.push(name);
            world = chosen;
            prop_assert_eq!(world.check(budget), Ok(()), "{}", path.join(", "));
        }
    }
}
