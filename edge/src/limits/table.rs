//! A map that forgets what was not used for long, without keeping track of when each entry was.

use std::collections::HashMap;

/// Two generations: what is used moves to the young one, and when that is full the old one is dropped. So an entry is dropped once `half` others
/// were used since its last use, at the earliest.
pub(super) struct Table<T> {
    half: usize,
    young: HashMap<u64, T>,
    old: HashMap<u64, T>,
}

impl<T: Default> Table<T> {
    pub(super) fn new(half: usize) -> Self {
        Self { half, young: HashMap::new(), old: HashMap::new() }
    }

    /// The entry, made if it is not there. `drop_entry` gets what has to give way for it.
    pub(super) fn entry(&mut self, key: u64, mut drop_entry: impl FnMut(u64, T)) -> &mut T {
        if !self.young.contains_key(&key) {
            if self.young.len() >= self.half {
                let dropped = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
                let (found, dropped): (Vec<_>, Vec<_>) =
                    dropped.into_iter().partition(|(other, _)| *other == key);
                self.young.extend(found);
                dropped.into_iter().for_each(|(key, entry)| drop_entry(key, entry));
            }
            if let Some(entry) = self.old.remove(&key) {
                self.young.insert(key, entry);
            }
        }
        self.young.entry(key).or_default()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut T)> {
        self.young.iter_mut().chain(&mut self.old).map(|(key, entry)| (*key, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_goes_and_is_handed_over() {
        let mut table = Table::new(4);
        let mut dropped = Vec::new();
        *table.entry(0, |_, _| {}) = 7;
        for key in 1..=40 {
            *table.entry(key, |key, _| dropped.push(key)) = key;
            assert_eq!(*table.entry(0, |key, _| dropped.push(key)), 7, "after {key}");
        }
        assert!(table.iter_mut().count() <= 8);
        assert!(dropped.len() >= 32 && !dropped.contains(&0));
        dropped.sort_unstable();
        dropped.dedup();
        assert_eq!(
            dropped.len() + table.iter_mut().count(),
            41,
            "nothing is lost, and nothing handed over twice"
        );
    }
}
