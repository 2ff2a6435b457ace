//! A partition of one of the two topics.

use super::record::Stream;

/// A partition, named by its stream instead of a configurable topic name. Numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamPartition {
    pub stream: Stream,
    pub index: i32,
}
