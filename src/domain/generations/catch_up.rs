//! How far the live generation is behind the generation that readers saw before it.

use std::collections::BTreeMap;

/// Next offsets by topic and partition.
pub type Positions = BTreeMap<(String, i32), i64>;

/// After a rollback, readers see an earlier position until these records are folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchUp {
    /// The other generation.
    pub generation: i32,
    /// The partitions that are behind, and by how many offsets.
    pub partitions: Positions,
}

impl CatchUp {
    /// `None` if the live generation is as far.
    pub fn of(live: &Positions, generation: i32, other: &Positions) -> Option<CatchUp> {
        let behind = |(partition, there): (&(String, i32), &i64)| {
            let here = live.get(partition).copied().unwrap_or(0);
            (here < *there).then(|| (partition.clone(), there - here))
        };
        let partitions: Positions = other.iter().filter_map(behind).collect();
        (!partitions.is_empty()).then_some(CatchUp { generation, partitions })
    }

    /// Sum over all partitions.
    pub fn records(&self) -> i64 {
        self.partitions.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(offsets: &[i64]) -> Positions {
        (0..).zip(offsets).map(|(partition, offset)| (("orders".to_owned(), partition), *offset)).collect()
    }

    #[test]
    fn partitions_that_are_ahead_make_up_for_none_that_are_behind() {
        let behind = CatchUp::of(&positions(&[10, 99, 3]), 3, &positions(&[12, 50, 3, 7])).unwrap();
        assert_eq!(behind.partitions, [(("orders".to_owned(), 0), 2), (("orders".to_owned(), 3), 7)].into());
        assert_eq!((behind.generation, behind.records()), (3, 9));
        assert_eq!(CatchUp::of(&positions(&[10, 99]), 3, &positions(&[10, 50])), None);
    }
}
