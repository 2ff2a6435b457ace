//! What the owner of a reader holds of it.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use super::delivery::Control;
use super::ended::ReaderEnded;
use crate::domain::log::partition::StreamPartition;
use crate::observe::panic_message;

/// Bytes that have been read but not yet committed to Postgres; the writer subtracts what it has committed.
pub type InFlight = Arc<AtomicUsize>;
/// Last stable offsets, by partition.
pub type Ends = Arc<Mutex<HashMap<StreamPartition, i64>>>;

/// The writer's handle to a running reader.
pub struct ReaderHandle {
    pub controls: mpsc::Sender<Control>,
    pub in_flight: InFlight,
    pub ends: Ends,
    pub(super) thread: JoinHandle<Result<(), ReaderEnded>>,
}

impl ReaderHandle {
    /// Why the thread ended. Called once its deliveries have ended without `Delivery::End`: it is gone or about to be, so
    /// that nobody waits here.
    pub fn why_ended(self) -> ReaderEnded {
        match self.thread.join() {
            Ok(Err(ended)) => ended,
            Ok(Ok(())) => ReaderEnded::Silent,
            Err(panic) => ReaderEnded::Panicked(panic_message(panic.as_ref())),
        }
    }
}
