//! Where a record lies in its topic.

use serde::{Deserialize, Serialize};

/// Decides conflicts: the smaller one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    pub partition: i32,
    pub offset: i64,
}
