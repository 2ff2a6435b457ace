//! A record's position in its topic.

use serde::{Deserialize, Serialize};

/// A record's partition and offset. Decides conflicts: the event at the smaller position wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    pub partition: i32,
    pub offset: i64,
}
