//! Records that a generation rejected, so that another fold of the log can reject them too.

use std::collections::BTreeMap;

use super::partition::StreamPartition;
use super::rejection::Reason;

/// By partition and offset, 16 bytes for each: a log may hold millions of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefusedRecords {
    /// By ascending offset.
    offsets: BTreeMap<StreamPartition, Vec<(i64, Reason)>>,
}

impl RefusedRecords {
    /// Adds a record; those of a partition come by ascending offset.
    pub fn push(&mut self, partition: StreamPartition, offset: i64, reason: Reason) {
        self.offsets.entry(partition).or_default().push((offset, reason));
    }

    /// Why a record was rejected, if it was.
    pub fn reason(&self, partition: StreamPartition, offset: i64) -> Option<Reason> {
        let offsets = self.offsets.get(&partition)?;
        let at = offsets.binary_search_by_key(&offset, |(offset, _)| *offset).ok()?;
        offsets.get(at).map(|(_, reason)| *reason)
    }

    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::record::Stream;

    #[test]
    fn a_record_is_found_by_its_place_alone() {
        let partition = |index| StreamPartition { stream: Stream::Orders, index };
        let mut refused = RefusedRecords::default();
        assert!(refused.is_empty());
        refused.push(partition(0), 3, Reason::Malformed);
        refused.push(partition(0), 9, Reason::Invalid);
        refused.push(partition(1), 4, Reason::TooLarge);
        assert_eq!(refused.reason(partition(0), 9), Some(Reason::Invalid));
        assert_eq!(refused.reason(partition(1), 4), Some(Reason::TooLarge));
        for (index, offset) in [(0, 4), (1, 3), (2, 3)] {
            assert_eq!(refused.reason(partition(index), offset), None);
        }
    }
}
