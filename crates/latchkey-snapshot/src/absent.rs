//! Tags that are known not to be in a base, so that a dead key that is presented again and again loads its shard once.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

/// Tags that are remembered at most: 64 KiB.
const SLOTS: usize = 4_096;
const WORDS: usize = 4;

type Words = [u32; WORDS];

/// A tag has one slot, and the newest one of a slot is remembered. Atomic because look-ups only read; two threads that write one slot
/// at once may leave half of each tag, which is then no tag of anybody's.
#[derive(Debug)]
pub(crate) struct Absent(Vec<[AtomicU32; WORDS]>);

impl Absent {
    /// Remembers nothing.
    pub(crate) const NONE: Self = Self(Vec::new());

    pub(crate) fn new() -> Self {
        Self((0..SLOTS).map(|_| Default::default()).collect())
    }

    pub(crate) fn note(&self, tag: &[u8; 16]) {
        let words = words(tag);
        let Some(slot) = self.slot(&words) else { return };
        for (place, word) in slot.iter().zip(words) {
            place.store(word, Ordering::Relaxed);
        }
    }

    pub(crate) fn knows(&self, tag: &[u8; 16]) -> bool {
        let words = words(tag);
        // An empty slot is all zeros, and so no word about the tag of zeros.
        words != Words::default()
            && self.slot(&words).is_some_and(|slot| {
                slot.iter().zip(words).all(|(place, word)| place.load(Ordering::Relaxed) == word)
            })
    }

    /// By the end of the tag: all tags of a shard begin alike.
    fn slot(&self, words: &Words) -> Option<&[AtomicU32; WORDS]> {
        self.0.get(words[WORDS - 1] as usize % SLOTS)
    }
}

fn words(tag: &[u8; 16]) -> Words {
    let (words, _) = tag.as_chunks();
    core::array::from_fn(|index| u32::from_le_bytes(words[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_it_was_told_last_and_nothing_else() {
        let absent = Absent::new();
        let tag = |first: u8, last: u8| core::array::from_fn(|index| if index < 8 { first } else { last });
        assert!(!absent.knows(&[0; 16]), "of an empty slot nothing is known");
        absent.note(&tag(1, 7));
        assert!(absent.knows(&tag(1, 7)));
        assert!(!absent.knows(&tag(2, 7)), "another tag of the same slot");
        absent.note(&tag(2, 7));
        assert!(absent.knows(&tag(2, 7)) && !absent.knows(&tag(1, 7)));
        Absent::NONE.note(&tag(1, 7));
        assert!(!Absent::NONE.knows(&tag(1, 7)));
    }
}
