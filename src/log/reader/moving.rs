//! A partition on its way from one lane to another.

use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use crate::domain::log::partition::StreamPartition;

pub struct Move {
    pub partition: StreamPartition,
    /// Under which the other writer claims it.
    pub assignment: u64,
    /// Answered once the former writer has written all that was taken of it.
    pub released: Receiver<()>,
    /// It is claimed then, whatever the former writer does: the claim fences it.
    pub until: Instant,
}

impl Move {
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.until || !matches!(self.released.try_recv(), Err(TryRecvError::Empty))
    }
}
