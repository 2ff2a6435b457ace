//! The set of sequences that an order has seen: almost always one range.

/// Sorted, disjoint, non-adjacent ranges of sequences, both ends included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SequenceSet(Vec<(i64, i64)>);

impl SequenceSet {
    /// Reads `[first, last, first, last, …]`; `None` if that is not a sorted set.
    pub fn from_bounds(bounds: &[i64]) -> Option<SequenceSet> {
        let (pairs, rest) = bounds.as_chunks::<2>();
        let ranges: Vec<(i64, i64)> = pairs.iter().map(|[first, last]| (*first, *last)).collect();
        let ordered = ranges.iter().all(|(first, last)| first <= last);
        let apart = ranges.windows(2).all(|pair| pair[1].0 > pair[0].1 + 1);
        (rest.is_empty() && ordered && apart).then_some(SequenceSet(ranges))
    }

    pub fn bounds(&self) -> Vec<i64> {
        self.0.iter().flat_map(|(first, last)| [*first, *last]).collect()
    }

    pub fn contains(&self, sequence: i64) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= sequence);
        after > 0 && self.0[after - 1].1 >= sequence
    }

    /// Returns `false` if it was already there.
    pub fn insert(&mut self, sequence: i64) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= sequence);
        if after > 0 && self.0[after - 1].1 >= sequence {
            return false;
        }
        let joins_left = after > 0 && self.0[after - 1].1 + 1 == sequence;
        let joins_right = after < self.0.len() && self.0[after].0 == sequence + 1;
        match (joins_left, joins_right) {
            (true, true) => {
                self.0[after - 1].1 = self.0[after].1;
                self.0.remove(after);
            }
            (true, false) => self.0[after - 1].1 = sequence,
            (false, true) => self.0[after].0 = sequence,
            (false, false) => self.0.insert(after, (sequence, sequence)),
        }
        true
    }

    /// The highest sequence; 0 when empty.
    pub fn last(&self) -> i64 {
        self.0.last().map_or(0, |(_, last)| *last)
    }

    pub fn count(&self) -> i64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// How many of 1..=last are missing.
    pub fn missing(&self) -> i64 {
        self.last() - self.count()
    }

    /// The ranges of 1..=last that are missing, both ends included, in order.
    pub fn gaps(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let ends = std::iter::once(0).chain(self.0.iter().map(|(_, last)| *last));
        ends.zip(&self.0).map(|(end, (first, _))| (end + 1, first - 1)).filter(|(first, last)| first <= last)
    }

    /// Number of ranges, a measure of the memory used.
    pub fn ranges(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_of_integers(sequences in prop::collection::vec(1i64..40, 0..60)) {
            let mut set = SequenceSet::default();
            let mut model = BTreeSet::new();
            for sequence in sequences {
                prop_assert_eq!(set.insert(sequence), model.insert(sequence));
            }
            for sequence in 0..41 {
                prop_assert_eq!(set.contains(sequence), model.contains(&sequence));
            }
            let last = model.last().copied().unwrap_or(0);
            prop_assert_eq!((set.last(), set.count()), (last, model.len() as i64));
            prop_assert_eq!(set.missing(), last - model.len() as i64);
            let missing: Vec<i64> = set.gaps().flat_map(|(first, last)| first..=last).collect();
            prop_assert_eq!(missing, (1..=last).filter(|sequence| !model.contains(sequence)).collect::<Vec<_>>());
            let apart = set.gaps().zip(set.gaps().skip(1)).all(|(one, next)| one.1 + 1 < next.0);
            prop_assert!(apart && set.gaps().all(|(first, last)| 1 <= first && first <= last));
            prop_assert_eq!(SequenceSet::from_bounds(&set.bounds()), Some(set));
        }
    }

    #[test]
    fn bounds_that_are_no_set_are_refused() {
        for bounds in [&[1][..], &[2, 1], &[1, 2, 3, 4], &[5, 6, 1, 2]] {
            assert_eq!(SequenceSet::from_bounds(bounds), None, "{bounds:?}");
        }
    }
}
