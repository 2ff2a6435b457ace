//! A partition of one of the two topics.

use super::record::Stream;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamPartition {
    pub stream: Stream,
    pub partition: i32,
}
