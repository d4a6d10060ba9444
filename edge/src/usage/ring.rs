use super::record::{Record, State};

/// Records that an isolate keeps: 0.8 MB.
pub(super) const CAPACITY: usize = 2_048;
/// Milliseconds after which a request is reported without its answer.
const ANSWER_MS: f64 = 30_000.0;

/// Records in the order of their numbers, the oldest of which make room for new ones.
pub(super) struct Ring {
    /// Empty until the first record, since most isolates of most deployments keep none.
    records: Vec<Record>,
    /// The oldest record's number.
    first: u64,
    /// The number of the record after the newest.
    next: u64,
    dropped: u64,
}

impl Ring {
    pub(super) const EMPTY: Self = Self { records: Vec::new(), first: 0, next: 0, dropped: 0 };

    /// A record to be written, and its number.
    pub(super) fn push(&mut self) -> (u64, &mut Record) {
        if self.records.is_empty() {
            self.records = vec![Record::EMPTY; CAPACITY];
        }
        if self.len() == CAPACITY as u64 {
            if self.records[place(self.first)].state != State::Copied {
                self.drop_more(1);
            }
            self.first += 1;
        }
        let number = self.next;
        self.next += 1;
        (number, &mut self.records[place(number)])
    }

    pub(super) fn len(&self) -> u64 {
        self.next - self.first
    }

    pub(super) fn is_half_full(&self) -> bool {
        self.len() >= CAPACITY as u64 / 2
    }

    pub(super) fn get(&self, number: u64) -> Option<&Record> {
        (self.first..self.next).contains(&number).then(|| &self.records[place(number)])
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Record> {
        (self.first..self.next).contains(&number).then(|| &mut self.records[place(number)])
    }

    /// The oldest records that can be reported, at most `most`. From now on they count as copied.
    pub(super) fn take_ready(&mut self, most: usize, now: f64) -> Vec<u64> {
        let mut taken = Vec::new();
        for number in self.first..self.next {
            let record = &mut self.records[place(number)];
            let is_late = record.state == State::Open && now - record.at_ms > ANSWER_MS;
            if record.state == State::Answered || is_late {
                record.state = State::Copied;
                taken.push(number);
                if taken.len() == most {
                    break;
                }
            }
        }
        taken
    }

    /// Makes records that were taken ready again, and counts those that have made room meanwhile.
    pub(super) fn give_back(&mut self, taken: &[u64]) {
        for number in taken {
            match self.get_mut(*number) {
                Some(record) => record.state = State::Answered,
                None => self.drop_more(1),
            }
        }
    }

    /// Forgets the oldest records that were copied.
    pub(super) fn forget_copied(&mut self) {
        while self.get(self.first).is_some_and(|record| record.state == State::Copied) {
            self.first += 1;
        }
    }

    /// Records that were forgotten unreported.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn drop_more(&mut self, count: u64) {
        self.dropped = self.dropped.saturating_add(count);
    }

    /// Notes that so many of the dropped ones were told of.
    pub(super) fn told_of_dropped(&mut self, count: u64) {
        self.dropped = self.dropped.saturating_sub(count);
    }
}

fn place(number: u64) -> usize {
    (number % CAPACITY as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: usize, state: State) -> Ring {
        let mut ring = Ring::EMPTY;
        for _ in 0..count {
            let (number, record) = ring.push();
            (record.state, record.seq, record.at_ms) = (state, number, 0.0);
        }
        ring
    }

    #[test]
    fn a_full_ring_forgets_its_oldest_and_counts_them() {
        let ring = filled(CAPACITY + 3, State::Answered);
        assert_eq!((ring.len(), ring.dropped()), (CAPACITY as u64, 3));
        assert!(ring.get(2).is_none() && ring.get(3).is_some_and(|record| record.seq == 3));
        assert!(ring.get(CAPACITY as u64 + 2).is_some_and(|record| record.seq == CAPACITY as u64 + 2));
    }

    #[test]
    fn what_is_under_way_is_not_counted_as_dropped_until_it_comes_back() {
        let mut ring = filled(CAPACITY, State::Answered);
        let taken = ring.take_ready(10, 0.0);
        assert_eq!(taken, (0..10).collect::<Vec<_>>());
        for _ in 0..4 {
            ring.push();
        }
        assert_eq!(ring.dropped(), 0);
        ring.give_back(&taken);
        assert_eq!(ring.dropped(), 4);
        assert_eq!(ring.take_ready(3, 0.0), [4, 5, 6]);
        ring.forget_copied();
        assert_eq!(ring.len(), CAPACITY as u64 - 3);
    }

    #[test]
    fn a_request_that_is_not_answered_holds_up_no_other_and_is_reported_in_the_end() {
        let mut ring = filled(3, State::Answered);
        ring.get_mut(1).unwrap().state = State::Open;
        assert_eq!(ring.take_ready(9, 1_000.0), [0, 2]);
        ring.forget_copied();
        assert_eq!(ring.len(), 2);
        assert_eq!(ring.take_ready(9, ANSWER_MS + 1.0), [1]);
        ring.forget_copied();
        assert_eq!(ring.len(), 0);
    }
}
