use std::collections::BTreeMap;

use latchkey_ledger::Standing;

/// Keys and units whose totals wait: more are noted when there is room again, since a later total holds the earlier one.
const MOST: usize = 1_024;

/// What ledgers have counted since the last report.
pub(super) struct Credits(BTreeMap<(u64, String), Totals>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) consumed: u64,
    pub(super) written_off: u64,
}

impl Credits {
    pub(super) const NONE: Self = Self(BTreeMap::new());

    pub(super) fn note_all(&mut self, standings: Vec<(u64, String, Standing)>) {
        for (key, unit, standing) in standings {
            self.note(key, &unit, standing.consumed, standing.written_off);
        }
    }

    fn note(&mut self, key: u64, unit: &str, consumed: u64, written_off: u64) {
        let is_full = self.0.len() >= MOST;
        let place = (key, unit.to_owned());
        if is_full && !self.0.contains_key(&place) {
            return;
        }
        let totals = self.0.entry(place).or_insert(Totals { consumed, written_off });
        totals.consumed = totals.consumed.max(consumed);
        totals.written_off = totals.written_off.max(written_off);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &str, Totals)> {
        self.0.iter().map(|((key, unit), totals)| (*key, unit.as_str(), *totals))
    }

    /// Forgets what was reported, unless it has risen since.
    pub(super) fn forget(&mut self, reported: &[(u64, String, Totals)]) {
        for (key, unit, totals) in reported {
            let place = (*key, unit.clone());
            if self.0.get(&place) == Some(totals) {
                self.0.remove(&place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_rise_and_stay_until_the_last_of_them_was_reported() {
        let mut credits = Credits::NONE;
        credits.note(1, "requests", 5, 0);
        credits.note(1, "requests", 3, 1);
        let reported: Vec<_> =
            credits.iter().map(|(key, unit, totals)| (key, unit.to_owned(), totals)).collect();
        assert_eq!(reported[0].2, Totals { consumed: 5, written_off: 1 });
        credits.note(1, "requests", 6, 1);
        credits.forget(&reported);
        assert!(!credits.is_empty());
        (0..5_000).for_each(|key| credits.note(key, "u", 1, 0));
        assert_eq!(credits.iter().count(), MOST);
    }
}
