//! How far the live generation is behind the generation that readers saw before it.

use crate::domain::log::positions::TopicPositions;

/// After a rollback, readers see an earlier position until these records are folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchUp {
    /// The other generation.
    pub generation: i32,
    /// The partitions that are behind, and by how many offsets.
    pub partitions: TopicPositions,
}

impl CatchUp {
    /// `None` if the live generation is as far.
    pub fn of(live: &TopicPositions, generation: i32, other: &TopicPositions) -> Option<CatchUp> {
        let behind = |(partition, there): (&(String, i32), &i64)| {
            let here = live.get(partition).copied().unwrap_or(0);
            (here < *there).then(|| (partition.clone(), there - here))
        };
        let partitions: TopicPositions = other.iter().filter_map(behind).collect();
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

    fn positions(offsets: &[i64]) -> TopicPositions {
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
