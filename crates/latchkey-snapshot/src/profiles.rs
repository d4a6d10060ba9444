//! Profiles in memory. Keys of a plan or a customer share one, and every shard that holds such keys has it once more: kept once for all
//! shards it takes less memory, and it is at hand in the processor's cache whatever shard a key is in.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::Refusal;
use crate::profile::ProfileBytes;

/// Rows for each profile of a shard from which on its profiles are looked for in other shards. With fewer most of them belong to one key.
const ROWS_TO_SHARE: usize = 4;

/// The profiles of a verified table, by their numbers.
#[derive(Clone, Debug)]
pub(crate) enum Profiles {
    /// As they came: one behind the other.
    Own {
        /// Where each begins, and where the last one ends.
        offsets: Vec<u32>,
        bytes: Vec<u8>,
    },
    Shared(Vec<Arc<[u8]>>),
}

impl Profiles {
    /// Checks each of them.
    pub(crate) fn verify(offsets: Vec<u32>, bytes: Vec<u8>) -> Result<Self, Refusal> {
        if offsets.first() != Some(&0) {
            return Err(Refusal::NotCanonical);
        }
        let profiles = Self::Own { offsets, bytes };
        for index in 0..profiles.len() {
            ProfileBytes::verify(profiles.get(index).ok_or(Refusal::NotCanonical)?)?;
        }
        Ok(profiles)
    }

    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        match self {
            Self::Own { offsets, bytes } => {
                let [start, end] = *offsets.get(index..)?.first_chunk::<2>()?;
                bytes.get(start as usize..end as usize)
            }
            Self::Shared(profiles) => profiles.get(index).map(|profile| &**profile),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Own { offsets, .. } => offsets.len() - 1,
            Self::Shared(profiles) => profiles.len(),
        }
    }

    /// Bytes of memory, without those that are shared.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Own { offsets, bytes } => offsets.len() * size_of::<u32>() + bytes.len(),
            Self::Shared(profiles) => profiles.len() * size_of::<Arc<[u8]>>(),
        }
    }
}

/// The profiles that the shards of a base share.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    profiles: BTreeSet<Arc<[u8]>>,
    bytes: usize,
}

impl Pool {
    /// Bytes of memory that the shared profiles take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes a table of so many rows share its profiles, if that is likely to save anything.
    pub(crate) fn share(&mut self, profiles: &mut Profiles, rows: usize) {
        if profiles.len() * ROWS_TO_SHARE > rows {
            return;
        }
        let shared =
            (0..profiles.len()).map_while(|index| profiles.get(index)).map(|profile| self.one(profile));
        *profiles = Profiles::Shared(shared.collect());
    }

    fn one(&mut self, profile: &[u8]) -> Arc<[u8]> {
        if let Some(known) = self.profiles.get(profile) {
            return Arc::clone(known);
        }
        let profile: Arc<[u8]> = profile.into();
        self.bytes += profile.len();
        self.profiles.insert(Arc::clone(&profile));
        profile
    }

    /// Lets go of a table's profiles, and forgets those that no other table has.
    pub(crate) fn release(&mut self, profiles: Profiles) {
        let Profiles::Shared(profiles) = profiles else { return };
        for profile in profiles {
            // This one and the pool's own, unless the pool has an equal one of another base.
            let is_last = Arc::strong_count(&profile) == 2;
            if is_last && self.profiles.get(&profile).is_some_and(|known| Arc::ptr_eq(known, &profile)) {
                self.profiles.remove(&profile);
                self.bytes -= profile.len();
            }
        }
    }

    /// Takes over the profiles of another base, as far as tables still have them.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.profiles.extend(other.profiles);
        self.profiles.retain(|profile| Arc::strong_count(profile) > 1);
        self.bytes = self.profiles.iter().map(|profile| profile.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(profiles: &[&[u8]]) -> Profiles {
        let mut offsets = Vec::from([0]);
        let bytes = profiles.concat();
        offsets.extend(profiles.iter().scan(0, |end, profile| {
            *end += profile.len() as u32;
            Some(*end)
        }));
        Profiles::Own { offsets, bytes }
    }

    #[test]
    fn equal_profiles_of_several_tables_are_kept_once() {
        let mut pool = Pool::default();
        let [mut one, mut two] = [own(&[b"a", b"bb"]), own(&[b"bb", b"ccc"])];
        pool.share(&mut one, 8);
        pool.share(&mut two, 8);
        assert_eq!(pool.bytes(), 6);
        assert_eq!(one.get(1).map(<[u8]>::as_ptr), two.get(0).map(<[u8]>::as_ptr));
        assert_eq!((one.get(0), two.get(1), two.get(2)), (Some(&b"a"[..]), Some(&b"ccc"[..]), None));
        pool.release(one);
        assert_eq!(pool.bytes(), 5, "what the other table still has stays");
        pool.release(two);
        assert_eq!(pool.bytes(), 0);
    }

    #[test]
    fn a_table_whose_rows_hardly_share_profiles_keeps_them_to_itself() {
        let mut pool = Pool::default();
        let mut profiles = own(&[b"a", b"bb"]);
        pool.share(&mut profiles, 7);
        assert!(matches!(profiles, Profiles::Own { .. }));
        assert_eq!(pool.bytes(), 0);
    }

    #[test]
    fn profiles_of_another_base_outlive_it_as_long_as_a_table_has_them() {
        let [mut old, mut new] = [Pool::default(), Pool::default()];
        let [mut kept, mut dropped, mut own_one] = [own(&[b"a"]), own(&[b"bb"]), own(&[b"a"])];
        old.share(&mut kept, 4);
        old.share(&mut dropped, 4);
        new.share(&mut own_one, 4);
        drop(dropped);
        new.absorb(old);
        assert_eq!(new.bytes(), 1);
        new.release(kept);
        assert_eq!(new.bytes(), 1, "an equal profile that is not the pool's own");
        new.release(own_one);
        assert_eq!(new.bytes(), 0);
    }
}
