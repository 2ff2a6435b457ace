//! What the owner of a reader holds of it.

use std::sync::mpsc;
use std::thread::JoinHandle;

use super::delivery::Control;
use super::ended::ReaderEnded;
use super::watch::{InFlight, ReaderWatch};
use crate::observe::panic_message;

/// The writer's handle to a running reader.
pub struct ReaderHandle {
    pub controls: mpsc::Sender<Control>,
    pub in_flight: InFlight,
    pub watch: ReaderWatch,
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
