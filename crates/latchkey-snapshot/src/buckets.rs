//! A fan-out index over sorted numbers: tags are hashes, so equal slices of their range hold about equally many rows.

use alloc::vec::Vec;
use core::ops::Range;

/// Entries that a bucket aims at. Two rows of a shard are a cache line.
const ROWS_PER_BUCKET: usize = 2;

/// Where each slice of the number range begins in a sorted list.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    /// Bits of the number that pick the bucket.
    bits: u32,
    /// `starts[b]..starts[b + 1]` are the entries of bucket `b`.
    starts: Vec<u16>,
}

impl Buckets {
    /// The longest list that can be indexed.
    pub(crate) const MOST: usize = u16::MAX as usize;

    /// Over `count` ascending numbers, at most [`Buckets::MOST`] of them.
    pub(crate) fn build(count: usize, numbers: impl Iterator<Item = u64>) -> Self {
        let bits = (count / ROWS_PER_BUCKET).max(1).next_power_of_two().trailing_zeros();
        let mut starts = Vec::with_capacity((1 << bits) + 1);
        for (position, number) in numbers.enumerate() {
            while starts.len() <= bucket(number, bits) {
                starts.push(position as u16);
            }
        }
        starts.resize((1 << bits) + 1, count as u16);
        Self { bits, starts }
    }

    /// The positions among which `number` stands, if it is there.
    pub(crate) fn range(&self, number: u64) -> Range<usize> {
        let bucket = bucket(number, self.bits);
        match self.starts.get(bucket..bucket + 2) {
            Some(&[start, end]) => start.into()..end.into(),
            _ => 0..0,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.starts.len() * size_of::<u16>()
    }
}

fn bucket(number: u64, bits: u32) -> usize {
    // A shift by 64 would overflow; with no bits there is one bucket.
    if bits == 0 { 0 } else { (number >> (u64::BITS - bits)) as usize }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_range_holds_every_position_of_its_number(mut numbers in proptest::collection::vec(any::<u64>(), 0..300)) {
            numbers.sort_unstable();
            let buckets = Buckets::build(numbers.len(), numbers.iter().copied());
            for (position, number) in numbers.iter().enumerate() {
                prop_assert!(buckets.range(*number).contains(&position));
            }
        }
    }
}
