//! Observes a rebuild.

use crate::domain::generations::generation::Progress;

/// Receives progress; called often and from any thread, so it must not block.
pub trait Observer: Send + Sync + 'static {
    fn progress(&self, generation: i32, progress: &Progress);

    /// A line for the operator.
    fn note(&self, line: &str);

    /// Asks before the cut-over. May block: it is called where that delays nothing else.
    fn confirm(&self, question: &str) -> bool;
}
