//! Whoever watches a rebuild.

use crate::domain::generation::Progress;

/// Told what happens; called often and from any thread, so it must not block.
pub trait Observer: Send + Sync + 'static {
    fn progress(&self, generation: i32, progress: &Progress);

    /// Something worth a line.
    fn note(&self, line: &str);

    /// Asked before the cut-over. May block: it is called where that holds nothing up.
    fn confirm(&self, question: &str) -> bool;
}
