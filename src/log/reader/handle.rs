//! What the owner of a reader holds of it.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use super::delivery::Control;
use super::ended::ReaderEnded;
use super::watch::{InFlight, ReaderWatch};
use crate::observe::panic_message;

/// A writer's handle to a running reader.
pub struct ReaderHandle {
    pub controls: mpsc::Sender<Control>,
    /// Of this writer alone.
    pub in_flight: InFlight,
    pub watch: ReaderWatch,
    pub(super) thread: Arc<ReaderThread>,
}

/// A reader's thread, which all of its writers ask why it ended.
pub struct ReaderThread(Mutex<Thread>);

enum Thread {
    Running(JoinHandle<Result<(), ReaderEnded>>),
    Ended(ReaderEnded),
}

impl ReaderHandle {
    /// Why the thread ended. Called once its deliveries have ended without `Delivery::End`: it is gone or about to be, so
    /// that nobody waits here.
    pub fn why_ended(self) -> ReaderEnded {
        self.thread.why_ended()
    }
}

impl ReaderThread {
    pub(super) fn new(thread: JoinHandle<Result<(), ReaderEnded>>) -> ReaderThread {
        ReaderThread(Mutex::new(Thread::Running(thread)))
    }

    fn why_ended(&self) -> ReaderEnded {
        let mut thread = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let why = match std::mem::replace(&mut *thread, Thread::Ended(ReaderEnded::Silent)) {
            Thread::Ended(why) => why,
            Thread::Running(thread) => match thread.join() {
                Ok(Err(ended)) => ended,
                Ok(Ok(())) => ReaderEnded::Silent,
                Err(panic) => ReaderEnded::Panicked(panic_message(panic.as_ref())),
            },
        };
        *thread = Thread::Ended(why.clone());
        why
    }
}
