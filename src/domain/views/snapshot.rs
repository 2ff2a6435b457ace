//! What one publication shows: the committed views at one moment.

use std::sync::Arc;

use super::backlog::ProviderBacklog;
use crate::domain::runs::run::Run;
use crate::domain::timestamp::Timestamp;

/// Orders publications. `epoch` grows with every cut-over, `version` with every publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    pub epoch: i64,
    pub version: i64,
}

impl Stamp {
    /// The largest epoch and version that every JSON reader represents exactly: 2^53 - 1.
    pub const PART_MAX: i64 = (1 << 53) - 1;

    /// The smallest change to `self` whose next version is above `other`.
    pub fn raised_above(self, other: Stamp) -> Stamp {
        if self > other {
            return self;
        }
        let raised = Stamp { epoch: self.epoch.max(other.epoch), version: self.version.max(other.version) };
        if raised.version < Stamp::PART_MAX { raised } else { Stamp { epoch: raised.epoch + 1, version: self.version } }
    }
}

/// The snapshot's content, whenever it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    pub generation: i32,
    /// The latest run of each type.
    pub replay: Option<Arc<Run>>,
    pub alert: Option<Arc<Run>>,
    /// Every provider that has a scheduled replay.
    pub providers: Vec<ProviderBacklog>,
}

/// What one publication writes to Redis and the gauges. Read by the store from one transaction of the live generation.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub stamp: Stamp,
    /// Postgres's time when the views were read; `overdue` is as of then.
    pub as_of: Timestamp,
    pub content: Content,
}

impl Snapshot {
    /// Whether a reader of the other one would miss something that this one has.
    pub fn differs(&self, other: &Snapshot) -> bool {
        self.stamp.epoch != other.stamp.epoch || self.content != other.content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(epoch: i64, version: i64) -> Stamp {
        Stamp { epoch, version }
    }

    #[test]
    fn raising_leaves_room_for_a_next_version_above() {
        for (own, other, expected) in [
            (stamp(3, 10), stamp(3, 9), stamp(3, 10)),
            (stamp(3, 10), stamp(3, 10), stamp(3, 10)),
            (stamp(3, 10), stamp(3, 99), stamp(3, 99)),
            (stamp(3, 10), stamp(5, 2), stamp(5, 10)),
            (stamp(3, 10), stamp(2, 99), stamp(3, 10)),
            (stamp(3, 10), stamp(3, Stamp::PART_MAX), stamp(4, 10)),
        ] {
            let raised = own.raised_above(other);
            assert_eq!(raised, expected, "{own:?} above {other:?}");
            assert!(stamp(raised.epoch, raised.version + 1) > other, "{own:?} above {other:?}");
        }
    }
}
